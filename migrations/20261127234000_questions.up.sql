-- A plan that may stop early and one that runs all of its pairs ask the same: when to stop is no part of the question.

drop index experiment_by_question;
create or replace function question_sha256(spec jsonb) returns text language sql immutable parallel safe as $$
    select encode(sha256(convert_to((spec - 'title' - 'seeds' #- '{criterion,stopping}')::text, 'UTF8')), 'hex')
$$;
comment on function question_sha256 is 'What a specification asks, whatever its title, however many its seeds and whenever it stops.';
create index experiment_by_question on experiment (claim_id, question_sha256(spec), id) where registered_at is not null;
comment on index experiment_by_question is 'Finds who asked the same of a claim.';

create index experiment_before_its_end on experiment (id desc)
    where concluded_at is null and withdrawn_at is null and not exploratory;
comment on index experiment_before_its_end is 'Finds what may still take forecasts.';
create index experiment_amendments on experiment (amends) where amends is not null;
comment on index experiment_amendments is 'Finds what amends a registration: the first amendment of each goes on with its manifest.';
