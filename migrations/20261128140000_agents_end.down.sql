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
drop function is_disabled(bigint);
