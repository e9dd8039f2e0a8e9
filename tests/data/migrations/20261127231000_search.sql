insert into search_result (experiment_id, course) select id, '{"rungs": []}' from experiment order by id limit 1;
insert into search_result (experiment_id, course, proposed, question)
select a.id, '{"rungs": []}', b.id, question_sha256(b.spec) from experiment a join experiment b on b.id > a.id
where not exists (select from search_result where experiment_id = a.id) order by a.id, b.id limit 1;
