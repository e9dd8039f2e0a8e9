drop index verdict_by_outcome;
alter table experiment drop column task;
