-- Webhooks: what an account is told in its inbox is sent to an address of its own, too. That it is to be sent is written in the
-- transaction that tells the inbox; what it says is made when it is sent.

create table webhook (
    id            bigint generated always as identity primary key,
    account_id    bigint not null constraint webhook_account_fk references account on delete cascade,
    url           text not null,
    host          text not null,
    what          text not null default 'verdicts',
    secret        bytea not null,
    secret_before bytea,
    before_until  timestamptz,
    paused        text,
    failures      integer not null default 0,
    next_at       timestamptz not null default now(),
    created_at    timestamptz not null default now(),
    constraint webhook_url_form check (url ~ '^https?://[[:graph:]]+$' and char_length(url) <= 500),
    constraint webhook_host_length check (char_length(host) between 1 and 253),
    constraint webhook_what_known check (what in ('verdicts', 'all')),
    constraint webhook_secret_length check (octet_length(secret) = 32),
    constraint webhook_secret_before_length check (octet_length(secret_before) = 32),
    constraint webhook_secret_before_ends check ((secret_before is null) = (before_until is null)),
    constraint webhook_paused_known check (paused in ('owner', 'failing', 'gone')),
    constraint webhook_failures_counted check (failures >= 0)
);
create index webhook_by_account on webhook (account_id, id);
comment on table webhook is 'Where an account wants to be told by an HTTP request. Nobody else sees any of it.';
comment on column webhook.id is 'Names it in addresses.';
comment on column webhook.account_id is 'Whose it is: it is told what is in that inbox.';
comment on column webhook.url is 'Where the requests go.';
comment on column webhook.host is 'The host in that, in small letters: what is sent there is bounded for all accounts together.';
comment on column webhook.what is 'verdicts: results and standings only; or all that the inbox gets.';
comment on column webhook.secret is 'What requests are signed with. It has to be used, so it is here itself and not its hash; it opens nothing on the board.';
comment on column webhook.secret_before is 'The secret before: requests are signed with it, too, until before_until.';
comment on column webhook.before_until is 'When the secret before is used no more.';
comment on column webhook.paused is 'Why nothing is sent: by its owner, since delivery after delivery failed, or since the receiver said that it is gone. Null while it is in use.';
comment on column webhook.failures is 'Deliveries that failed since the last one that was taken.';
comment on column webhook.next_at is 'Nothing is sent before: while something is being sent, when its sender counts as dead; or when its host may be asked again.';
comment on column webhook.created_at is 'When it was added.';
comment on index webhook_by_account is 'What an account has, and whom a notice is sent to.';

create table webhook_delivery (
    id         bigint generated always as identity primary key,
    webhook_id bigint not null constraint webhook_delivery_webhook_fk references webhook on delete cascade,
    message    uuid not null default gen_random_uuid(),
    kind       text not null,
    news_id    bigint constraint webhook_delivery_news_fk references news,
    state      text not null default 'waiting',
    attempts   integer not null default 0,
    next_at    timestamptz not null default now(),
    tries      jsonb not null default '[]',
    reason     text,
    created_at timestamptz not null default now(),
    constraint webhook_delivery_kind_known check (kind in ('news', 'ping')),
    constraint webhook_delivery_news_are_named check ((kind = 'news') = (news_id is not null)),
    constraint webhook_delivery_state_known check (state in ('waiting', 'sent', 'failed', 'dropped')),
    constraint webhook_delivery_attempts_counted check (attempts >= 0),
    constraint webhook_delivery_tries_are_a_list check (jsonb_typeof(tries) = 'array'),
    constraint webhook_delivery_news_once unique (webhook_id, news_id)
);
create index webhook_delivery_log on webhook_delivery (webhook_id, id desc);
create index webhook_delivery_due on webhook_delivery (next_at, id) where state = 'waiting';
create unique index webhook_delivery_one_ping on webhook_delivery (webhook_id) where kind = 'ping' and state = 'waiting';
comment on table webhook_delivery is 'What is to be sent to webhooks, and what became of it. Of each webhook the newest hundred are kept, for thirty days.';
comment on column webhook_delivery.id is 'Names it in addresses.';
comment on column webhook_delivery.webhook_id is 'Where to.';
comment on column webhook_delivery.message is 'Names it to the receiver, the same at every try: random, so that no two boards and no board that was restored give one name to two.';
comment on column webhook_delivery.kind is 'news, or a ping that its owner asked for.';
comment on column webhook_delivery.news_id is 'What it tells of.';
comment on column webhook_delivery.state is 'waiting, also while it is being sent; sent: the receiver took it; failed for good; or dropped: not wanted, or not to be seen any more.';
comment on column webhook_delivery.attempts is 'How often it was taken to be sent since it was queued.';
comment on column webhook_delivery.next_at is 'When it is tried next; while it is being sent, when its sender counts as dead.';
comment on column webhook_delivery.tries is 'The last tries, each with at, ms, status (of the answer, or null) and error (or null).';
comment on column webhook_delivery.reason is 'Why it was dropped.';
comment on column webhook_delivery.created_at is 'When there was something to send.';
comment on index webhook_delivery_log is 'The log of a webhook, newest first.';
comment on index webhook_delivery_due is 'What is to be sent now.';
comment on index webhook_delivery_one_ping is 'One ping at a time.';

create function notice_is_delivered() returns trigger language plpgsql as $$
begin
    -- A webhook that is being removed is waited for, and then there is nothing to send to.
    insert into webhook_delivery (webhook_id, kind, news_id)
    select webhook.id, 'news', told.news_id
    from told join webhook on webhook.account_id = told.account_id join news on news.id = told.news_id
    where webhook.paused is null and (webhook.what = 'all' or news.kind in ('result', 'standing'))
    for key share of webhook
    on conflict do nothing;
    return null;
end
$$;
comment on function notice_is_delivered is 'What comes into an inbox is sent to the webhooks of its owner that want it.';
create trigger notice_is_delivered after insert on notice referencing new table as told
    for each statement execute function notice_is_delivered();
