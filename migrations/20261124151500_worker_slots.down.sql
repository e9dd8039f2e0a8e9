-- `create or replace` cannot take a column away from a view.
drop view live_worker;
alter table worker drop column slots;
create view live_worker as
    select worker.* from worker
    where stopped_at is null
      and (last_seen_at > now() - interval '2 minutes'
           or exists (select from run_lease where worker_id = worker.id and expires_at > now()));
comment on view live_worker is 'Workers that count: not signed off, and heard of lately or still within a lease.';
