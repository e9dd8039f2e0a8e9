-- The author of a claim may accept a proposal as a test of it, or decline, before it is registered. Nothing follows from it
-- for the verdict; who reads that learns who agreed to the test beforehand.

alter table claim add column named_author_id bigint constraint claim_named_author_fk references account,
    add constraint claim_has_one_author check (named_author_id is null or author_id is null);
create index claim_by_author on claim (coalesce(named_author_id, author_id));
comment on column claim.named_author_id is 'Whom a moderator named as its author, of a claim that no account put here.';
comment on index claim_by_author is 'The claims of which an account is the author.';

create index experiment_proposed on experiment (claim_id, id desc) where state = 'proposed';
comment on index experiment_proposed is 'The proposals on a claim, which its author may accept as tests.';

create table co_signature (
    experiment_id   bigint primary key constraint co_signature_experiment_fk references experiment,
    account_id      bigint not null constraint co_signature_account_fk references account,
    accepts         boolean not null,
    words           text,
    proposal_sha256 text not null,
    answered_at     timestamptz not null default now(),
    lapsed_at       timestamptz,
    times           smallint not null default 1,
    constraint co_signature_hash_form check (proposal_sha256 ~ '^[0-9a-f]{64}$'),
    constraint co_signature_words_length check (char_length(words) between 1 and 300),
    constraint co_signature_declined_says_why check (accepts or words is not null),
    constraint co_signature_times_bounded check (times between 1 and 20)
);
create index co_signature_by_account on co_signature (account_id);
comment on table co_signature is 'What the author of a claim answers to a proposal: whether it is accepted as a test. The latest answer of each.';
comment on column co_signature.experiment_id is 'The proposal.';
comment on column co_signature.account_id is 'Who answered: the claim''s author at that time.';
comment on column co_signature.accepts is 'Whether it is accepted as a test of the claim.';
comment on column co_signature.words is 'What was said with it, for everybody to read; where it is declined, why.';
comment on column co_signature.proposal_sha256 is 'SHA-256 of the proposal that was answered: claim, title, prediction, rationale and specification as canonical JSON.';
comment on column co_signature.answered_at is 'When.';
comment on column co_signature.lapsed_at is 'When the proposal was changed after that: then the answer counts no more.';
comment on column co_signature.times is 'How often this proposal was answered, which is bounded since each answer goes on record.';
comment on index co_signature_by_account is 'What an account answered.';

alter table experiment add column acceptance text,
    add constraint experiment_acceptance_known check (acceptance in ('own', 'accepted', 'declined', 'unilateral')),
    add constraint experiment_acceptance_is_registered check (acceptance is null or registered_at is not null);
comment on column experiment.acceptance is 'Fixed at registration: own (by the claim''s author), accepted as a test by that person, declined, or unilateral; of a confirmation that of what it repeats. Null of exploratory ones, and of those from before it could be accepted.';

create function acceptance_of(of_experiment bigint) returns text language sql stable as $$
    select case
        when e.registered_at is not null then e.acceptance
        when e.confirms is not null then (select acceptance from experiment where id = e.confirms)
        when e.author_id = c.author then 'own'
        when s.experiment_id is null or s.lapsed_at is not null or a.disabled_at is not null
            or s.account_id is distinct from c.author then 'unilateral'
        when s.accepts then 'accepted'
        else 'declined' end
    from experiment e
        join lateral (select coalesce(named_author_id, author_id) as author from claim where claim.id = e.claim_id) c on true
        left join co_signature s on s.experiment_id = e.id
        left join account a on a.id = s.account_id
    where e.id = of_experiment
$$;
comment on function acceptance_of is 'Whether the claim''s author has accepted an experiment as a test: as it was fixed at registration, before that as it is now.';

create trigger experiment_acceptance_stays_frozen before update on experiment
    for each row
    when (old.registered_at is not null
        and (new.acceptance, new.title, new.rationale) is distinct from (old.acceptance, old.title, old.rationale))
    execute function experiment_stays_frozen();

create function co_signature_comes_first() returns trigger language plpgsql as $$
begin
    if not exists (select from experiment where id = coalesce(new.experiment_id, old.experiment_id) and state = 'proposed') then
        raise exception 'experiment % is not proposed any more, so its answer stays', coalesce(new.experiment_id, old.experiment_id)
            using errcode = 'check_violation', constraint = 'co_signature_comes_first';
    end if;
    return coalesce(new, old);
end
$$;
comment on function co_signature_comes_first is 'Refuses an answer to what is registered or withdrawn: seeds are drawn at registration, and with them anybody can compute the result.';
create trigger co_signature_comes_first before insert or update or delete on co_signature
    for each row execute function co_signature_comes_first();

create function co_signature_lapses() returns trigger language plpgsql as $$
begin
    update co_signature set lapsed_at = now() where experiment_id = new.id and lapsed_at is null;
    return null;
end
$$;
comment on function co_signature_lapses is 'A proposal that was changed is another test: what was answered to the earlier one counts no more.';
create trigger co_signature_lapses after update on experiment
    for each row
    when (new.state = 'proposed' and (new.claim_id, new.title, new.prediction, new.rationale, new.spec)
        is distinct from (old.claim_id, old.title, old.prediction, old.rationale, old.spec))
    execute function co_signature_lapses();
