-- The record is only added to, so entries about works stay: the constraint does not look back at them.
alter table record_entry drop constraint record_entry_subject_known,
    add constraint record_entry_subject_known check (subject in ('claim', 'experiment', 'run', 'comment', 'account', 'queue')) not valid;
comment on column record_entry.subject is 'What it is about: claim, experiment, run, comment, account or queue.';

drop trigger work_stays_on_the_board on work;
drop trigger claim_stays_on_the_board on claim;
drop function stays_on_the_board;
drop trigger experiment_proposed_on_what_is_shown on experiment;
drop trigger experiment_registered_on_what_is_shown on experiment;
drop function experiment_tests_what_is_shown;
drop trigger claim_stays_said on claim;
drop function claim_stays_said;
drop function work_fields;
drop function claim_fields;
drop table board_edit;
drop view public_claim;
drop view public_work;
alter table claim drop column said_at, drop column moderation, drop column moderated_at, drop column moderated_by,
    drop column moderation_reason;
alter table work drop column kind, drop column doi, drop column arxiv, drop column added_by, drop column moderation,
    drop column moderated_at, drop column moderated_by, drop column moderation_reason;
