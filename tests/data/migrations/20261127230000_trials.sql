insert into trial (experiment_id, number, arm, settings)
select id, 1, 'fixed', '{"training.learning_rate": 0.01}' from experiment where state = 'concluded';
insert into run (experiment_id, owner_id, arm, seed, plan, steps, trial)
select experiment_id, owner_id, arm, seed, plan, steps, 1 from run where arm = 'fixed' and seed = 1 and retry_of is null;
