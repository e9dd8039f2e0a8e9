-- How a claim fared is kept as it changes, so that telling it costs the same whatever was run; and told in the same words
-- to whoever checks.

create view verdict_for_claim as
    select e.id as experiment_id, e.claim_id, v.outcome, cardinality(e.outside) = 0 and e.disputed_at is null as bears,
        e.challenge,
        -- A sum of logarithms in whole billionths comes out the same in any order. Below 1e-4 it is no number any more.
        round(ln(greatest(1 - coalesce(v.severity, 0), 1e-4)) * 1e9)::bigint as doubt
    from experiment e join verdict v on v.experiment_id = e.id
    where e.state = 'concluded' and not e.exploratory;
comment on view verdict_for_claim is 'What each verdict says of its claim: bears if it moves the claim (inside its scope, not disputed), doubt is the logarithm of one less its severity, in billionths.';

create view claim_counted as
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
comment on view claim_counted is 'How each claim fared, counted from all its verdicts: what claim_tally must say.';

create table claim_tally (
    claim_id      bigint primary key constraint claim_tally_claim_fk references claim on delete cascade,
    supported     bigint not null default 0,
    falsified     bigint not null default 0,
    inconclusive  bigint not null default 0,
    survived      bigint not null default 0,
    refuted       bigint not null default 0,
    aside         bigint not null default 0,
    doubt         bigint not null default 0,
    challenged_by bigint,
    fell_by       bigint
);
comment on table claim_tally is 'How a claim fared, kept by triggers as verdicts come and disputes come and go; none of one without a verdict. breakmywork verify counts again.';
comment on column claim_tally.claim_id is 'The claim.';
comment on column claim_tally.supported is 'Verdicts that support it.';
comment on column claim_tally.falsified is 'Verdicts that falsify a prediction of it.';
comment on column claim_tally.inconclusive is 'Verdicts that tell nothing.';
comment on column claim_tally.survived is 'Those that support it and bear on it: in its scope, at its margin, and not disputed.';
comment on column claim_tally.refuted is 'Falsifications that were not confirmed.';
comment on column claim_tally.aside is 'Verdicts for or against it that do not move it.';
comment on column claim_tally.doubt is 'Sum of the logarithms of one less the severity over what it survived, in billionths: its severity is one less the exponential.';
comment on column claim_tally.challenged_by is 'The latest experiment that challenges it and waits for its confirmation. No foreign key: verify looks after it.';
comment on column claim_tally.fell_by is 'The latest experiment whose falsification was confirmed and is not disputed.';
create index claim_tally_severest on claim_tally (doubt, claim_id) where doubt < 0;
comment on index claim_tally_severest is 'The claims that survived the severest tests.';
create index claim_tally_in_trouble on claim_tally (claim_id) where challenged_by is not null or fell_by is not null;
comment on index claim_tally_in_trouble is 'The claims that are challenged or fell.';

create table counted_verdict (
    experiment_id bigint primary key,
    claim_id      bigint not null,
    outcome       text not null,
    bears         boolean not null,
    challenge     text,
    doubt         bigint not null
);
comment on table counted_verdict is 'Each verdict as it is counted in claim_tally, so that it can be taken out again when it counts otherwise.';
comment on column counted_verdict.experiment_id is 'The experiment. No foreign key: it is taken out after it is gone.';
comment on column counted_verdict.claim_id is 'Its claim.';
comment on column counted_verdict.outcome is 'As verdict.outcome.';
comment on column counted_verdict.bears is 'Whether it moves the claim.';
comment on column counted_verdict.challenge is 'As experiment.challenge.';
comment on column counted_verdict.doubt is 'As in verdict_for_claim.';
create index counted_verdict_challenges on counted_verdict (claim_id, challenge, experiment_id) where challenge in ('open', 'confirmed');
comment on index counted_verdict_challenges is 'What challenges a claim, and what made it fall.';

create function count_for_claim(one counted_verdict, sign integer) returns void language sql as $$
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
comment on function count_for_claim is 'Adds a verdict to the tally of its claim, or takes it out, and looks what challenges the claim.';

create function count_verdict(of_experiment bigint) returns void language plpgsql as $$
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
comment on function count_verdict is 'Counts the verdict of an experiment for its claim as it is now, in place of how it was counted.';

create function experiment_is_counted() returns trigger language plpgsql as $$
begin
    perform count_verdict(new.id);
    -- A claim does not fall by a confirmation that is disputed.
    if new.confirms is not null then
        perform count_verdict(new.confirms);
    end if;
    return null;
end
$$;
comment on function experiment_is_counted is 'Counts the verdict of an experiment again when it counts otherwise.';
create constraint trigger experiment_is_counted after update on experiment deferrable initially deferred for each row
    when ((old.state = 'concluded' or new.state = 'concluded')
            and (old.state, old.exploratory, old.outside, old.disputed_at, old.challenge)
                is distinct from (new.state, new.exploratory, new.outside, new.disputed_at, new.challenge)
        or new.confirms is not null and old.disputed_at is distinct from new.disputed_at)
    execute function experiment_is_counted();

create function verdict_is_counted() returns trigger language plpgsql as $$
begin
    perform count_verdict(coalesce(new.experiment_id, old.experiment_id));
    return null;
end
$$;
comment on function verdict_is_counted is 'Counts a verdict that came, changed or went.';
create constraint trigger verdict_is_counted after insert or update or delete on verdict deferrable initially deferred
    for each row execute function verdict_is_counted();

insert into counted_verdict (experiment_id, claim_id, outcome, bears, challenge, doubt)
    select experiment_id, claim_id, outcome, bears, challenge, doubt from verdict_for_claim;
insert into claim_tally (claim_id, supported, falsified, inconclusive, survived, refuted, aside, doubt, challenged_by, fell_by)
    select claim_id, supported, falsified, inconclusive, survived, refuted, aside, doubt, challenged_by, fell_by from claim_counted;
