-- Runs that are no pairs of the verdict: of a trial, which changes settings of the arms.

create table trial (
    experiment_id bigint not null constraint trial_experiment_fk references experiment,
    number        integer not null constraint trial_number_from_one check (number > 0),
    arm           text,
    settings      jsonb not null constraint trial_settings_is_object check (jsonb_typeof(settings) = 'object'),
    constraint trial_pkey primary key (experiment_id, number)
);
comment on table trial is 'Settings that an experiment tries beside what its verdict compares. Its runs are no pairs: a verdict reads runs without a trial alone.';
comment on column trial.experiment_id is 'The experiment that tries them.';
comment on column trial.number is '1, 2, 3, … within the experiment.';
comment on column trial.arm is 'The arm that they are tried of; null: of all.';
comment on column trial.settings is 'What the trial has differently from the arm: values by their paths, such as training.learning_rate.';

alter table run
    add column trial integer,
    add constraint run_trial_fk foreign key (experiment_id, trial) references trial;
comment on column run.trial is 'Number of the trial that it is a run of; null of the runs that the verdict compares.';
drop index run_arm_seed_unique;
create unique index run_arm_seed_unique on run (experiment_id, trial, arm, seed) nulls not distinct where retry_of is null;
comment on index run_arm_seed_unique is 'One line of runs for each trial, arm and seed.';
