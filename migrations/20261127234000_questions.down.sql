drop index experiment_amendments;
drop index experiment_before_its_end;
drop index experiment_by_question;
create or replace function question_sha256(spec jsonb) returns text language sql immutable parallel safe as $$
    select encode(sha256(convert_to((spec - 'title' - 'seeds')::text, 'UTF8')), 'hex')
$$;
comment on function question_sha256 is 'What a specification asks, whatever its title and however many its seeds.';
create index experiment_by_question on experiment (claim_id, question_sha256(spec), id) where registered_at is not null;
comment on index experiment_by_question is 'Finds who asked the same of a claim.';
