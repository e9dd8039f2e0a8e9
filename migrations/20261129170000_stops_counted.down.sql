drop trigger experiment_is_counted on experiment;
drop view claim_counted;
drop view verdict_for_claim;
drop function count_alone;
drop function count_for_claim;
drop function count_for_question;
drop function question_doubt;
drop function stopped_on;
drop table counted_question;
drop index counted_verdict_supports;
drop index experiment_stopped;
delete from counted_verdict;
delete from claim_tally;
alter table claim_tally drop column stopped;
comment on column claim_tally.doubt is 'Sum of the logarithms of one less the severity over what it survived, in billionths: its severity is one less the exponential.';
alter table counted_verdict
    drop column person_id,
    drop column question,
    drop column stopped,
    drop column weight,
    add column doubt bigint not null;
comment on column counted_verdict.doubt is 'As in verdict_for_claim.';

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
    from (select experiment_id, claim_id, outcome, bears, challenge, doubt from verdict_for_claim
          union all
          -- No verdict on this claim: it is counted on the wider one.
          select f.experiment_id, f.claim_id, null, v.bears, v.challenge, 0
          from inherited_fall f join verdict_for_claim v on v.experiment_id = f.experiment_id
          where v.challenge = 'confirmed') told
    group by claim_id;
comment on view claim_counted is 'How each claim fared, counted from all its verdicts: what claim_tally must say.';

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
        fell_by = claim_fell_by(one.claim_id)
    where claim_id = one.claim_id
$$;
comment on function count_for_claim is 'Adds a verdict to the tally of its claim, or takes it out, and looks what challenges the claim.';

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
comment on function count_verdict is 'Counts the verdict of an experiment for its claim as it is now, in place of how it was counted.';

create constraint trigger experiment_is_counted after update on experiment deferrable initially deferred for each row
    when ((old.state = 'concluded' or new.state = 'concluded')
            and (old.state, old.exploratory, old.outside, old.disputed_at, old.challenge)
                is distinct from (new.state, new.exploratory, new.outside, new.disputed_at, new.challenge)
        or new.confirms is not null and old.disputed_at is distinct from new.disputed_at)
    execute function experiment_is_counted();

insert into counted_verdict (experiment_id, claim_id, outcome, bears, challenge, doubt)
    select experiment_id, claim_id, outcome, bears, challenge, doubt from verdict_for_claim;
insert into claim_tally (claim_id, supported, falsified, inconclusive, survived, refuted, aside, doubt, challenged_by, fell_by)
    select claim_id, supported, falsified, inconclusive, survived, refuted, aside, doubt, challenged_by, fell_by from claim_counted;
