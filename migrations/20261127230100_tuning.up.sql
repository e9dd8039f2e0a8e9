-- Equal tuning: which trial an arm chose.

alter table trial
    add column chosen boolean not null default false,
    add constraint trial_chosen_is_of_an_arm check (not chosen or arm is not null);
comment on column trial.chosen is 'Whether its arm took these settings into the comparison, by the runs of its trials.';
create unique index trial_chosen_once on trial (experiment_id, arm) where chosen;
comment on index trial_chosen_once is 'An arm chooses one trial; what an experiment chose.';
