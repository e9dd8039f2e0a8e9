-- What is read of the severest claims, of a tuned experiment and of a search is read along indexes, whatever the planner
-- believes of how large the tables are.

create function severest_claims(up_to bigint) returns table (id bigint) language plpgsql stable rows 100
    set enable_bitmapscan = off set enable_seqscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    return query
        (select t.claim_id from claim_tally t cross join lateral (select from public_claim c where c.id = t.claim_id offset 0) c
         where t.doubt < 0 order by t.doubt, t.claim_id limit up_to)
        union all
        (select t.claim_id from claim_tally t cross join lateral (select from public_claim c where c.id = t.claim_id offset 0) c
         where t.challenged_by is not null or t.fell_by is not null order by t.claim_id limit up_to)
        union all
        (select newest.claim_id from (select e.claim_id from experiment e order by e.id desc limit 1000) newest
         group by newest.claim_id order by count(*) desc, newest.claim_id limit up_to)
        union all
        (select c.id from public_claim c order by c.id limit up_to);
end
$$;
comment on function severest_claims is 'Candidates for the claims that survived the severest tests: those, those in trouble, those that most of the newest thousand experiments are on, and the oldest; so many of each, some twice.';

create function claims_by_severity(after bigint, up_to bigint) returns table (id bigint) language plpgsql stable rows 100
    set enable_bitmapscan = off set enable_seqscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
    -- Behind what it goes on; before all of them, if there is none.
    behind claim_tally;
begin
    select * into behind from claim_tally t where t.claim_id = after;
    return query
        select t.claim_id from claim_tally t cross join lateral (select from public_claim c where c.id = t.claim_id offset 0) c
        where t.doubt < 0
            and (t.doubt, t.claim_id) > (coalesce(behind.doubt, -9223372036854775808), coalesce(behind.claim_id, 0))
        order by t.doubt, t.claim_id limit up_to;
end
$$;
comment on function claims_by_severity is 'The claims that survived tests, the severest first, so many behind one of them; from the first on, if none is given.';

create function claims_of(ids bigint[]) returns setof claim language plpgsql stable rows 50
    set enable_bitmapscan = off set enable_seqscan = off as $$
begin
    return query select * from claim where claim.id = any (ids);
end
$$;
comment on function claims_of is 'These claims, each once, in no order.';

-- A range of one key, sorted by it: then one index alone has what is read in its order, and no other is walked whole where the
-- planner believes that there is one experiment in all.

create function trials_of(of_experiment bigint) returns setof trial language plpgsql stable
    set enable_bitmapscan = off set enable_seqscan = off set enable_sort = off as $$
begin
    return query select * from trial
        where experiment_id >= of_experiment and experiment_id <= of_experiment order by experiment_id, number;
end
$$;
comment on function trials_of is 'The trials of an experiment, by number.';

create function trial_runs(of_experiment bigint)
    returns table (id bigint, trial integer, arm text, seed bigint, state text, failure text, error text, result jsonb, created_at timestamptz, counts boolean)
    language plpgsql stable
    set enable_bitmapscan = off set enable_seqscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    return query
        select r.id, r.trial, r.arm, r.seed, r.state, r.failure, r.error, r.result, r.created_at,
            -- One by one: what asks whether there is any could be answered from all runs that there are.
            (select later.id from run later where later.retry_of = r.id limit 1) is null
        from run r
        where r.experiment_id >= of_experiment and r.experiment_id <= of_experiment and r.trial is not null
        order by r.experiment_id, r.id;
end
$$;
comment on function trial_runs is 'The runs of the trials of an experiment, by key; one that was retried does not count.';

drop index experiment_newest_tried;
create index experiment_newest_tried on experiment (claim_id, id) where state <> 'withdrawn';
comment on index experiment_newest_tried is 'The experiments of a claim but for those that were withdrawn, read backwards: no other index has them in that order.';

create or replace function tried_on(of_claim bigint, out experiments bigint, out open bigint) language plpgsql stable
    set enable_bitmapscan = off set enable_seqscan = off set enable_sort = off as $$
begin
    select count(*), count(*) filter (where state in ('registered', 'running', 'stalled')) into experiments, open
    from (select state from experiment where claim_id >= of_claim and claim_id <= of_claim and state <> 'withdrawn'
          order by claim_id desc, id desc limit 1001) newest;
end
$$;
