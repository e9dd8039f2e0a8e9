insert into record_draft (kind, subject, subject_id, body) select 'registration', 'experiment', id, '{"exploratory":false}' from experiment where registered_at is not null;
insert into record_draft (kind, subject, body) values ('act', 'queue', '{"act":"paused"}');
update record_head set backfilled_at = now();
