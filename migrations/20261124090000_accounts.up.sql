-- People, how they sign in, and what keeps a retried request from acting twice.

create table account (
    id            bigint generated always as identity primary key,
    name          text not null,
    password_hash text not null,
    role          text not null default 'member',
    created_at    timestamptz not null default now(),
    constraint account_name_unique unique (name),
    constraint account_name_form check (name ~ '^[a-z0-9][a-z0-9_-]{1,30}[a-z0-9]$'),
    constraint account_role_known check (role in ('member', 'moderator', 'admin'))
);
comment on table account is 'A person who can sign in. Readers need none.';
comment on column account.id is 'Internal key; addresses use the name.';
comment on column account.name is 'Public name, part of /people/{name}; lower case, so that two names never differ by case alone.';
comment on column account.password_hash is 'argon2id in PHC form, parameters included.';
comment on column account.role is 'member proposes and comments; moderator also hides comments; admin also runs the queue.';
comment on column account.created_at is 'When the person signed up.';

create table session (
    token_hash   bytea primary key,
    account_id   bigint not null constraint session_account_fk references account on delete cascade,
    created_at   timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    expires_at   timestamptz not null,
    constraint session_token_hash_is_sha256 check (octet_length(token_hash) = 32),
    constraint session_expires_later check (expires_at > created_at)
);
create index session_by_account on session (account_id);
comment on table session is 'A signed-in browser.';
comment on column session.token_hash is 'SHA-256 of the cookie, so that a stolen table signs nobody in.';
comment on column session.account_id is 'Who is signed in.';
comment on column session.created_at is 'Sign-in; the absolute limit counts from here.';
comment on column session.last_seen_at is 'Last request, written at most once a minute; the idle limit counts from here.';
comment on column session.expires_at is 'Absolute end, by the database clock.';
comment on index session_by_account is 'Sign out everywhere.';

create table api_token (
    id           bigint generated always as identity primary key,
    account_id   bigint not null constraint api_token_account_fk references account on delete cascade,
    label        text not null,
    token_hash   bytea not null,
    scopes       text[] not null,
    created_at   timestamptz not null default now(),
    last_used_at timestamptz,
    revoked_at   timestamptz,
    constraint api_token_hash_unique unique (token_hash),
    constraint api_token_hash_is_sha256 check (octet_length(token_hash) = 32),
    constraint api_token_label_length check (char_length(label) between 1 and 100),
    constraint api_token_scopes_known check (scopes <@ array['read', 'write', 'admin'] and cardinality(scopes) > 0)
);
create index api_token_by_account on api_token (account_id);
comment on table api_token is 'A bearer token (bmw_…) for scripts.';
comment on column api_token.id is 'Names the token when it is revoked.';
comment on column api_token.account_id is 'On whose behalf the script acts.';
comment on column api_token.label is 'What the person called it.';
comment on column api_token.token_hash is 'SHA-256 of the token, which is shown once and never stored.';
comment on column api_token.scopes is 'read; write (propose, register, comment); admin (queue), which also needs the role.';
comment on column api_token.created_at is 'When it was made.';
comment on column api_token.last_used_at is 'Last request, written at most once a minute.';
comment on column api_token.revoked_at is 'Set once; the row stays so that the list shows it.';
comment on index api_token_by_account is 'The list on the account page.';

create table idempotency_key (
    account_id     bigint not null constraint idempotency_key_account_fk references account on delete cascade,
    key            text not null,
    request_sha256 bytea not null,
    status         smallint,
    body           jsonb,
    created_at     timestamptz not null default now(),
    primary key (account_id, key),
    constraint idempotency_key_length check (char_length(key) between 1 and 200),
    constraint idempotency_key_request_is_sha256 check (octet_length(request_sha256) = 32),
    constraint idempotency_key_answer_whole check ((status is null) = (body is null))
);
create index idempotency_key_by_age on idempotency_key (created_at);
comment on table idempotency_key is 'Answers of POST requests by Idempotency-Key, kept a day: a retry gets the first answer.';
comment on column idempotency_key.account_id is 'Keys of different people never meet.';
comment on column idempotency_key.key is 'The header, as sent.';
comment on column idempotency_key.request_sha256 is 'Of method, path and body: the same key with another request is refused.';
comment on column idempotency_key.status is 'HTTP status of the first answer; null while it is being made.';
comment on column idempotency_key.body is 'The first answer.';
comment on column idempotency_key.created_at is 'Rows older than a day are removed.';
comment on index idempotency_key_by_age is 'Clean-up.';
