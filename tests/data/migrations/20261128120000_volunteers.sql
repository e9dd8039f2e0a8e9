insert into volunteer (account_id) select id from account where name = 'ada';
insert into worker (id, host, device, version, volunteer_id) select '00000000-0000-4000-8000-00000000abce', 'hers', 'cpu', '0', id from account where name = 'ada';
update run set lent = true, board_after = now() where id = (select min(run_id) from run_attempt);
update run_attempt set outcome = 'volunteered', ended_at = now() where (run_id, epoch) = (select run_id, epoch from run_attempt where outcome is not null order by 1, 2 limit 1);
insert into volunteered (run_id, epoch, account_id, error, word) select run_id, epoch, account.id, 'e', 'different' from run_attempt, account where outcome = 'volunteered' and name = 'ada';
insert into run_event (experiment_id, run_id, kind) select experiment_id, id, 'volunteered' from run where lent;
update volunteer set contradicted_at = now(), contradicted_run = (select run_id from volunteered);
