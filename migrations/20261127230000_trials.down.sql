-- The version before knows one run for each arm and seed: those of trials go, with whatever tells of them.
delete from run_event where run_id in (select id from run where trial is not null);
delete from run_metric where run_id in (select id from run where trial is not null);
delete from run_checkpoint where run_id in (select id from run where trial is not null);
delete from run_attempt where run_id in (select id from run where trial is not null);
delete from run_lease where run_id in (select id from run where trial is not null);
delete from run where trial is not null;
drop index run_arm_seed_unique;
alter table run drop column trial;
create unique index run_arm_seed_unique on run (experiment_id, arm, seed) where retry_of is null;
comment on index run_arm_seed_unique is 'One line of runs for each arm and seed.';
drop table trial;
