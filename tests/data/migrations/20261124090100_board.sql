insert into thread select from generate_series(1, 4);
insert into work (slug, title, authors, year, url, citation, phenomenon) values ('w', 'W', array['A'], 2016, 'https://example.org', 'A 2016', 'p');
insert into claim (work_id, label, sentence, thread_id) select id, 'C1', 'It holds.', (select min(id) from thread) from work;
insert into claim (work_id, label, sentence, thread_id, revises, author_id)
select work_id, 'C1a', 'It holds here.', thread_id + 1, id, (select id from account where name = 'bob') from claim;
insert into experiment (claim_id, author_id, thread_id, title, prediction, spec_source, spec, spec_canonical, spec_sha256, state, registered_at, concluded_at)
select min(claim.id), (select id from account where name = 'bob'), (select max(id) from thread), 't', 'p', 's', '{}', '{}', repeat('0', 64), 'concluded', now(), now() from claim;
insert into experiment (claim_id, author_id, thread_id, title, prediction, spec_source, spec, amends, amend_reason)
select claim_id, author_id, thread_id - 1, 't', 'p', 's', '{}', id, 'a slip' from experiment;
insert into verdict (experiment_id, outcome, effect, p_value, detail) select id, 'supported', 0.1, 0.01, '{}' from experiment where state = 'concluded';
insert into comment (thread_id, author_id, body) select max(thread.id), (select id from account where name = 'ada'), 'hello' from thread;
insert into comment (thread_id, kind, experiment_id, body) select thread_id, 'result', id, '**Supported.**' from experiment where state = 'concluded';
