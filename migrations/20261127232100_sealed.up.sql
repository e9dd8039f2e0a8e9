-- Sealed registrations: of a sealed experiment only a commitment is public until its runs have ended or a date has come.

alter table experiment
    add column seal_days smallint,
    add column opens_at  timestamptz,
    add column opened_at timestamptz,
    add column closed    boolean not null generated always as (seal_days is not null and opened_at is null) stored,
    add constraint experiment_seal_days_bounded check (seal_days between 1 and 90),
    add constraint experiment_opens_by_a_date check ((opens_at is null) = (seal_days is null or registered_at is null)),
    add constraint experiment_opens_in_time check (opens_at <= registered_at + make_interval(days => seal_days)),
    add constraint experiment_opened_was_sealed check (opened_at is null or seal_days is not null),
    add constraint experiment_ended_is_open check (seal_days is null or opened_at is not null
        or num_nonnulls(concluded_at, withdrawn_at) = 0);
create index experiment_to_open on experiment (opens_at) where closed;
comment on column experiment.seal_days is 'Sealed: for at most so many days after its registration its plan and runs are seen by its author alone. Null of what is public.';
comment on column experiment.opens_at is 'When it is opened at the latest, fixed at registration.';
comment on column experiment.opened_at is 'When it was opened: by its end, whatever ended it, or when the date came.';
comment on column experiment.closed is 'Whether it is sealed and not opened: then only its author may see its plan and runs.';
comment on index experiment_to_open is 'What is closed; the next to be opened first.';

-- What is sealed stays sealed until it is opened, and what is public or open stays so.
create function experiment_seal_stays() returns trigger language plpgsql as $$
begin
    raise exception 'the seal of experiment % cannot change', old.id
        using errcode = 'check_violation', constraint = 'experiment_seal_stays';
end
$$;
comment on function experiment_seal_stays is 'Refuses to seal what was public, to close what was opened, and to move the date.';
create trigger experiment_seal_stays before update on experiment
    for each row
    when (new.seal_days is distinct from old.seal_days
        or (old.opens_at is not null and new.opens_at is distinct from old.opens_at)
        or (old.opened_at is not null and new.opened_at is distinct from old.opened_at))
    execute function experiment_seal_stays();

create table seal (
    experiment_id bigint primary key constraint seal_experiment_fk references experiment,
    nonce         text not null,
    registration  text not null,
    commitment    text not null,
    constraint seal_nonce_form check (nonce ~ '^[0-9a-f-]{36}$'),
    constraint seal_registration_is_object check (jsonb_typeof(registration::jsonb) = 'object'),
    constraint seal_commitment_form check (commitment ~ '^[0-9a-f]{64}$')
);
comment on table seal is 'What a sealed registration commits to. Nonce and registration are published when it is opened.';
comment on column seal.experiment_id is 'The experiment.';
comment on column seal.nonce is 'A random number drawn at registration: without it nobody can try which plan a commitment is of.';
comment on column seal.registration is 'What the record would have said of the registration, as canonical JSON.';
comment on column seal.commitment is 'SHA-256 of the canonical JSON {"nonce": …, "registration": …}: what is on record meanwhile.';

create function seal_stays() returns trigger language plpgsql as $$
begin
    raise exception 'the seal of experiment % cannot change', old.experiment_id
        using errcode = 'check_violation', constraint = 'seal_stays';
end
$$;
comment on function seal_stays is 'Refuses any change to what was committed to.';
create trigger seal_stays before update or delete on seal for each row execute function seal_stays();

-- What everybody may see. A column that comes later is not in these views until somebody has thought about it.
create view public_experiment as
    select id, claim_id, author_id, thread_id, state, closed, seal_days, opens_at, opened_at,
        case when closed then 'Sealed experiment' else title end as title,
        case when closed then '' else prediction end as prediction,
        case when closed then '' else rationale end as rationale,
        case when closed then '{}' else spec end as spec,
        case when not closed then spec_canonical end as spec_canonical,
        case when not closed then spec_sha256 end as spec_sha256,
        case when not closed then amends end as amends,
        case when not closed then amend_reason end as amend_reason,
        not closed and exploratory as exploratory,
        case when not closed then seed_salt end as seed_salt,
        case when closed then '{}' else outside end as outside,
        case when closed and state = 'stalled' then 'It is sealed: which runs are missing, and why, is told when it is opened.'
            else stalled_reason end as stalled_reason,
        stalled_at, challenge, confirms, confirmation, disputed_at, disputed_by, dispute_reason, dispute_answer,
        created_at, registered_at, concluded_at, withdrawn_at
    from experiment;
comment on view public_experiment is 'Experiments as everybody may see them: of a closed one that it exists, on which claim, by whom, since when and in which state.';

create view public_run as
    select run.* from run where not exists (select from experiment e where e.id = run.experiment_id and e.closed);
comment on view public_run is 'The runs that everybody may see: none of a closed experiment.';

create function forecast_of_what_is_open() returns trigger language plpgsql as $$
begin
    if exists (select from experiment where id = new.experiment_id and closed) then
        raise exception 'experiment % takes no forecast', new.experiment_id
            using errcode = 'check_violation', constraint = 'forecast_of_what_is_open';
    end if;
    return new;
end
$$;
comment on function forecast_of_what_is_open is 'Refuses a forecast of a sealed plan: only its author knows it.';
create trigger forecast_of_what_is_open before insert on forecast for each row execute function forecast_of_what_is_open();

alter table record_entry
    drop constraint record_entry_kind_known,
    add constraint record_entry_kind_known check (kind in ('claim', 'registration', 'opening', 'conclusion', 'act'));
comment on column record_entry.kind is 'claim (came onto the board), registration, opening (of a sealed one), conclusion (of an experiment) or act (what a person did).';

alter table run_event
    drop constraint run_event_kind_known,
    add constraint run_event_kind_known check (kind in (
        'registered', 'taken', 'resumed', 'checkpoint', 'succeeded', 'failed', 'lost', 'preempted', 'unable',
        'timed_out', 'cancel_asked', 'cancelled', 'retried', 'stalled', 'given_up', 'stopped', 'concluded', 'withdrawn',
        'confirmation', 'disputed', 'dispute_answered', 'dispute_resolved', 'opened'));

alter table comment
    drop constraint comment_kind_known,
    drop constraint comment_person_or_machine,
    drop constraint comment_result_names_experiment,
    drop constraint comment_result_once,
    add constraint comment_kind_known check (kind in ('comment', 'result', 'opening')),
    add constraint comment_person_or_machine check ((kind = 'comment') = (author_id is not null)),
    add constraint comment_result_names_experiment check ((kind in ('result', 'opening')) = (experiment_id is not null)),
    add constraint comment_result_once unique (experiment_id, kind);
comment on column comment.kind is 'comment by a person; result, or opening of what was sealed, by the machine.';
