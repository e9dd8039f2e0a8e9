-- Adversarial search: what it came to, and the experiment that was proposed where it found something.

create table search_result (
    experiment_id bigint constraint search_result_pkey primary key
        constraint search_result_experiment_fk references experiment,
    course        jsonb not null constraint search_result_course_is_object check (jsonb_typeof(course) = 'object'),
    proposed      bigint constraint search_result_proposed_fk references experiment,
    question      text constraint search_result_question_form check (question ~ '^[0-9a-f]{64}$'),
    constraint search_result_proposal_whole check (num_nulls(proposed, question) in (0, 2)),
    constraint search_result_proposed_once unique (proposed)
);
comment on table search_result is 'What a search came to when it ended. Its points are rows of trial, its runs name them; nothing of it counts for or against a claim.';
comment on column search_result.experiment_id is 'The search.';
comment on column search_result.course is 'Its stages, what was kept, how what was found was made simpler: as anybody computes it again from its runs.';
comment on column search_result.proposed is 'The experiment that was proposed at the counterexample; null where nothing was found, or its author had too many open proposals.';
comment on column search_result.question is 'What was proposed, as question_sha256 has it: an author may edit the proposal, and then it is no longer what was found.';

create function search_result_stays() returns trigger language plpgsql as $$
begin
    raise exception 'the result of search % stays', old.experiment_id
        using errcode = 'check_violation', constraint = 'search_result_stays';
end
$$;
comment on function search_result_stays is 'Refuses any change to what a search came to.';
create trigger search_result_stays before update or delete on search_result
    for each row execute function search_result_stays();

-- A search carries no verdict that could resolve a forecast, before its registration neither.
create or replace function forecast_comes_first() returns trigger language plpgsql as $$
begin
    if exists (select from experiment
               where id = new.experiment_id
                 and (exploratory or spec ? 'search' or concluded_at is not null or withdrawn_at is not null
                   or experiment_shows_results(id))) then
        raise exception 'experiment % takes no forecast', new.experiment_id
            using errcode = 'check_violation', constraint = 'forecast_comes_first';
    end if;
    return new;
end
$$;
