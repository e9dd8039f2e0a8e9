alter table experiment
    drop column stopped_at,
    drop column stopped_by,
    drop column stop_reason;
alter table account
    drop column disabled_at,
    drop column disabled_by,
    drop column disabled_reason;
delete from run_event where kind = 'stopped';
alter table run_event
    drop constraint run_event_kind_known,
    add constraint run_event_kind_known check (kind in (
        'registered', 'taken', 'resumed', 'checkpoint', 'succeeded', 'failed', 'lost', 'preempted', 'unable',
        'timed_out', 'cancel_asked', 'cancelled', 'retried', 'stalled', 'given_up', 'concluded', 'withdrawn'));
