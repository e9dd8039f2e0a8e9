drop function run_avoids;
alter table run_checkpoint drop column unusable_at;
comment on column run_lease.progress_at is 'When step last grew: a hung device may still beat.';
update run_event set kind = 'preempted' where kind = 'unable';
update run_attempt set outcome = 'preempted' where outcome = 'unable';
alter table run_attempt
    drop constraint run_attempt_outcome_known,
    add constraint run_attempt_outcome_known check (outcome in
        ('succeeded', 'failed', 'lost', 'preempted', 'timed_out', 'cancelled'));
comment on column run_attempt.outcome is 'succeeded, failed, lost, preempted, timed_out or cancelled.';
-- `create or replace` cannot take a column away from a view.
drop view live_worker;
alter table worker drop column takes, drop column trouble, drop column trouble_at;
create view live_worker as
    select worker.* from worker
    where stopped_at is null
      and (last_seen_at > now() - interval '2 minutes'
           or exists (select from run_lease where worker_id = worker.id and expires_at > now()));
comment on view live_worker is 'Workers that count: not signed off, and heard of lately or still within a lease.';
