insert into worker (id, host, device, version) values ('00000000-0000-4000-8000-000000000001', 'host', 'cpu', '0.1.0');
insert into run (experiment_id, owner_id, arm, seed, plan, steps) select id, author_id, 'fixed', 1, '{}', 10 from experiment where state = 'concluded';
insert into run (experiment_id, owner_id, arm, seed, plan, steps, state, failure, error, finished_at) select experiment_id, owner_id, 'fresh', 1, '{}', 10, 'failed', 'lost', 'e', now() from run;
insert into run (experiment_id, owner_id, arm, seed, plan, steps, state, epoch, retry_of) select experiment_id, owner_id, arm, seed, plan, steps, 'running', 1, id from run where arm = 'fresh';
insert into run_lease (run_id, epoch, worker_id, expires_at) select id, 1, '00000000-0000-4000-8000-000000000001', now() + interval '1 minute' from run where state = 'running';
insert into run_attempt (run_id, epoch, worker_id) select id, 1, '00000000-0000-4000-8000-000000000001' from run where state = 'running';
insert into run_checkpoint (run_id, epoch, step, object_key, bytes, sha256) select run_id, epoch, 5, 'k', 10, repeat('0', 64) from run_attempt;
insert into run_metric (run_id, name, step, value) select run_id, 'train_loss', 5, 'NaN' from run_attempt;
insert into run_event (experiment_id, run_id, kind) select experiment_id, id, 'taken' from run where state = 'running';
