drop function volunteer_may;
drop function volunteer_takes;

create or replace function experiment_shows_results(of_experiment bigint) returns boolean language sql stable as $$
    select exists (
        select from run
        where run.experiment_id = of_experiment and (
            run.state in ('succeeded', 'failed', 'cancelled')
            or exists (select from run_metric where run_metric.run_id = run.id)))
$$;

alter table queue_control drop column audit_percent;
drop table volunteered;

delete from run_event where kind = 'volunteered';
alter table run_event
    drop constraint run_event_kind_known,
    add constraint run_event_kind_known check (kind in (
        'registered', 'taken', 'resumed', 'checkpoint', 'succeeded', 'failed', 'lost', 'preempted', 'unable',
        'timed_out', 'cancel_asked', 'cancelled', 'retried', 'stalled', 'given_up', 'stopped', 'concluded', 'withdrawn',
        'confirmation', 'disputed', 'dispute_answered', 'dispute_resolved', 'opened'));

update run_attempt set outcome = 'preempted' where outcome = 'volunteered';
alter table run_attempt
    drop constraint run_attempt_outcome_known,
    add constraint run_attempt_outcome_known check (outcome in
        ('succeeded', 'failed', 'lost', 'preempted', 'timed_out', 'cancelled', 'unable'));
comment on column run_attempt.outcome is 'succeeded, failed, lost, preempted, timed_out, cancelled, or unable: the worker''s machine was at fault.';

alter table run drop column trust, drop column lent, drop column board_only, drop column board_after;
comment on column run.retry_of is 'The failed or cancelled run that an admin had done again: final states stay, a retry is a new row, and the newest of its line counts.';

-- A view keeps its columns, so it is made anew without the one that goes.
drop view live_worker;
-- What volunteers' workers hold is nobody's lease any more once nobody is a volunteer: it runs out.
drop index worker_of_volunteer;
alter table worker drop column volunteer_id;
create view live_worker as
    select id, host, device, version, started_at, last_seen_at, stopped_at, slots, takes, trouble, trouble_at from worker
    where stopped_at is null
      and (last_seen_at > now() - interval '2 minutes'
           or exists (select from run_lease where worker_id = worker.id and expires_at > now()));
comment on view live_worker is 'Workers that count: not signed off, and heard of lately or still within a lease.';

drop table volunteer;
drop function volunteer_is_person;
