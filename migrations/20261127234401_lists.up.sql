-- Lists of experiments by task and by verdict.

alter table experiment add column task text generated always as (
    case when seal_days is null or opened_at is not null then left(spec #>> '{task,name}', 100) end) stored;
comment on column experiment.task is 'Its task, for lists; null while it is sealed.';
create index experiment_by_task on experiment (task, id desc) where task is not null;
comment on index experiment_by_task is 'The experiments on one task, newest first.';
create index verdict_by_outcome on verdict (outcome, experiment_id desc);
comment on index verdict_by_outcome is 'The experiments with one verdict, newest first.';
