delete from comment where kind = 'opening';
alter table comment
    drop constraint comment_kind_known,
    drop constraint comment_person_or_machine,
    drop constraint comment_result_names_experiment,
    drop constraint comment_result_once,
    add constraint comment_kind_known check (kind in ('comment', 'result')),
    add constraint comment_person_or_machine check ((kind = 'comment') = (author_id is not null)),
    add constraint comment_result_names_experiment check ((kind = 'result') = (experiment_id is not null)),
    add constraint comment_result_once unique (experiment_id);
comment on column comment.kind is 'comment by a person, result by the machine.';
delete from run_event where kind = 'opened';
alter table run_event
    drop constraint run_event_kind_known,
    add constraint run_event_kind_known check (kind in (
        'registered', 'taken', 'resumed', 'checkpoint', 'succeeded', 'failed', 'lost', 'preempted', 'unable',
        'timed_out', 'cancel_asked', 'cancelled', 'retried', 'stalled', 'given_up', 'stopped', 'concluded', 'withdrawn',
        'confirmation', 'disputed', 'dispute_answered', 'dispute_resolved'));
-- Openings that are on record stay there; nothing of the earlier kinds is refused.
alter table record_entry
    drop constraint record_entry_kind_known,
    add constraint record_entry_kind_known check (kind in ('claim', 'registration', 'conclusion', 'act')) not valid;
comment on column record_entry.kind is 'claim (came onto the board), registration, conclusion (of an experiment) or act (what a person did).';
drop trigger forecast_of_what_is_open on forecast;
drop function forecast_of_what_is_open();
drop view public_run;
drop view public_experiment;
drop table seal;
drop function seal_stays();
drop trigger experiment_seal_stays on experiment;
drop function experiment_seal_stays();
drop index experiment_to_open;
alter table experiment
    drop constraint experiment_ended_is_open,
    drop constraint experiment_opened_was_sealed,
    drop constraint experiment_opens_in_time,
    drop constraint experiment_opens_by_a_date,
    drop constraint experiment_seal_days_bounded,
    drop column closed,
    drop column opened_at,
    drop column opens_at,
    drop column seal_days;
