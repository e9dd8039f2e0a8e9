-- What readers' own machines made of an experiment's runs, as they report it.

create table reproduction (
    id             bigint generated always as identity primary key,
    experiment_id  bigint not null constraint reproduction_experiment_fk references experiment,
    account_id     bigint not null constraint reproduction_account_fk references account,
    device         text not null,
    arithmetic     text not null,
    device_name    text not null,
    threads        integer not null,
    worker_version text not null,
    code_version   text not null,
    word           text not null,
    runs           integer not null,
    numbers        jsonb not null,
    created_at     timestamptz not null default now(),
    removed_at     timestamptz,
    constraint reproduction_device_known check (device in ('cpu', 'cuda')),
    constraint reproduction_arithmetic_known check (
        device = 'cpu' and arithmetic in ('AVX-512', 'AVX2', 'NEON', 'scalar')
        or device = 'cuda' and arithmetic in ('f32', 'tf32', 'bf16')),
    constraint reproduction_device_name_length check (char_length(device_name) between 1 and 200),
    constraint reproduction_threads_count check (threads between 1 and 4096),
    constraint reproduction_worker_version_length check (char_length(worker_version) between 1 and 60),
    constraint reproduction_code_version_length check (char_length(code_version) between 1 and 60),
    constraint reproduction_word_known check (word in ('identical', 'within_tolerance', 'different')),
    constraint reproduction_runs_count check (runs between 1 and 200),
    constraint reproduction_numbers_is_list check (jsonb_typeof(numbers) = 'array')
);
create unique index reproduction_once on reproduction (experiment_id, account_id, device, arithmetic) where removed_at is null;
create index reproduction_of_experiment on reproduction (experiment_id, id) where removed_at is null;
create index reproduction_of_account on reproduction (account_id, created_at);
comment on table reproduction is 'Runs of an experiment trained again by a reader, as that reader reports: nobody else saw it, and it moves neither verdict nor standing.';
comment on column reproduction.id is 'In the order in which they were reported.';
comment on column reproduction.experiment_id is 'The experiment, which is concluded.';
comment on column reproduction.account_id is 'Who reports it.';
comment on column reproduction.device is 'cpu or cuda.';
comment on column reproduction.arithmetic is 'Vector instructions of a processor, or precision of a card''s products.';
comment on column reproduction.device_name is 'The device''s own name, as reported.';
comment on column reproduction.threads is 'Threads of each run.';
comment on column reproduction.worker_version is 'Version of the program that trained them.';
comment on column reproduction.code_version is 'The commit that it was built from.';
comment on column reproduction.word is 'identical, within_tolerance or different: what the board finds when it holds these numbers against its own.';
comment on column reproduction.runs is 'How many runs.';
comment on column reproduction.numbers is 'Of each run its number and its final metrics, null if it diverged; empty once it was removed.';
comment on column reproduction.created_at is 'When it was reported.';
comment on column reproduction.removed_at is 'When its author took it back, or reported the same hardware again; the row stays, for the limits.';
comment on index reproduction_once is 'One of each person, experiment and kind of hardware: a later one takes its place.';
comment on index reproduction_of_experiment is 'What the page of an experiment counts, the newest first.';
comment on index reproduction_of_account is 'How many somebody reported lately, which is bounded.';
