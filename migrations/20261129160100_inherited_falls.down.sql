create or replace function claim_standing(of_claim bigint) returns text language plpgsql stable
    set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    return case
        when exists (
            select from experiment e
            where claim_id = of_claim and challenge = 'confirmed' and state = 'concluded' and not exploratory
                and cardinality(outside) = 0 and disputed_at is null
                -- A claim does not fall by a confirmation that is disputed.
                and not exists (select from experiment c where c.confirms = e.id and c.disputed_at is not null)) then 'falsified'
        when exists (
            select from experiment
            where claim_id = of_claim and challenge = 'open' and state = 'concluded' and not exploratory
                and cardinality(outside) = 0 and disputed_at is null) then 'challenged'
        when exists (
            select from experiment
            where claim_id = of_claim and challenge is null and supports and state = 'concluded' and not exploratory
                and cardinality(outside) = 0 and disputed_at is null) then 'standing'
        when exists (
            select from experiment
            where claim_id = of_claim and challenge = 'not_confirmed' and state = 'concluded' and not exploratory
                and cardinality(outside) = 0 and disputed_at is null) then 'standing'
        else 'untested' end;
end
$$;

create or replace view claim_counted as
    select claim_id,
        count(*) filter (where outcome = 'supported') as supported,
        count(*) filter (where outcome = 'falsified') as falsified,
        count(*) filter (where outcome = 'inconclusive') as inconclusive,
        count(*) filter (where outcome = 'supported' and bears) as survived,
        count(*) filter (where challenge = 'not_confirmed' and bears) as refuted,
        count(*) filter (where outcome in ('supported', 'falsified') and not bears) as aside,
        coalesce(sum(doubt) filter (where outcome = 'supported' and bears), 0)::bigint as doubt,
        max(experiment_id) filter (where challenge = 'open' and bears) as challenged_by,
        max(experiment_id) filter (where challenge = 'confirmed' and bears and not exists (
            select from experiment c where c.confirms = experiment_id and c.disputed_at is not null)) as fell_by
    from verdict_for_claim group by claim_id;

create or replace function count_verdict(of_experiment bigint) returns void language plpgsql as $$
declare
    one counted_verdict;
begin
    -- Whoever counts holds the head of the record, which a transaction locks last, when it commits: so no two that
    -- conclude at once miss each other's verdict, or wait for each other in a circle.
    perform from record_head for update;
    delete from counted_verdict where experiment_id = of_experiment returning * into one;
    if found then
        perform count_for_claim(one, -1);
    end if;
    insert into counted_verdict (experiment_id, claim_id, outcome, bears, challenge, doubt)
        select experiment_id, claim_id, outcome, bears, challenge, doubt from verdict_for_claim
        where experiment_id = of_experiment
        returning * into one;
    if found then
        perform count_for_claim(one, 1);
    end if;
end
$$;

create or replace function count_for_claim(one counted_verdict, sign integer) returns void language sql as $$
    insert into claim_tally (claim_id) values (one.claim_id) on conflict do nothing;
    update claim_tally set
        supported = supported + sign * (one.outcome = 'supported')::integer,
        falsified = falsified + sign * (one.outcome = 'falsified')::integer,
        inconclusive = inconclusive + sign * (one.outcome = 'inconclusive')::integer,
        survived = survived + sign * (one.outcome = 'supported' and one.bears)::integer,
        refuted = refuted + sign * (one.bears and one.challenge is not distinct from 'not_confirmed')::integer,
        aside = aside + sign * (one.outcome in ('supported', 'falsified') and not one.bears)::integer,
        doubt = doubt + sign * case when one.outcome = 'supported' and one.bears then one.doubt else 0 end,
        challenged_by = (select max(c.experiment_id) from counted_verdict c
                         where c.claim_id = one.claim_id and c.challenge = 'open' and c.bears),
        fell_by = (select max(c.experiment_id) from counted_verdict c
                   where c.claim_id = one.claim_id and c.challenge = 'confirmed' and c.bears and not exists (
                       select from experiment e where e.confirms = c.experiment_id and e.disputed_at is not null))
    where claim_id = one.claim_id
$$;

drop table inherited_fall;
drop function fall_is_counted;
drop function count_falls;
drop function claim_fell_by;
drop function narrower_claims;
