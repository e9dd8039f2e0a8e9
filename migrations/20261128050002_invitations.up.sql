-- Who may sign up on a board that is open to invited people alone.

create table invitation (
    id         bigint generated always as identity primary key,
    code_hash  bytea not null,
    note       text not null,
    made_by    bigint constraint invitation_made_by_fk references account on delete set null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz,
    used_at    timestamptz,
    used_by    bigint constraint invitation_used_by_fk references account on delete set null,
    constraint invitation_code_once unique (code_hash),
    constraint invitation_code_hash_is_sha256 check (octet_length(code_hash) = 32),
    constraint invitation_note_length check (char_length(note) between 1 and 100),
    constraint invitation_expires_later check (expires_at > created_at),
    constraint invitation_used_or_revoked check (num_nonnulls(used_at, revoked_at) < 2)
);
create index invitation_open on invitation (id) where used_at is null and revoked_at is null;
comment on table invitation is 'A link with which one person signs up, once.';
comment on column invitation.id is 'Names the invitation when it is revoked.';
comment on column invitation.code_hash is 'SHA-256 of the code in the link, which is shown once and never stored.';
comment on column invitation.note is 'Whom it is for, as the admin who made it wrote.';
comment on column invitation.made_by is 'The admin who made it; null for the command line.';
comment on column invitation.created_at is 'When it was made.';
comment on column invitation.expires_at is 'From then on it is refused, by the database clock.';
comment on column invitation.revoked_at is 'When an admin took it back.';
comment on column invitation.used_at is 'When somebody signed up with it.';
comment on column invitation.used_by is 'Who did.';
comment on index invitation_open is 'What can be used still: listed, newest first, and counted.';
