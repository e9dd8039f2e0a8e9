drop table resorted_experiment;
alter table claim drop column revision_reason;
drop table experiment_point;
