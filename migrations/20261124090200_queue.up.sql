-- The job table: runs, the leases on them, and everything a worker reports.

create table worker (
    id           uuid primary key,
    host         text not null,
    device       text not null,
    version      text not null,
    started_at   timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    stopped_at   timestamptz
);
comment on table worker is 'A worker process that registered itself.';
comment on column worker.id is 'Fresh for each process: a reused name would hide a dead worker''s runs.';
comment on column worker.host is 'Host name, for people.';
comment on column worker.device is 'cpu or cuda:N, and the device''s name.';
comment on column worker.version is 'Version of the worker''s code.';
comment on column worker.started_at is 'When the process registered.';
comment on column worker.last_seen_at is 'Last time it asked for work or beat.';
comment on column worker.stopped_at is 'When it signed off; null while it lives or if it died.';

create table run (
    id               bigint generated always as identity primary key,
    experiment_id    bigint not null constraint run_experiment_fk references experiment,
    owner_id         bigint not null constraint run_owner_fk references account,
    arm              text not null,
    seed             bigint not null,
    plan             jsonb not null,
    steps            integer not null,
    state            text not null default 'queued',
    priority         smallint not null default 0,
    run_after        timestamptz not null default now(),
    epoch            bigint not null default 0,
    failures         smallint not null default 0,
    losses           smallint not null default 0,
    max_failures     smallint not null default 3,
    max_losses       smallint not null default 10,
    max_runtime_s    integer not null default 21600,
    cancel_asked_at  timestamptz,
    cancel_asked_by  bigint constraint run_cancel_asked_by_fk references account,
    cancel_reason    text,
    failure          text,
    error            text,
    result           jsonb,
    retry_of         bigint constraint run_retry_of_fk references run,
    created_at       timestamptz not null default now(),
    started_at       timestamptz,
    finished_at      timestamptz,
    constraint run_retried_once unique (retry_of),
    constraint run_state_known check (state in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    constraint run_finished_iff_final check ((finished_at is not null) = (state in ('succeeded', 'failed', 'cancelled'))),
    constraint run_result_iff_succeeded check (state <> 'succeeded' or result is not null),
    constraint run_failure_known check (failure in ('specification', 'error', 'out_of_memory', 'diverged', 'timed_out', 'lost')),
    constraint run_failure_iff_failed check ((state = 'failed') = (failure is not null)),
    constraint run_epoch_counts check (epoch >= 0),
    constraint run_losses_count check (losses >= 0 and failures >= 0),
    constraint run_steps_positive check (steps > 0),
    constraint run_cancel_has_reason check (num_nulls(cancel_asked_at, cancel_reason) in (0, 2))
);
create unique index run_arm_seed_unique on run (experiment_id, arm, seed) where retry_of is null;
create index run_next on run (priority desc, id) where state = 'queued';
create index run_next_of_owner on run (owner_id, priority desc, id) where state = 'queued';
create index run_running_by_owner on run (owner_id) where state = 'running';
create index run_by_experiment on run (experiment_id, id);
create index run_recent_failures on run (finished_at desc) where state = 'failed';
comment on table run is 'One arm with one seed: the unit of work. A cold row, written a few times in its life.';
comment on column run.id is 'Part of /runs/{id}; growing, so it is also the age.';
comment on column run.experiment_id is 'The experiment it belongs to.';
comment on column run.owner_id is 'Whose run it is: the queue is fair between people.';
comment on column run.arm is 'Name of the arm.';
comment on column run.seed is 'The seed; arms of one seed form a pair.';
comment on column run.plan is 'What to train: the arm of the frozen specification with everything resolved.';
comment on column run.steps is 'Optimizer steps in all, for progress.';
comment on column run.state is 'queued, running, then for ever succeeded, failed or cancelled.';
comment on column run.priority is 'Higher goes first.';
comment on column run.run_after is 'Not before: the back-off of a retry.';
comment on column run.epoch is 'Fencing number: grows by one with each lease, never falls. Every report must name it.';
comment on column run.failures is 'Attempts that failed by their own doing.';
comment on column run.losses is 'Attempts that were lost or preempted: nobody''s fault, counted apart.';
comment on column run.max_failures is 'Failures that end the run.';
comment on column run.max_losses is 'Losses that end the run: a specification that kills its worker must stop somewhere.';
comment on column run.max_runtime_s is 'Seconds one attempt may take, however lively it beats.';
comment on column run.cancel_asked_at is 'When somebody asked for the end; a running run learns it with its next beat.';
comment on column run.cancel_asked_by is 'Who asked.';
comment on column run.cancel_reason is 'Why; shown to everybody.';
comment on column run.failure is 'What kind of failure ended it. diverged is a result, the worst of its arm.';
comment on column run.error is 'The reason in words, for people.';
comment on column run.result is 'Metrics, proof of treatment and provenance of the successful attempt.';
comment on column run.created_at is 'When it was queued first.';
comment on column run.started_at is 'When it was first taken.';
comment on column run.finished_at is 'When it reached its final state.';
comment on column run.retry_of is 'The failed or cancelled run that an admin had done again: final states stay, a retry is a new row, and the newest of its line counts.';
comment on index run_arm_seed_unique is 'One line of runs for each arm and seed.';
comment on index run_next is 'The queue in order, as the public page shows it.';
comment on index run_next_of_owner is 'What to take next: the head of each person''s line.';
comment on index run_running_by_owner is 'Fairness: how many runs of a person are running.';
comment on index run_by_experiment is 'An experiment''s runs, in order.';
comment on index run_recent_failures is 'The admin''s list of failures.';

create table run_lease (
    run_id      bigint primary key constraint run_lease_run_fk references run,
    epoch       bigint not null,
    worker_id   uuid not null constraint run_lease_worker_fk references worker,
    taken_at    timestamptz not null default now(),
    beat_at     timestamptz not null default now(),
    expires_at  timestamptz not null,
    step        integer not null default 0,
    progress_at timestamptz not null default now()
) with (fillfactor = 50);
comment on table run_lease is 'A worker''s time-limited right to a run. The only hot rows; no index on what changes, so each beat is a HOT update.';
comment on column run_lease.run_id is 'At most one lease a run.';
comment on column run_lease.epoch is 'Equals run.epoch while the lease holds.';
comment on column run_lease.worker_id is 'Who holds it.';
comment on column run_lease.taken_at is 'Start of this attempt.';
comment on column run_lease.beat_at is 'Last heartbeat, by the database clock.';
comment on column run_lease.expires_at is 'When the reaper may take it away.';
comment on column run_lease.step is 'Optimizer steps done.';
comment on column run_lease.progress_at is 'When step last grew: a hung device may still beat.';

create table run_attempt (
    run_id       bigint not null constraint run_attempt_run_fk references run,
    epoch        bigint not null,
    worker_id    uuid not null constraint run_attempt_worker_fk references worker,
    resumed_from integer,
    started_at   timestamptz not null default now(),
    ended_at     timestamptz,
    outcome      text,
    error        text,
    primary key (run_id, epoch),
    constraint run_attempt_outcome_known check (outcome in ('succeeded', 'failed', 'lost', 'preempted', 'timed_out', 'cancelled')),
    constraint run_attempt_ended_whole check ((ended_at is null) = (outcome is null))
);
create unique index run_attempt_one_open on run_attempt (run_id) where ended_at is null;
comment on table run_attempt is 'One lease of a run and how it ended: the timeline, and the answer to a repeated report.';
comment on column run_attempt.run_id is 'The run.';
comment on column run_attempt.epoch is 'The lease''s epoch.';
comment on column run_attempt.worker_id is 'Who tried.';
comment on column run_attempt.resumed_from is 'Step of the checkpoint it went on from; null from the start.';
comment on column run_attempt.started_at is 'When it was taken.';
comment on column run_attempt.ended_at is 'When it ended.';
comment on column run_attempt.outcome is 'succeeded, failed, lost, preempted, timed_out or cancelled.';
comment on column run_attempt.error is 'Why, in words.';
comment on index run_attempt_one_open is 'Never two live attempts of one run.';

create table run_checkpoint (
    run_id     bigint not null,
    epoch      bigint not null,
    step       integer not null,
    object_key text not null,
    bytes      bigint not null,
    sha256     text not null,
    created_at timestamptz not null default now(),
    primary key (run_id, epoch, step),
    constraint run_checkpoint_attempt_fk foreign key (run_id, epoch) references run_attempt,
    constraint run_checkpoint_sha256_form check (sha256 ~ '^[0-9a-f]{64}$'),
    constraint run_checkpoint_step_positive check (step > 0),
    constraint run_checkpoint_not_empty check (bytes > 0)
);
comment on table run_checkpoint is 'Checkpoints that exist: a file that is not registered here does not.';
comment on column run_checkpoint.run_id is 'The run.';
comment on column run_checkpoint.epoch is 'The attempt that wrote it.';
comment on column run_checkpoint.step is 'Optimizer steps done.';
comment on column run_checkpoint.object_key is 'Where it lies in the checkpoint store; contains the epoch, so a stale worker cannot overwrite it.';
comment on column run_checkpoint.bytes is 'Size.';
comment on column run_checkpoint.sha256 is 'Of the file, checked before it is used.';
comment on column run_checkpoint.created_at is 'When it was registered.';

create table run_metric (
    run_id bigint not null constraint run_metric_run_fk references run,
    name   text not null,
    step   integer not null,
    value  double precision not null,
    primary key (run_id, name, step)
);
comment on table run_metric is 'Learning curves, apart from the run rows.';
comment on column run_metric.run_id is 'The run.';
comment on column run_metric.name is 'Metric, as in the table of metrics.';
comment on column run_metric.step is 'Optimizer steps done.';
comment on column run_metric.value is 'Its value; may be NaN or infinite, which is a result too.';

create table run_event (
    id            bigint generated always as identity primary key,
    experiment_id bigint not null constraint run_event_experiment_fk references experiment,
    run_id        bigint constraint run_event_run_fk references run,
    kind          text not null,
    actor_id      bigint constraint run_event_actor_fk references account,
    data          jsonb not null default '{}',
    created_at    timestamptz not null default now(),
    constraint run_event_kind_known check (kind in (
        'registered', 'taken', 'resumed', 'checkpoint', 'succeeded', 'failed', 'lost', 'preempted',
        'timed_out', 'cancel_asked', 'cancelled', 'retried', 'concluded', 'withdrawn'))
);
create index run_event_by_experiment on run_event (experiment_id, id);
comment on table run_event is 'What happened, in order: audit, and the source of live updates (Last-Event-ID).';
comment on column run_event.id is 'Growing; the event id of the stream.';
comment on column run_event.experiment_id is 'The experiment whose page shows it.';
comment on column run_event.run_id is 'The run; null for what concerns the whole experiment.';
comment on column run_event.kind is 'What happened.';
comment on column run_event.actor_id is 'The person who did it; null for the machine.';
comment on column run_event.data is 'Particulars: epoch, worker, step, reason.';
comment on column run_event.created_at is 'When, by the database clock.';
comment on index run_event_by_experiment is 'A page''s stream from where it left off.';

create table queue_control (
    only_row      boolean primary key default true,
    paused_at     timestamptz,
    paused_by     bigint constraint queue_control_paused_by_fk references account,
    pause_reason  text,
    max_running   integer,
    max_running_per_person integer,
    constraint queue_control_one_row check (only_row),
    constraint queue_control_pause_whole check (num_nulls(paused_at, pause_reason) in (0, 2)),
    constraint queue_control_limits_positive check (max_running > 0 and max_running_per_person > 0)
);
comment on table queue_control is 'The switches of the queue; one row.';
comment on column queue_control.only_row is 'Always true: makes a second row impossible.';
comment on column queue_control.paused_at is 'Since when nothing new is taken; null while open.';
comment on column queue_control.paused_by is 'Who paused it.';
comment on column queue_control.pause_reason is 'Why; shown on the public queue page.';
comment on column queue_control.max_running is 'Most runs at once; null for no limit.';
comment on column queue_control.max_running_per_person is 'Most runs at once of one person; null for no limit.';
insert into queue_control default values;
