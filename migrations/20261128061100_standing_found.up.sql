-- Where a claim stands is found along one index, whatever was run on it: what moves it is marked where it is looked for.

alter table experiment add column supports boolean not null default false;
comment on column experiment.supports is 'Whether its verdict is that it supports its claim: kept by a trigger on verdict, so that an index has what moves a claim. breakmywork verify holds it against the verdict.';
update experiment set supports = true where id in (select experiment_id from verdict where outcome = 'supported');

create index experiment_moves_its_claim on experiment (claim_id, challenge)
    where (supports or challenge is not null) and state = 'concluded' and not exploratory
        and cardinality(outside) = 0 and disputed_at is null;
comment on index experiment_moves_its_claim is 'The experiments that move a claim: what supports it (challenge is null), what falsified it and what became of that.';

create function verdict_is_marked() returns trigger language plpgsql as $$
begin
    update experiment set supports = (tg_op <> 'DELETE' and new.outcome = 'supported')
    where id = coalesce(new.experiment_id, old.experiment_id)
        and supports <> (tg_op <> 'DELETE' and new.outcome = 'supported');
    return null;
end
$$;
comment on function verdict_is_marked is 'Marks an experiment whose verdict supports its claim.';
create trigger verdict_is_marked after insert or update or delete on verdict
    for each row execute function verdict_is_marked();

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
