insert into reproduction (experiment_id, account_id, device, arithmetic, device_name, threads, worker_version, code_version, word, runs, numbers)
select e.id, a.id, 'cpu', 'AVX2', 'A processor', 1, '0.1.0', 'unknown', 'identical', 1, '[{"run": 1, "seed": 1, "metrics": {"test_mse": 0.5}}]'
from (select id from experiment limit 1) e, (select id from account limit 1) a;
