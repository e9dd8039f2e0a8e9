insert into thread default values;
insert into experiment (claim_id, author_id, thread_id, title, prediction, spec_source, spec, spec_canonical, spec_sha256, state, registered_at, exploratory)
select claim_id, author_id, (select max(id) from thread), 't', 'p', 's', '{}', '{}', repeat('0', 64), 'registered', now(), true from experiment order by id limit 1;
