insert into password_reset (account_id, secret_hash, expires_at) select id, sha256('r'), now() + interval '1 hour' from account where name = 'ada';
insert into mail (account_id, kind) select id, 'reset' from account where name = 'ada';
