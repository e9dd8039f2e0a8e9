-- A forgotten password is set anew by whoever reads the account's mail.

create table password_reset (
    account_id  bigint primary key constraint password_reset_account_fk references account on delete cascade,
    secret_hash bytea not null,
    expires_at  timestamptz not null,
    constraint password_reset_secret_once unique (secret_hash),
    constraint password_reset_secret_hash_is_sha256 check (octet_length(secret_hash) = 32)
);
comment on table password_reset is 'The link with which somebody may set a new password: the latest one that was mailed. Using it, another password and another address end it.';
comment on column password_reset.account_id is 'Whose password it sets.';
comment on column password_reset.secret_hash is 'SHA-256 of the secret in the link, which stands in the mail alone.';
comment on column password_reset.expires_at is 'From then on it is refused, by the database clock.';

alter table mail drop constraint mail_kind_known;
alter table mail add constraint mail_kind_known check (kind in ('verdict', 'digest', 'confirmation', 'reset'));
create index mail_resets on mail (account_id, created_at) where kind = 'reset';
comment on column mail.kind is 'verdict, digest, confirmation of an address, or reset of a forgotten password.';
comment on index mail_resets is 'How often an account was sent a link for a new password, which is bounded.';
