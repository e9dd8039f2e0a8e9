create or replace function tried_on(of_claim bigint, out experiments bigint, out open bigint) language plpgsql stable
    set enable_bitmapscan = off set enable_seqscan = off set enable_sort = off as $$
begin
    select count(*), count(*) filter (where state in ('registered', 'running', 'stalled')) into experiments, open
    from (select state from experiment where claim_id = of_claim and state <> 'withdrawn' order by id desc limit 1001) newest;
end
$$;

drop function news_is_shown;
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
    from experiment;
comment on view public_experiment is 'Experiments as everybody may see them: of a closed one that it exists, on which claim, by whom, since when and in which state.';

alter table experiment
    drop column hidden_at,
    drop column hidden_by,
    drop column hidden_reason,
    drop column appeal,
    drop column appealed_at,
    drop column appeal_answer;
