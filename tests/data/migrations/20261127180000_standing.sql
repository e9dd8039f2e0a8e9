insert into thread default values;
insert into experiment (claim_id, author_id, thread_id, title, prediction, spec_source, spec, spec_canonical, spec_sha256, state, registered_at, seed_salt, confirms, confirmation, planned_power, planned_seconds, disputed_at, disputed_by, dispute_reason)
select claim_id, author_id, (select max(id) from thread), 't', 'p', 's', '{"seeds": 8}', '{}', repeat('0', 64), 'registered', now(), gen_random_uuid()::text, id, 1, 0.9, 100, now(), author_id, 'r' from experiment order by id limit 1;
