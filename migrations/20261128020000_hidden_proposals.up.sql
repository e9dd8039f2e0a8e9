-- Proposals that a moderator hid, and what their authors say against that: as comments have it.

alter table experiment
    add column hidden_at     timestamptz,
    add column hidden_by     bigint constraint experiment_hidden_by_fk references account,
    add column hidden_reason text,
    add column appeal        text,
    add column appealed_at   timestamptz,
    add column appeal_answer text,
    add constraint experiment_hidden_whole check (num_nulls(hidden_at, hidden_by, hidden_reason) in (0, 3)),
    add constraint experiment_hidden_reason_length check (char_length(hidden_reason) between 1 and 300),
    add constraint experiment_hidden_is_no_evidence check (hidden_at is null or registered_at is null),
    add constraint experiment_hidden_was_readable check (hidden_at is null or seal_days is null or opened_at is not null),
    add constraint experiment_appeal_whole check ((appeal is null) = (appealed_at is null)),
    add constraint experiment_appeal_of_what_is_hidden check (appeal is null or hidden_at is not null),
    add constraint experiment_appeal_length check (char_length(appeal) between 1 and 1000),
    add constraint experiment_appeal_answer_needs_one check (appeal_answer is null or appeal is not null),
    add constraint experiment_appeal_answer_length check (char_length(appeal_answer) between 1 and 300);
comment on column experiment.hidden_at is 'Since when a moderator hides the proposal from everybody but its author and moderators. What was registered is evidence, and stays.';
comment on column experiment.hidden_by is 'Which moderator.';
comment on column experiment.hidden_reason is 'Why, for everybody to read.';
comment on column experiment.appeal is 'Why its author thinks that it should not be hidden, for everybody to read; gone with the hiding.';
comment on column experiment.appealed_at is 'When.';
comment on column experiment.appeal_answer is 'Why a moderator left it hidden; null while the appeal waits.';
create index experiment_appeals on experiment (appealed_at) where appeal is not null and appeal_answer is null;
comment on index experiment_appeals is 'Appeals that wait for a moderator.';

create or replace view public_experiment as
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
    from experiment where hidden_at is null;
comment on view public_experiment is 'Experiments as everybody may see them: of a closed one that it exists, on which claim, by whom, since when and in which state; none that a moderator hid.';

create function news_is_shown(bigint) returns boolean language sql stable as $$
    select not exists (
        select from news join experiment on experiment.id = news.experiment_id
        where news.id = $1 and experiment.hidden_at is not null)
$$;
comment on function news_is_shown is 'Whether people are told of it: not of a proposal that a moderator hid.';

create or replace function tried_on(of_claim bigint, out experiments bigint, out open bigint) language plpgsql stable
    set enable_bitmapscan = off set enable_seqscan = off set enable_sort = off as $$
begin
    select count(*), count(*) filter (where state in ('registered', 'running', 'stalled')) into experiments, open
    from (select state from experiment where claim_id = of_claim and state <> 'withdrawn' and hidden_at is null order by id desc limit 1001) newest;
end
$$;
