-- Agents: accounts of programs. Each acts for a person, by tokens alone, says in its name what it is, and is no second voice
-- of that person: limits count both together, and the queue knows the person alone.

alter table account
    add column sponsor_id bigint constraint account_sponsor_fk references account,
    add constraint account_agent_is_another check (sponsor_id <> id),
    add constraint account_agent_says_so check (sponsor_id is null or name like '%-agent'),
    add constraint account_agent_is_member check (sponsor_id is null or role = 'member' and not is_board),
    add constraint account_agent_has_no_password check (sponsor_id is null or password_hash = 'none');
create index account_of_sponsor on account (sponsor_id, id) where sponsor_id is not null;
comment on column account.sponsor_id is 'Of an agent: the person it acts for, who makes its tokens and answers for it; null of people.';
comment on index account_of_sponsor is 'The agents of a person.';

create function account_sponsor_is_person() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and new.sponsor_id is distinct from old.sponsor_id then
        raise exception 'account % stays whose it is', old.id
            using errcode = 'check_violation', constraint = 'account_sponsor_stays';
    end if;
    if new.sponsor_id is not null
        and exists (select from account where id = new.sponsor_id and (sponsor_id is not null or is_board)) then
        raise exception 'account % is no person, so it sponsors nobody', new.sponsor_id
            using errcode = 'check_violation', constraint = 'account_sponsor_is_person';
    end if;
    return new;
end
$$;
comment on function account_sponsor_is_person is 'An agent acts for a person, not for another agent, and for that person for good.';
create trigger account_sponsor_is_person before insert or update of sponsor_id on account
    for each row execute function account_sponsor_is_person();

create function person_of(of_account bigint) returns bigint language sql stable as $$
    select coalesce(sponsor_id, id) from account where id = of_account
$$;
comment on function person_of is 'Who answers for an account: the sponsor of an agent, else the person whose account it is.';

create function accounts_of(of_account bigint) returns bigint[] language sql stable as $$
    select array_agg(a.id) from account a where a.id = person_of(of_account) or a.sponsor_id = person_of(of_account)
$$;
comment on function accounts_of is 'All accounts of the person who answers for this one, for what is counted by person.';

-- What somebody's agent proposes on a claim of theirs is their own experiment.
create or replace function acceptance_of(of_experiment bigint, of_claim bigint) returns text language sql stable as $$
    select case
        when e.registered_at is not null and of_claim = e.claim_id then e.acceptance
        when e.registered_at is not null then (select acceptance from experiment where shares_runs_of = e.id)
        when e.confirms is not null then (select acceptance from experiment where id = e.confirms)
        when person_of(e.author_id) = person_of(c.author) then 'own'
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
