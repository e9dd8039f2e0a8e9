-- Experiments that look and do not decide.

alter table experiment
    add column exploratory boolean not null default false,
    add constraint experiment_exploratory_is_registered check (not exploratory or registered_at is not null);
comment on column experiment.exploratory is 'Registered to look, not to decide: it runs, and never carries a verdict.';

comment on table run_curve is 'Learning curves of runs that have ended, thinned for drawing: made from run_metric when the run ends, or else when they are first drawn.';
