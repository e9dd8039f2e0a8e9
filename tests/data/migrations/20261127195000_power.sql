insert into noise (experiment_id, author_id, likeness, differences) select id, author_id, 'difference', '{-0.1, 0, 0.1}' from experiment order by id limit 1;
insert into thread default values;
insert into experiment (claim_id, author_id, thread_id, title, prediction, spec_source, spec, likeness, power)
select claim_id, author_id, (select max(id) from thread), 't', 'p', 's', '{"title": "t", "seeds": 8}', 'difference', '{}' from experiment order by id limit 1;
