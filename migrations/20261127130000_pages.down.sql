drop index worker_present, run_ended, run_tally, claim_revisions, experiment_tried, experiment_verdicts, experiment_by_state;
drop function thinned_curves;
drop table run_curve;
comment on column comment.body is 'Markdown as typed; rendered and sanitised on the way out.';
alter table comment drop column html, drop column html_version;
