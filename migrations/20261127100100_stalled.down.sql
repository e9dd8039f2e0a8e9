alter table run drop constraint run_seed_range, drop constraint run_losses_in_row_count, drop column losses_in_row;
comment on column run.losses is 'Attempts that were lost or preempted: nobody''s fault, counted apart.';
comment on column run.max_losses is 'Losses that end the run: a specification that kills its worker must stop somewhere.';
comment on column run.max_runtime_s is 'Seconds one attempt may take, however lively it beats.';
drop index run_attempt_by_worker, worker_gone, run_event_old_checkpoints;
delete from run_event where kind in ('stalled', 'given_up', 'unable');
alter table run_event
    drop constraint run_event_kind_known,
    add constraint run_event_kind_known check (kind in (
        'registered', 'taken', 'resumed', 'checkpoint', 'succeeded', 'failed', 'lost', 'preempted',
        'timed_out', 'cancel_asked', 'cancelled', 'retried', 'concluded', 'withdrawn'));
drop index experiment_open, experiment_stalled;
-- The version before concludes it when the next of its runs ends.
update experiment set state = 'running', stalled_at = null, stalled_reason = null where state = 'stalled';
alter table experiment
    drop constraint experiment_stalled_reason_length,
    drop constraint experiment_stalled_has_reason,
    drop constraint experiment_stalled_has_time,
    drop constraint experiment_state_known,
    add constraint experiment_state_known check (state in ('proposed', 'registered', 'running', 'concluded', 'withdrawn')),
    drop column stalled_reason,
    drop column stalled_at;
comment on column experiment.state is 'proposed (editable), registered (frozen), running, concluded; or withdrawn.';
