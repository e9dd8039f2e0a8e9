-- Mail to who follows: where it goes, what is wanted, and what waits to be sent.

create table mailbox (
    account_id      bigint primary key constraint mailbox_account_fk references account on delete cascade,
    address         text not null,
    wish            text not null default 'verdicts',
    unsubscribe_key text not null,
    confirm_hash    bytea,
    confirmed_at    timestamptz,
    digest_at       timestamptz not null default now(),
    constraint mailbox_address_length check (char_length(address) between 3 and 254),
    constraint mailbox_address_is_one_line check (address !~ '[[:cntrl:][:space:]]'),
    constraint mailbox_wish_known check (wish in ('verdicts', 'digest', 'none')),
    constraint mailbox_unsubscribe_key_form check (unsubscribe_key ~ '^[0-9a-f]{64}$'),
    constraint mailbox_unsubscribe_key_once unique (unsubscribe_key),
    constraint mailbox_confirm_hash_is_sha256 check (octet_length(confirm_hash) = 32)
);
create index mailbox_digests on mailbox (digest_at) where wish = 'digest' and confirmed_at is not null;
create index mailbox_to_confirm on mailbox (confirm_hash) where confirm_hash is not null;
comment on table mailbox is 'Where an account wants mail. Nobody else sees any of it.';
comment on column mailbox.account_id is 'Whose it is.';
comment on column mailbox.address is 'Address.';
comment on column mailbox.wish is 'verdicts: a mail for each verdict on what is followed; digest: one a day of all that is new; none.';
comment on column mailbox.unsubscribe_key is 'Random: whoever has it, from a mail, can stop the mails without signing in, and nothing else.';
comment on column mailbox.confirm_hash is 'SHA-256 of the secret in the link that was mailed to confirm the address; null once it was followed, or before it was mailed.';
comment on column mailbox.confirmed_at is 'When the address was confirmed: before, nothing else is sent there.';
comment on column mailbox.digest_at is 'Up to when digests have told.';
comment on index mailbox_digests is 'Who is due a digest.';
comment on index mailbox_to_confirm is 'Whose address a link confirms.';

create table mail (
    id         bigint generated always as identity primary key,
    account_id bigint not null constraint mail_account_fk references account on delete cascade,
    kind       text not null,
    news_id    bigint constraint mail_news_fk references news,
    since      timestamptz,
    address    text,
    state      text not null default 'waiting',
    attempts   smallint not null default 0,
    next_at    timestamptz not null default now(),
    error      text,
    created_at timestamptz not null default now(),
    constraint mail_kind_known check (kind in ('verdict', 'digest', 'confirmation')),
    constraint mail_verdict_names_news check ((kind = 'verdict') = (news_id is not null)),
    constraint mail_digest_begins check ((kind = 'digest') = (since is not null)),
    constraint mail_confirmation_names_address check ((kind = 'confirmation') = (address is not null)),
    constraint mail_state_known check (state in ('waiting', 'sending', 'sent', 'failed', 'lost')),
    constraint mail_attempts_counted check (attempts between 0 and 20),
    constraint mail_verdict_once unique (account_id, news_id)
);
create index mail_due on mail (next_at) where state = 'waiting';
create index mail_sending on mail (next_at) where state = 'sending';
create index mail_confirmations on mail (address, created_at) where kind = 'confirmation';
create index mail_by_age on mail (created_at);
comment on table mail is 'What is mailed. What it says is written when it is sent. Removed after thirty days.';
comment on column mail.id is 'Part of its Message-ID.';
comment on column mail.account_id is 'To whom.';
comment on column mail.kind is 'verdict, digest, or confirmation of an address.';
comment on column mail.news_id is 'The verdict that it tells of.';
comment on column mail.since is 'Of a digest: what is newer than that is in it.';
comment on column mail.address is 'Of a confirmation: the address that it goes to.';
comment on column mail.state is 'waiting; sending, noted before anything is sent; sent; failed for good; or lost: the server went away in between, so nobody knows, and it is not sent again.';
comment on column mail.attempts is 'How often it was tried.';
comment on column mail.next_at is 'When it is tried next; while it is sent, when that began.';
comment on column mail.error is 'Why it was not sent at the last try.';
comment on column mail.created_at is 'When it was to be sent.';
comment on index mail_due is 'What is to be sent now.';
comment on index mail_sending is 'What was being sent when a server stopped.';
comment on index mail_confirmations is 'How often an address was asked to confirm, which is bounded.';
comment on index mail_by_age is 'Clean-up.';
