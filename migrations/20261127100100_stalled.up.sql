-- An experiment that machine trouble would end as aborted waits for an admin; losses count since a run got further.

alter table experiment
    add column stalled_at timestamptz,
    add column stalled_reason text,
    drop constraint experiment_state_known,
    add constraint experiment_state_known check (state in
        ('proposed', 'registered', 'running', 'stalled', 'concluded', 'withdrawn')),
    add constraint experiment_stalled_has_time check ((state = 'stalled') = (stalled_at is not null)),
    add constraint experiment_stalled_has_reason check ((stalled_at is null) = (stalled_reason is null)),
    add constraint experiment_stalled_reason_length check (char_length(stalled_reason) between 1 and 16000);
comment on column experiment.state is 'proposed (editable), registered (frozen), running, stalled (too many runs are missing; an admin decides), concluded; or withdrawn.';
comment on column experiment.stalled_at is 'Since when it waits for an admin; null unless stalled.';
comment on column experiment.stalled_reason is 'Which runs are missing and why, for everybody to read; null unless stalled.';
create index experiment_stalled on experiment (stalled_at) where state = 'stalled';
comment on index experiment_stalled is 'The admin''s list of what waits for a decision.';
create index experiment_open on experiment (id) where state in ('registered', 'running');
comment on index experiment_open is 'What the sweep looks through for experiments that nobody concluded.';

alter table run_event
    drop constraint run_event_kind_known,
    add constraint run_event_kind_known check (kind in (
        'registered', 'taken', 'resumed', 'checkpoint', 'succeeded', 'failed', 'lost', 'preempted', 'unable',
        'timed_out', 'cancel_asked', 'cancelled', 'retried', 'stalled', 'given_up', 'concluded', 'withdrawn'));
create index run_event_old_checkpoints on run_event (created_at) where kind in ('checkpoint', 'resumed');
comment on index run_event_old_checkpoints is 'What the clean-up removes: a row a checkpoint would outgrow everything else.';
create index worker_gone on worker (last_seen_at);
comment on index worker_gone is 'What the clean-up removes: a row a process, and batch systems start one for each run.';
create index run_attempt_by_worker on run_attempt (worker_id);
comment on index run_attempt_by_worker is 'Whether a worker that is long gone is still named by an attempt.';

alter table run
    add column losses_in_row smallint not null default 0,
    add constraint run_losses_in_row_count check (losses_in_row between 0 and losses),
    add constraint run_seed_range check (seed between 0 and 4294967295);
update run set losses_in_row = losses;
comment on column run.losses is 'Attempts that were lost or out of time: nobody''s fault, counted apart.';
comment on column run.losses_in_row is 'Losses since an attempt last got further than those before it: what back-off and max_losses count.';
comment on column run.max_losses is 'Losses in a row that end the run: a specification that kills its worker must stop somewhere.';
comment on column run.max_runtime_s is 'Seconds one attempt may take, however lively it beats; the next one goes on from its last checkpoint.';
