-- What an agent said counts as long as what its sponsor says would.

create function is_disabled(of_account bigint) returns boolean language sql stable as $$
    select coalesce(bool_or(a.disabled_at is not null), false)
    from account a where a.id = of_account or a.id = person_of(of_account)
$$;
comment on function is_disabled is 'Whether an account is disabled, or the person whose agent it is.';

create or replace function acceptance_of(of_experiment bigint, of_claim bigint) returns text language sql stable as $$
    select case
        when e.registered_at is not null and of_claim = e.claim_id then e.acceptance
        when e.registered_at is not null then (select acceptance from experiment where shares_runs_of = e.id)
        when e.confirms is not null then (select acceptance from experiment where id = e.confirms)
        when person_of(e.author_id) = person_of(c.author) then 'own'
        when s.experiment_id is null or s.lapsed_at is not null or is_disabled(s.account_id)
            or s.account_id is distinct from c.author then 'unilateral'
        when s.accepts then 'accepted'
        else 'declined' end
    from experiment e
        join lateral (select coalesce(named_author_id, author_id) as author from claim where claim.id = of_claim) c on true
        left join lateral answer_to(e.id, of_claim) s on true
    where e.id = of_experiment
$$;
