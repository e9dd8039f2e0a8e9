-- Several runs at once by one worker.

alter table worker
    add column slots smallint not null default 1,
    add constraint worker_slots_within_limits check (slots between 1 and 64);
comment on column worker.slots is 'Most runs that it works on at once, each under a lease of its own.';

-- As before, with the new column: a view keeps the columns that its table had when it was made.
create or replace view live_worker as
    select worker.* from worker
    where stopped_at is null
      and (last_seen_at > now() - interval '2 minutes'
           or exists (select from run_lease where worker_id = worker.id and expires_at > now()));
