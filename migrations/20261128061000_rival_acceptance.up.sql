-- Where one experiment tests two claims that deny each other, the author of each is asked, and answers for that claim alone.

alter table co_signature add column claim_id bigint constraint co_signature_claim_fk references claim;
-- What was answered to experiments that are registered since stays as it is, but for the claim that it was answered for.
alter table co_signature disable trigger co_signature_comes_first;
update co_signature s set claim_id = e.claim_id from experiment e where e.id = s.experiment_id;
alter table co_signature enable trigger co_signature_comes_first;
alter table co_signature alter column claim_id set not null,
    drop constraint co_signature_pkey,
    add constraint co_signature_once primary key (experiment_id, claim_id);
comment on table co_signature is 'What the author of a claim answers to a proposal: whether it is accepted as a test of that claim. The latest answer of each.';
comment on column co_signature.claim_id is 'The claim whose author answered: that of the proposal, or the rival that it tests, too.';
comment on column co_signature.account_id is 'Who answered: that claim''s author at that time.';
comment on column co_signature.accepts is 'Whether it is accepted as a test of that claim.';
comment on column co_signature.times is 'How often this proposal was answered for this claim, which is bounded since each answer goes on record.';

create index experiment_proposed_rival on experiment (rival_id, id desc) where state = 'proposed' and rival_id is not null;
comment on index experiment_proposed_rival is 'The proposals that test a claim as a rival, which its author may accept as tests.';

create function answer_to(of_experiment bigint, of_claim bigint) returns setof co_signature language sql stable as $$
    select s.*
    from experiment e
        join experiment asked on asked.id = coalesce(e.confirms, e.id)
        join co_signature s on s.experiment_id = coalesce(asked.shares_runs_of, asked.id)
    where e.id = of_experiment and s.claim_id = of_claim
$$;
comment on function answer_to is 'What the author of a claim answered to an experiment as a test of it: of a confirmation, to what it repeats; of the test of a rival, to the experiment whose runs it shares.';

create function acceptance_of(of_experiment bigint, of_claim bigint) returns text language sql stable as $$
    select case
        when e.registered_at is not null and of_claim = e.claim_id then e.acceptance
        when e.registered_at is not null then (select acceptance from experiment where shares_runs_of = e.id)
        when e.confirms is not null then (select acceptance from experiment where id = e.confirms)
        when e.author_id = c.author then 'own'
        when s.experiment_id is null or s.lapsed_at is not null or a.disabled_at is not null
            or s.account_id is distinct from c.author then 'unilateral'
        when s.accepts then 'accepted'
        else 'declined' end
    from experiment e
        join lateral (select coalesce(named_author_id, author_id) as author from claim where claim.id = of_claim) c on true
        left join lateral answer_to(e.id, of_claim) s on true
        left join account a on a.id = s.account_id
    where e.id = of_experiment
$$;
comment on function acceptance_of(bigint, bigint) is 'Whether the author of a claim, or of its rival, has accepted an experiment as a test of that claim: as it was fixed at registration, before that as it is now.';

create or replace function acceptance_of(of_experiment bigint) returns text language sql stable as $$
    select acceptance_of(id, claim_id) from experiment where id = of_experiment
$$;

create function acceptance_told(of_experiment bigint, of_claim bigint) returns jsonb language sql stable as $$
    select jsonb_build_object('claim', c.id, 'label', c.label, 'status', acceptance_of(of_experiment, c.id),
        'author', (select name from account where id = coalesce(c.named_author_id, c.author_id)),
        'answer', (select to_jsonb(s) || jsonb_build_object('by', account.name)
                   from answer_to(of_experiment, c.id) s join account on account.id = s.account_id))
    from claim c where c.id = of_claim
$$;
comment on function acceptance_told is 'The same with the claim''s author and the answer, for whoever reads it; null of no claim.';

create or replace function co_signature_comes_first() returns trigger language plpgsql as $$
declare
    asked experiment;
begin
    select * into asked from experiment where id = coalesce(new.experiment_id, old.experiment_id) and state = 'proposed';
    if not found then
        raise exception 'experiment % is not proposed any more, so its answer stays', coalesce(new.experiment_id, old.experiment_id)
            using errcode = 'check_violation', constraint = 'co_signature_comes_first';
    end if;
    if tg_op <> 'DELETE' and new.lapsed_at is null and new.claim_id is distinct from asked.claim_id
        and new.claim_id is distinct from asked.rival_id then
        raise exception 'experiment % does not test claim %', asked.id, new.claim_id
            using errcode = 'check_violation', constraint = 'co_signature_of_what_is_tested';
    end if;
    return coalesce(new, old);
end
$$;
comment on function co_signature_comes_first is 'Refuses an answer to what is registered or withdrawn, since seeds are drawn at registration, and with them anybody can compute the result; and one for a claim that the proposal does not test.';
