-- Signing in by what other sites say who somebody is: ORCID, GitHub, any provider of OpenID Connect that the operator names.
-- An account is known by a provider and that provider's own number for the person, never by an address for mail.

create table identity (
    id           bigint generated always as identity primary key,
    account_id   bigint not null constraint identity_account_fk references account on delete cascade,
    issuer       text not null,
    subject      text not null,
    shown        text not null,
    created_at   timestamptz not null default now(),
    last_used_at timestamptz,
    constraint identity_once unique (issuer, subject),
    constraint identity_issuer_length check (char_length(issuer) between 1 and 300),
    constraint identity_subject_length check (char_length(subject) between 1 and 255),
    constraint identity_shown_length check (char_length(shown) <= 100)
);
create index identity_by_account on identity (account_id, id);
comment on table identity is 'By what a provider says somebody signs in to an account.';
comment on column identity.id is 'Names it when it is disconnected.';
comment on column identity.account_id is 'Whose.';
comment on column identity.issuer is 'Address of the provider, which makes its numbers one of a kind.';
comment on column identity.subject is 'The provider’s own number or name for the person, which it gives to nobody else.';
comment on column identity.shown is 'What the provider called the person when this was connected, for the account’s page alone; empty if it said nothing.';
comment on column identity.created_at is 'When it was connected.';
comment on column identity.last_used_at is 'When somebody signed in with it last; null for never.';
comment on index identity_by_account is 'What somebody signs in with, and how many that are.';

create table provider_step (
    state_hash   bytea primary key,
    browser_hash bytea not null,
    provider     text not null,
    nonce        text not null,
    verifier     text not null,
    next         text not null,
    account_id   bigint constraint provider_step_account_fk references account on delete cascade,
    expires_at   timestamptz not null default now() + interval '10 minutes',
    constraint provider_step_state_is_sha256 check (octet_length(state_hash) = 32),
    constraint provider_step_browser_is_sha256 check (octet_length(browser_hash) = 32)
);
create index provider_step_by_end on provider_step (expires_at);
create index provider_step_by_account on provider_step (account_id) where account_id is not null;
comment on table provider_step is 'Who was sent to a provider and is to come back, once.';
comment on column provider_step.state_hash is 'SHA-256 of what comes back in the address.';
comment on column provider_step.browser_hash is 'SHA-256 of a cookie: nobody else’s browser comes back with it.';
comment on column provider_step.provider is 'Which one, as the operator’s file calls it.';
comment on column provider_step.nonce is 'Random; what the provider signs has to hold it.';
comment on column provider_step.verifier is 'Random; its SHA-256 was sent along, and itself is sent with the code (PKCE).';
comment on column provider_step.next is 'The page of this site to go on to.';
comment on column provider_step.account_id is 'Whose account is to be connected; null where somebody signs in.';
comment on column provider_step.expires_at is 'From then on one begins anew, by the database clock.';
comment on index provider_step_by_end is 'Clean-up.';
comment on index provider_step_by_account is 'What goes with the account.';

create table newcomer_step (
    token_hash bytea primary key,
    provider   text not null,
    issuer     text not null,
    subject    text not null,
    shown      text not null,
    next       text not null,
    expires_at timestamptz not null default now() + interval '10 minutes',
    constraint newcomer_step_token_is_sha256 check (octet_length(token_hash) = 32),
    constraint newcomer_step_issuer_length check (char_length(issuer) between 1 and 300),
    constraint newcomer_step_subject_length check (char_length(subject) between 1 and 255),
    constraint newcomer_step_shown_length check (char_length(shown) <= 100)
);
create index newcomer_step_by_end on newcomer_step (expires_at);
comment on table newcomer_step is 'Who came back from a provider, has no account, and is asked for a name.';
comment on column newcomer_step.token_hash is 'SHA-256 of a cookie.';
comment on column newcomer_step.provider is 'From which one, as the operator’s file calls it.';
comment on column newcomer_step.issuer is 'As in identity.';
comment on column newcomer_step.subject is 'As in identity.';
comment on column newcomer_step.shown is 'As in identity; the name that is proposed is made of it.';
comment on column newcomer_step.next is 'The page of this site to go on to.';
comment on column newcomer_step.expires_at is 'From then on one begins anew, by the database clock.';
comment on index newcomer_step_by_end is 'Clean-up.';

comment on column account.password_hash is 'argon2id in PHC form, parameters included. Where there is no password: none, for people with random letters behind it, with which browsers that signed in before are marked.';
