insert into worker (id, host, device, version, takes, trouble, trouble_at) values ('00000000-0000-4000-8000-000000000003', 'host', 'cpu', '0.2.0', false, 'The disk is full.', now());
insert into run_event (experiment_id, run_id, kind) select experiment_id, id, 'unable' from run where state = 'running';
insert into run_attempt (run_id, epoch, worker_id, ended_at, outcome) select id, 1, '00000000-0000-4000-8000-000000000003', now(), 'unable' from run where state = 'queued' limit 1;
