insert into queue_use (owner_id, seconds) select min(id), 60 from account;
insert into queue_line (owner_id, data_set, priority) select min(id), 'penn_treebank@1', 0 from account;
