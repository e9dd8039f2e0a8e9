-- Accounts that are disabled, and experiments that a person stopped.

alter table account
    add column disabled_at     timestamptz,
    add column disabled_by     bigint constraint account_disabled_by_fk references account on delete set null,
    add column disabled_reason text,
    add constraint account_disabled_has_reason check ((disabled_at is null) = (disabled_reason is null)),
    add constraint account_disabled_by_only_if_disabled check (disabled_by is null or disabled_at is not null),
    add constraint account_disabled_reason_length check (char_length(disabled_reason) between 1 and 300);
comment on column account.disabled_at is 'Since when nobody can sign in; what the account wrote stays.';
comment on column account.disabled_by is 'The admin who did it; null for the command line.';
comment on column account.disabled_reason is 'Why; its owner reads it when signing in.';

alter table experiment
    add column stopped_at  timestamptz,
    add column stopped_by  bigint constraint experiment_stopped_by_fk references account on delete set null,
    add column stop_reason text,
    add constraint experiment_stopped_has_reason check ((stopped_at is null) = (stop_reason is null)),
    add constraint experiment_stopped_by_only_if_stopped check (stopped_by is null or stopped_at is not null),
    add constraint experiment_stopped_after_registration check (stopped_at is null or registered_at is not null),
    add constraint experiment_stop_reason_length check (char_length(stop_reason) between 1 and 300);
comment on column experiment.stopped_at is 'When a person stopped it; its runs are cancelled and its verdict is aborted.';
comment on column experiment.stopped_by is 'Its author or an admin.';
comment on column experiment.stop_reason is 'Why; part of the verdict.';

alter table run_event
    drop constraint run_event_kind_known,
    add constraint run_event_kind_known check (kind in (
        'registered', 'taken', 'resumed', 'checkpoint', 'succeeded', 'failed', 'lost', 'preempted', 'unable',
        'timed_out', 'cancel_asked', 'cancelled', 'retried', 'stalled', 'given_up', 'stopped', 'concluded', 'withdrawn'));
