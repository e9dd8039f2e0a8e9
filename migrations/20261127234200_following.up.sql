-- Who follows what, what there is to tell, and who was told: the inbox. What is told is written in the transaction that
-- does it, so that nobody hears of what did not happen, and nobody misses what did.

create table follow (
    id            bigint generated always as identity primary key,
    account_id    bigint not null constraint follow_account_fk references account on delete cascade,
    experiment_id bigint constraint follow_experiment_fk references experiment,
    claim_id      bigint constraint follow_claim_fk references claim,
    work_id       bigint constraint follow_work_fk references work,
    level         text not null default 'all',
    created_at    timestamptz not null default now(),
    constraint follow_of_one_thing check (num_nonnulls(experiment_id, claim_id, work_id) = 1),
    constraint follow_level_known check (level in ('all', 'verdicts', 'muted'))
);
create unique index follow_of_experiment on follow (experiment_id, account_id) where experiment_id is not null;
create unique index follow_of_claim on follow (claim_id, account_id) where claim_id is not null;
create unique index follow_of_work on follow (work_id, account_id) where work_id is not null;
create index follow_by_account on follow (account_id, id desc);
comment on table follow is 'Of what an account wants to be told.';
comment on column follow.id is 'Where a list of them goes on.';
comment on column follow.account_id is 'Who wants to be told.';
comment on column follow.experiment_id is 'Of this experiment.';
comment on column follow.claim_id is 'Or of this claim and the verdicts on it.';
comment on column follow.work_id is 'Or of this work: the verdicts on its claims.';
comment on column follow.level is 'all; verdicts (and what becomes of a claim) only; or muted, which also stands against what is followed by default or more broadly.';
comment on column follow.created_at is 'Since when.';
comment on index follow_of_experiment is 'Whom to tell of an experiment, in the order in which they are told; one row each.';
comment on index follow_of_claim is 'Whom to tell of a claim.';
comment on index follow_of_work is 'Whom to tell of a work.';
comment on index follow_by_account is 'What an account follows.';

-- Whoever writes follows, however it came here: a row that is there already, muted or not, stays as it is.
create function follow_what_one_writes() returns trigger language plpgsql as $$
begin
    if tg_table_name = 'experiment' then
        insert into follow (account_id, experiment_id)
        select id, new.id from account where id = new.author_id and not is_board on conflict do nothing;
    elsif tg_table_name = 'claim' then
        insert into follow (account_id, claim_id) values (coalesce(new.named_author_id, new.author_id), new.id)
        on conflict do nothing;
    else
        insert into follow (account_id, experiment_id)
        select new.author_id, id from experiment where thread_id = new.thread_id on conflict do nothing;
        insert into follow (account_id, claim_id)
        select new.author_id, id from claim where thread_id = new.thread_id on conflict do nothing;
    end if;
    return null;
end
$$;
comment on function follow_what_one_writes is 'Who proposes an experiment, is the author of a claim, or comments, follows that by default.';
create trigger experiment_is_followed after insert on experiment
    for each row execute function follow_what_one_writes();
create trigger claim_is_followed after insert or update of author_id, named_author_id on claim
    for each row when (coalesce(new.named_author_id, new.author_id) is not null) execute function follow_what_one_writes();
create trigger comment_is_followed after insert on comment
    for each row when (new.author_id is not null) execute function follow_what_one_writes();

insert into follow (account_id, experiment_id)
    select account.id, e.id from experiment e join account on account.id = e.author_id where not is_board
    union
    select c.author_id, e.id from comment c join experiment e on e.thread_id = c.thread_id where c.author_id is not null;
insert into follow (account_id, claim_id)
    select coalesce(named_author_id, author_id), id from claim where coalesce(named_author_id, author_id) is not null
    union
    select c.author_id, claim.id from comment c join claim on claim.thread_id = c.thread_id where c.author_id is not null;

-- Where a claim stands in one word, as the pages have it.
create function claim_standing(of_claim bigint) returns text language sql stable as $$
    select case
        when bool_or(e.challenge = 'confirmed' and not exists (
            select from experiment c where c.confirms = e.id and c.disputed_at is not null)) then 'falsified'
        when bool_or(e.challenge = 'open') then 'challenged'
        when bool_or(v.outcome = 'supported' or e.challenge = 'not_confirmed') then 'standing'
        else 'untested' end
    from experiment e join verdict v on v.experiment_id = e.id
    where e.claim_id = of_claim and e.state = 'concluded' and not e.exploratory
        and cardinality(e.outside) = 0 and e.disputed_at is null
$$;
comment on function claim_standing is 'untested, standing, challenged or falsified: from the verdicts that bear on the claim and are not disputed.';

alter table claim add column standing_told text not null default 'untested',
    add constraint claim_standing_told_known check (standing_told in ('untested', 'standing', 'challenged', 'falsified'));
comment on column claim.standing_told is 'The standing that followers were told last: they are told again when it is another one.';
update claim set standing_told = claim_standing(id);

create table news (
    id            bigint generated always as identity primary key,
    kind          text not null,
    claim_id      bigint not null constraint news_claim_fk references claim,
    experiment_id bigint constraint news_experiment_fk references experiment,
    comment_id    bigint constraint news_comment_fk references comment,
    actor_id      bigint constraint news_actor_fk references account on delete set null,
    standing      text,
    created_at    timestamptz not null default now(),
    spread_after  bigint,
    constraint news_comment_once unique (comment_id),
    constraint news_kind_known check (kind in (
        'result', 'opening', 'comment', 'confirmation', 'dispute', 'dispute_answer', 'dispute_resolved', 'standing')),
    constraint news_of_a_post_names_it check ((kind in ('result', 'opening', 'comment')) = (comment_id is not null)),
    constraint news_of_a_standing_names_it check ((kind = 'standing') = (standing is not null)),
    constraint news_of_an_experiment_names_it check (kind in ('comment', 'standing') or experiment_id is not null)
);
create index news_of_claim on news (claim_id, id desc) where experiment_id is null or kind <> 'comment';
create index news_of_experiment on news (experiment_id, id desc) where experiment_id is not null;
create index news_of_results on news (id desc) where kind = 'result';
create index news_to_spread on news (id) where spread_after is not null;
comment on table news is 'What there is to tell to who follows.';
comment on column news.id is 'Names it in inboxes and feeds.';
comment on column news.kind is 'result (of an experiment), opening (of what was sealed), comment, confirmation (was registered), dispute, its answer or its end; or the standing of a claim changed.';
comment on column news.claim_id is 'The claim that it is about, or that its experiment tests.';
comment on column news.experiment_id is 'The experiment that it is about.';
comment on column news.comment_id is 'The post that it tells of.';
comment on column news.actor_id is 'Who did it, and so is not told.';
comment on column news.standing is 'What the claim''s standing became.';
comment on column news.created_at is 'When it happened.';
comment on column news.spread_after is 'Who follows is told in the order of accounts: after which one the web server goes on. Null once all were told.';
comment on index news_of_claim is 'What is new of a claim: not what is said of each of its experiments.';
comment on index news_of_experiment is 'What is new of an experiment.';
comment on index news_of_results is 'The newest results.';
comment on index news_to_spread is 'What is still to be told to some.';

-- Feeds begin with what was posted before there were any; nobody is told of it again.
insert into news (kind, claim_id, experiment_id, comment_id, actor_id, created_at)
    select c.kind, coalesce(e.claim_id, claim.id), e.id, c.id, c.author_id, c.created_at
    from comment c left join experiment e on e.thread_id = c.thread_id left join claim on claim.thread_id = c.thread_id
    where e.id is not null or claim.id is not null
    order by c.id;

create table notice (
    account_id bigint not null constraint notice_account_fk references account on delete cascade,
    news_id    bigint not null constraint notice_news_fk references news,
    mentioned  boolean not null default false,
    read_at    timestamptz,
    primary key (account_id, news_id)
);
create index notice_unread on notice (account_id, news_id) where read_at is null;
create index notice_by_news on notice (news_id);
comment on table notice is 'An inbox: what an account was told. Kept for half a year.';
comment on column notice.account_id is 'Who was told.';
comment on column notice.news_id is 'What.';
comment on column notice.mentioned is 'Whether the post names the account.';
comment on column notice.read_at is 'When it was marked as read.';
comment on index notice_unread is 'What is unread, and how much.';
comment on index notice_by_news is 'Finds the oldest, to be removed.';
