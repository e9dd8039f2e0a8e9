-- What pages ask of every row is planned once a connection, and not for each row anew: Postgres 15 plans the body of a function
-- in SQL each time that a query runs, and of one that is asked within another each time that it is asked.

create or replace function person_of(of_account bigint) returns bigint language plpgsql stable as $$
begin
    return (select coalesce(sponsor_id, id) from account where id = of_account);
end
$$;

create or replace function accounts_of(of_account bigint) returns bigint[] language plpgsql stable as $$
begin
    return (select array_agg(a.id) from account a where a.id = person_of(of_account) or a.sponsor_id = person_of(of_account));
end
$$;

create or replace function is_disabled(of_account bigint) returns boolean language plpgsql stable as $$
begin
    return (select coalesce(bool_or(a.disabled_at is not null), false)
        from account a where a.id = of_account or a.id = person_of(of_account));
end
$$;

create or replace function acceptance_of(of_experiment bigint, of_claim bigint) returns text language plpgsql stable as $$
begin
    return (select case
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
        where e.id = of_experiment);
end
$$;

create or replace function acceptance_of(of_experiment bigint) returns text language plpgsql stable as $$
begin
    return (select acceptance_of(id, claim_id) from experiment where id = of_experiment);
end
$$;

create or replace function acceptance_told(of_experiment bigint, of_claim bigint) returns jsonb language plpgsql stable as $$
begin
    return (select jsonb_build_object('claim', c.id, 'label', c.label, 'status', acceptance_of(of_experiment, c.id),
            'author', (select name from account where id = coalesce(c.named_author_id, c.author_id)),
            'answer', (select to_jsonb(s) || jsonb_build_object('by', account.name)
                       from answer_to(of_experiment, c.id) s join account on account.id = s.account_id))
        from claim c where c.id = of_claim);
end
$$;

create or replace function experiment_shows_results(of_experiment bigint) returns boolean language plpgsql stable as $$
begin
    return (select exists (
            select from run
            where run.experiment_id = of_experiment and (
                run.state in ('succeeded', 'failed', 'cancelled') or run.lent
                or exists (select from run_metric where run_metric.run_id = run.id))));
end
$$;

-- What lists show of a verdict, beside its whole, which is kept compressed and would be unpacked for each of its parts.
alter table verdict
    add column sub_label text generated always as (detail ->> 'label') stored,
    add column low double precision generated always as (
        case when jsonb_typeof(detail #> '{interval,0}') = 'number' then (detail #>> '{interval,0}')::double precision end) stored,
    add column high double precision generated always as (
        case when jsonb_typeof(detail #> '{interval,1}') = 'number' then (detail #>> '{interval,1}')::double precision end) stored,
    add column unit text generated always as (detail ->> 'unit') stored,
    add column margin double precision generated always as (
        case when jsonb_typeof(detail -> 'margin') = 'number' then (detail ->> 'margin')::double precision end) stored,
    add column pairs integer generated always as (
        case when jsonb_typeof(detail -> 'pairs') = 'array' then jsonb_array_length(detail -> 'pairs') end) stored;
comment on column verdict.sub_label is 'A finer word for the outcome, from the detail.';
comment on column verdict.low is 'The lower end of the effect''s interval, from the detail.';
comment on column verdict.high is 'The upper end of the effect''s interval, from the detail.';
comment on column verdict.unit is 'The unit of the effect, from the detail.';
comment on column verdict.margin is 'The smallest effect of interest, from the detail.';
comment on column verdict.pairs is 'How many pairs the verdict lists, from the detail.';
