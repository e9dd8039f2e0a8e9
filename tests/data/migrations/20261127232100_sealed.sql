-- One that is closed, one that was opened, and the post that told of it.
insert into thread select from generate_series(1, 2);
insert into experiment (claim_id, author_id, thread_id, title, prediction, spec_source, spec, spec_canonical, spec_sha256, state, registered_at, seed_salt, seal_days, opens_at, opened_at)
select claim_id, author_id, fresh.id, 't', 'p', 's', '{"seeds": 8}', '{}', repeat('0', 64), 'registered', now(), gen_random_uuid()::text, 30, now() + interval '30 days',
  case when fresh.id % 2 = 0 then now() end
from (select * from experiment order by id limit 1) e, (select id from thread order by id desc limit 2) fresh;
insert into seal (experiment_id, nonce, registration, commitment)
select id, gen_random_uuid()::text, '{"alpha":0.05}', repeat('a', 64) from experiment where seal_days is not null;
insert into comment (thread_id, kind, experiment_id, body)
select thread_id, 'opening', id, '**Opened.**' from experiment where opened_at is not null;
insert into run_event (experiment_id, kind) select id, 'opened' from experiment where opened_at is not null;
