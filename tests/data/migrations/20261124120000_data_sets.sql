insert into data_set (name, sha256) values ('penn_treebank@1', repeat('a', 64));
insert into worker_data_set (worker_id, name, sha256) select id, 'penn_treebank@1', repeat('b', 64) from worker;
insert into run (experiment_id, owner_id, arm, seed, plan, steps, data_set) select experiment_id, owner_id, 'fixed', 2, '{}', null, 'penn_treebank@1' from run where arm = 'fixed';
