insert into experiment_point (experiment_id, claim_id, task, cell, data_set, hidden, length, rate)
select id, claim_id, 'word_lm', 'lstm', 'penn_treebank@1', 200, 35, 0.25 from experiment
where registered_at is not null order by id limit 1 on conflict do nothing;
insert into thread default values;
insert into claim (work_id, label, sentence, revises, revision_reason, thread_id)
select work_id, 'C9z', 's', id, 'r', (select max(id) from thread) from claim order by id limit 1;
insert into resorted_experiment (claim_id, experiment_id, sorting, reasons)
select (select max(id) from claim where label = 'C9z') as revision, experiment.id, 'must_rerun', '{"It is exploratory and carries no verdict."}' from experiment order by experiment.id limit 1;
