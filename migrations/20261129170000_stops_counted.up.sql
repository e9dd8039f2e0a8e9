-- Whoever has registered an experiment knows its seeds, and so can know how it will end before it is computed. So what its
-- author stops is counted, and what a person asks again, or picks out of many, adds no severity.

drop view claim_counted;
drop view verdict_for_claim;
drop function count_for_claim;

create index experiment_stopped on experiment (claim_id, author_id) where stopped_by is not null;
comment on index experiment_stopped is 'Finds what somebody stopped on a claim.';

create function stopped_on(of_claim bigint, of_account bigint) returns bigint language sql stable as $$
    select count(*) from experiment
    where claim_id = of_claim and author_id = any (accounts_of(of_account)) and stopped_by = any (accounts_of(of_account))
        and stopped_by is not null and state = 'concluded' and not exploratory and confirms is null
        and cardinality(outside) = 0 and disputed_at is null
$$;
comment on function stopped_on is 'How many experiments that would have moved a claim their author, that person, registered and then stopped.';

create view verdict_for_claim as
    select e.id as experiment_id, e.claim_id, v.outcome, cardinality(e.outside) = 0 and e.disputed_at is null as bears,
        e.challenge, person_of(e.author_id) as person_id, question_sha256(e.spec) as question,
        e.stopped_by is not null and e.confirms is null and person_of(e.stopped_by) = person_of(e.author_id) as stopped,
        -- Whole trillionths add up to the same in any order. Nobody stops a confirmation, so what its author stopped elsewhere
        -- says nothing of it.
        case when v.outcome <> 'supported' then 0 else round(coalesce(v.severity, 0)::numeric * 1e12
            / case when e.confirms is null then greatest(stopped_on(e.claim_id, e.author_id), 1) else 1 end) end::bigint as weight
    from experiment e join verdict v on v.experiment_id = e.id
    where e.state = 'concluded' and not e.exploratory;
comment on view verdict_for_claim is 'What each verdict says of its claim: bears if it moves the claim (inside its scope, not disputed), stopped if its author stopped it, weight is the severity of what it supports, in trillionths, over how many experiments its author stopped on the claim.';

create function question_doubt(weight bigint, attempts bigint) returns bigint language sql immutable parallel safe as $$
    -- A sum of logarithms in whole billionths comes out the same in any order. Below 1e-4 it is no number any more.
    select round(ln(greatest(1 - weight / (1e12 * greatest(attempts, 1)), 1e-4)) * 1e9)::bigint
$$;
comment on function question_doubt is 'The logarithm of one less the severity of a question, in billionths: the mean weight of all attempts at it.';

create view claim_counted as
    with question as (
        select claim_id, question_doubt(sum(weight)::bigint, count(*)) as doubt from verdict_for_claim
        where bears and outcome in ('supported', 'falsified', 'inconclusive') group by claim_id, question)
    select claim_id,
        count(*) filter (where outcome = 'supported') as supported,
        count(*) filter (where outcome = 'falsified') as falsified,
        count(*) filter (where outcome = 'inconclusive') as inconclusive,
        count(*) filter (where outcome = 'supported' and bears) as survived,
        count(*) filter (where challenge = 'not_confirmed' and bears) as refuted,
        count(*) filter (where outcome in ('supported', 'falsified') and not bears) as aside,
        (select coalesce(sum(doubt), 0)::bigint from question q where q.claim_id = v.claim_id) as doubt,
        max(experiment_id) filter (where challenge = 'open' and bears) as challenged_by,
        max(experiment_id) filter (where challenge = 'confirmed' and bears and not exists (
            select from experiment c where c.confirms = experiment_id and c.disputed_at is not null)) as fell_by,
        count(*) filter (where stopped and bears) as stopped
    from (select experiment_id, claim_id, outcome, bears, challenge, stopped from verdict_for_claim
          union all
          -- No verdict on this claim: it is counted on the wider one.
          select f.experiment_id, f.claim_id, null, v.bears, v.challenge, false
          from inherited_fall f join verdict_for_claim v on v.experiment_id = f.experiment_id
          where v.challenge = 'confirmed') v
    group by claim_id;
comment on view claim_counted is 'How each claim fared, counted from all its verdicts: what claim_tally must say.';

alter table claim_tally add column stopped bigint not null default 0;
comment on column claim_tally.stopped is 'Experiments that would have moved it and that their authors registered and then stopped.';
comment on column claim_tally.doubt is 'Sum of question_doubt over all that was asked of it: its severity is one less the exponential.';

alter table counted_verdict
    drop column doubt,
    add column person_id bigint,
    add column question  text,
    add column stopped   boolean not null default false,
    add column weight    bigint not null default 0;
comment on column counted_verdict.person_id is 'Who answers for its author. No foreign key, as for the experiment.';
comment on column counted_verdict.question is 'What it asked, as question_sha256 has it.';
comment on column counted_verdict.stopped is 'Whether its author stopped it.';
comment on column counted_verdict.weight is 'As in verdict_for_claim.';
create index counted_verdict_supports on counted_verdict (claim_id, person_id) where outcome = 'supported';
comment on index counted_verdict_supports is 'Finds what weighs otherwise when its author stops another experiment on the claim.';

create table counted_question (
    claim_id bigint not null,
    question text not null,
    attempts bigint not null default 0,
    weight   bigint not null default 0,
    primary key (claim_id, question)
);
comment on table counted_question is 'What was asked of a claim by experiments that move it and came to a verdict, and how often: asked again, it counts once.';
comment on column counted_question.claim_id is 'The claim. No foreign key: it is counted as verdicts come and go.';
comment on column counted_question.question is 'As question_sha256 has it.';
comment on column counted_question.attempts is 'Experiments that ended as supported, falsified or inconclusive.';
comment on column counted_question.weight is 'Sum of their weights.';

create function count_for_question(one counted_verdict, sign integer) returns bigint language plpgsql as $$
declare
    before counted_question;
    after counted_question;
begin
    if not one.bears or one.outcome not in ('supported', 'falsified', 'inconclusive') then
        return 0;
    end if;
    insert into counted_question (claim_id, question) values (one.claim_id, one.question) on conflict do nothing;
    select * into before from counted_question where claim_id = one.claim_id and question = one.question;
    update counted_question set attempts = attempts + sign, weight = weight + sign * one.weight
        where claim_id = one.claim_id and question = one.question returning * into after;
    return question_doubt(after.weight, after.attempts) - question_doubt(before.weight, before.attempts);
end
$$;
comment on function count_for_question is 'Adds a verdict to what was asked of its claim, or takes it out, and says by how much that changes the doubt.';

create function count_for_claim(one counted_verdict, sign integer) returns void language sql as $$
    insert into claim_tally (claim_id) values (one.claim_id) on conflict do nothing;
    update claim_tally set
        supported = supported + sign * (one.outcome = 'supported')::integer,
        falsified = falsified + sign * (one.outcome = 'falsified')::integer,
        inconclusive = inconclusive + sign * (one.outcome = 'inconclusive')::integer,
        survived = survived + sign * (one.outcome = 'supported' and one.bears)::integer,
        refuted = refuted + sign * (one.bears and one.challenge is not distinct from 'not_confirmed')::integer,
        aside = aside + sign * (one.outcome in ('supported', 'falsified') and not one.bears)::integer,
        stopped = stopped + sign * (one.stopped and one.bears)::integer,
        doubt = doubt + count_for_question(one, sign),
        challenged_by = (select max(c.experiment_id) from counted_verdict c
                         where c.claim_id = one.claim_id and c.challenge = 'open' and c.bears),
        fell_by = claim_fell_by(one.claim_id)
    where claim_id = one.claim_id
$$;
comment on function count_for_claim is 'Adds a verdict to the tally of its claim, or takes it out, and looks what challenges the claim.';

create function count_alone(of_experiment bigint, out of_claim bigint, out of_person bigint, out stops boolean) language plpgsql as $$
declare
    before counted_verdict;
    after counted_verdict;
begin
    delete from counted_verdict where experiment_id = of_experiment returning * into before;
    if found then
        perform count_for_claim(before, -1);
    end if;
    insert into counted_verdict (experiment_id, claim_id, outcome, bears, challenge, person_id, question, stopped, weight)
        select experiment_id, claim_id, outcome, bears, challenge, person_id, question, stopped, weight from verdict_for_claim
        where experiment_id = of_experiment
        returning * into after;
    if found then
        perform count_for_claim(after, 1);
    end if;
    of_claim := coalesce(after.claim_id, before.claim_id);
    of_person := coalesce(after.person_id, before.person_id);
    stops := coalesce(before.stopped and before.bears, false) <> coalesce(after.stopped and after.bears, false);
end
$$;
comment on function count_alone is 'Counts the verdict of an experiment as it is now, and says whose others on which claim it makes weigh otherwise.';

create or replace function count_verdict(of_experiment bigint) returns void language plpgsql as $$
declare
    counted record;
begin
    -- Whoever counts holds the head of the record, which a transaction locks last, when it commits: so no two that
    -- conclude at once miss each other's verdict, or wait for each other in a circle.
    perform from record_head for update;
    select * into counted from count_alone(of_experiment);
    if counted.stops then
        perform count_alone(c.experiment_id) from (
            select experiment_id from counted_verdict
            where claim_id = counted.of_claim and person_id = counted.of_person and outcome = 'supported') c;
    end if;
    perform count_falls(f.claim_id) from inherited_fall f where f.experiment_id = of_experiment;
end
$$;
comment on function count_verdict is 'Counts the verdict of an experiment for its claim as it is now, in place of how it was counted.';

drop trigger experiment_is_counted on experiment;
create constraint trigger experiment_is_counted after update on experiment deferrable initially deferred for each row
    when ((old.state = 'concluded' or new.state = 'concluded')
            and (old.state, old.exploratory, old.outside, old.disputed_at, old.challenge, old.stopped_by)
                is distinct from (new.state, new.exploratory, new.outside, new.disputed_at, new.challenge, new.stopped_by)
        or new.confirms is not null and old.disputed_at is distinct from new.disputed_at)
    execute function experiment_is_counted();

delete from counted_verdict;
delete from claim_tally;
insert into counted_verdict (experiment_id, claim_id, outcome, bears, challenge, person_id, question, stopped, weight)
    select experiment_id, claim_id, outcome, bears, challenge, person_id, question, stopped, weight from verdict_for_claim;
insert into counted_question (claim_id, question, attempts, weight)
    select claim_id, question, count(*), sum(weight) from counted_verdict
    where bears and outcome in ('supported', 'falsified', 'inconclusive') group by claim_id, question;
insert into claim_tally (claim_id, supported, falsified, inconclusive, survived, refuted, aside, doubt, challenged_by, fell_by, stopped)
    select claim_id, supported, falsified, inconclusive, survived, refuted, aside, doubt, challenged_by, fell_by, stopped from claim_counted;
