drop view live_worker;
drop table worker_data_set;
drop table data_set;
drop index run_next_of_owner;
create index run_next_of_owner on run (owner_id, priority desc, id) where state = 'queued';
comment on index run_next_of_owner is 'What to take next: the head of each person''s line.';
alter table run drop column data_set;
-- The version before cannot say that it does not know.
update run set steps = 1 where steps is null;
alter table run alter column steps set not null;
comment on column run.steps is 'Optimizer steps in all, for progress.';
