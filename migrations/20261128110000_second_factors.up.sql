-- A second factor when signing in: codes of an app that both sides compute from a secret and the time (RFC 6238), and codes on
-- paper for when that app is lost.

create table second_factor (
    account_id   bigint primary key constraint second_factor_account_fk references account on delete cascade,
    secret       bytea not null,
    last_step    bigint not null default 0,
    created_at   timestamptz not null default now(),
    confirmed_at timestamptz,
    constraint second_factor_secret_length check (octet_length(secret) = 20)
);
comment on table second_factor is 'Of a person who signs in with a code of an app, too. It asks for none before the first right one was given.';
comment on column second_factor.account_id is 'Whose.';
comment on column second_factor.secret is 'From which both sides compute codes; random.';
comment on column second_factor.last_step is 'Half minutes since 1970 at the last code that was taken: that one and earlier ones are taken no more.';
comment on column second_factor.created_at is 'When it was begun.';
comment on column second_factor.confirmed_at is 'When the first right code was given; null before.';

create table recovery_code (
    account_id bigint not null constraint recovery_code_account_fk references account on delete cascade,
    code_hash  bytea not null,
    used_at    timestamptz,
    primary key (account_id, code_hash),
    constraint recovery_code_hash_is_sha256 check (octet_length(code_hash) = 32)
);
comment on table recovery_code is 'Codes that each stand in for one of the app, once.';
comment on column recovery_code.account_id is 'Whose.';
comment on column recovery_code.code_hash is 'SHA-256 of the code, which is shown once and never stored; it has 80 random bits.';
comment on column recovery_code.used_at is 'When it was used.';

create table sign_in_step (
    token_hash bytea primary key,
    account_id bigint not null constraint sign_in_step_account_fk references account on delete cascade,
    expires_at timestamptz not null default now() + interval '10 minutes',
    constraint sign_in_step_hash_is_sha256 check (octet_length(token_hash) = 32)
);
create index sign_in_step_by_end on sign_in_step (expires_at);
create index sign_in_step_by_account on sign_in_step (account_id);
comment on table sign_in_step is 'Who gave the right password and is asked for a code.';
comment on column sign_in_step.token_hash is 'SHA-256 of what the form for the code carries.';
comment on column sign_in_step.account_id is 'Whose password it was.';
comment on column sign_in_step.expires_at is 'From then on one begins anew, by the database clock.';
comment on index sign_in_step_by_end is 'Clean-up.';
comment on index sign_in_step_by_account is 'A new password ends them.';
