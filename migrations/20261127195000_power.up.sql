-- What an experiment can find is told before it is registered, from what earlier ones saw; and whether somebody asked the
-- same question.

create table noise (
    experiment_id bigint constraint noise_pkey primary key
        constraint noise_experiment_fk references experiment,
    author_id bigint not null constraint noise_author_fk references account,
    likeness text not null constraint noise_likeness_length check (char_length(likeness) between 1 and 500),
    differences double precision[] not null
        constraint noise_differences_count check (cardinality(differences) between 3 and 40),
    noted_at timestamptz not null default now()
);
create index noise_by_likeness on noise (likeness, noted_at desc);
create index noise_by_author on noise (likeness, author_id, noted_at desc);
comment on table noise is 'How much the pairs of an ended experiment varied, for the power of those to come.';
comment on column noise.experiment_id is 'The experiment whose pairs they are.';
comment on column noise.author_id is 'Who registered it: nobody''s noise alone decides what others may register.';
comment on column noise.likeness is 'Criterion, metric, task and size: what makes pairs comparable.';
comment on column noise.differences is 'The differences of its pairs, less their median.';
comment on column noise.noted_at is 'When it ended.';
comment on index noise_by_likeness is 'Finds the latest noise of a task and size.';
comment on index noise_by_author is 'Finds a person''s own, however much others have.';

alter table experiment
    add column likeness text,
    add column power jsonb,
    add constraint experiment_likeness_length check (char_length(likeness) between 1 and 500),
    add constraint experiment_power_is_an_object check (jsonb_typeof(power) = 'object');
comment on column experiment.likeness is 'Under which likeness its noise is kept; null where its pairs have none.';
comment on column experiment.power is 'What it could find, as that was known at registration.';

-- The encoding of the database is UTF-8 and stays it, so the same specification has the same hash for ever.
create function question_sha256(spec jsonb) returns text language sql immutable parallel safe as $$
    select encode(sha256(convert_to((spec - 'title' - 'seeds')::text, 'UTF8')), 'hex')
$$;
comment on function question_sha256 is 'What a specification asks, whatever its title and however many its seeds.';
create index experiment_by_question on experiment (claim_id, question_sha256(spec), id) where registered_at is not null;
comment on index experiment_by_question is 'Finds who asked the same of a claim.';

create trigger experiment_power_stays_frozen before update on experiment
    for each row
    when (old.registered_at is not null and (new.likeness, new.power) is distinct from (old.likeness, old.power))
    execute function experiment_stays_frozen();
