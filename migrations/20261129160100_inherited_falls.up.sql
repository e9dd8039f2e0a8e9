-- A claim does not go on under a narrower name: what made it fall fells every narrower claim in whose scope it lies.

create table inherited_fall (
    claim_id      bigint not null constraint inherited_fall_claim_fk references claim on delete cascade,
    experiment_id bigint not null constraint inherited_fall_experiment_fk references experiment on delete cascade,
    constraint inherited_fall_once primary key (claim_id, experiment_id)
);
create index inherited_fall_of_experiment on inherited_fall (experiment_id);
comment on table inherited_fall is 'Confirmed falsifications of a wider claim that lie in the scope of a narrower one, which falls by them, too. They follow from scopes and specifications; breakmywork verify asks again.';
comment on column inherited_fall.claim_id is 'The narrower claim.';
comment on column inherited_fall.experiment_id is 'The experiment on the wider claim, whose falsification was confirmed.';
comment on index inherited_fall_of_experiment is 'Which claims fall with another by an experiment: asked when it is disputed.';

create function narrower_claims(of_claim bigint) returns setof claim language sql stable as $$
    with recursive line as (
        select id from claim where revises = of_claim
        union
        select c.id from line join claim c on c.revises = line.id)
    select claim.* from line join claim on claim.id = line.id
$$;
comment on function narrower_claims is 'The claims that narrow this one, and those that narrow them, down the whole line.';

create function claim_fell_by(of_claim bigint) returns bigint language sql stable as $$
    select max(c.experiment_id)
    from (select experiment_id from counted_verdict where claim_id = of_claim and challenge = 'confirmed' and bears
          union all
          select v.experiment_id from inherited_fall f join counted_verdict v on v.experiment_id = f.experiment_id
          where f.claim_id = of_claim and v.challenge = 'confirmed' and v.bears) c
    -- A claim does not fall by a confirmation that is disputed.
    where not exists (select from experiment e where e.confirms = c.experiment_id and e.disputed_at is not null)
$$;
comment on function claim_fell_by is 'The latest experiment by which a claim fell: on it, or on a wider one that it fell with.';

create function count_falls(of_claim bigint) returns void language plpgsql as $$
begin
    -- As whoever counts a verdict does.
    perform from record_head for update;
    insert into claim_tally (claim_id) values (of_claim) on conflict do nothing;
    update claim_tally set fell_by = claim_fell_by(of_claim) where claim_id = of_claim;
end
$$;
comment on function count_falls is 'Looks again what made a claim fall.';

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
        fell_by = claim_fell_by(one.claim_id)
    where claim_id = one.claim_id
$$;

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
    perform count_falls(f.claim_id) from inherited_fall f where f.experiment_id = of_experiment;
end
$$;

create function fall_is_counted() returns trigger language plpgsql as $$
begin
    perform count_falls(coalesce(new.claim_id, old.claim_id));
    return null;
end
$$;
comment on function fall_is_counted is 'Looks again what made a claim fall when one more experiment does, or one less.';
create constraint trigger fall_is_counted after insert or update or delete on inherited_fall deferrable initially deferred
    for each row execute function fall_is_counted();

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
    from (select experiment_id, claim_id, outcome, bears, challenge, doubt from verdict_for_claim
          union all
          -- No verdict on this claim: it is counted on the wider one.
          select f.experiment_id, f.claim_id, null, v.bears, v.challenge, 0
          from inherited_fall f join verdict_for_claim v on v.experiment_id = f.experiment_id
          where v.challenge = 'confirmed') told
    group by claim_id;

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
            select from inherited_fall f join experiment e on e.id = f.experiment_id
            where f.claim_id = of_claim and challenge = 'confirmed' and state = 'concluded' and not exploratory
                and cardinality(outside) = 0 and disputed_at is null
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
