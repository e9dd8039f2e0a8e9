insert into account (name, password_hash, role) values ('ada', '$argon2id$x', 'admin'), ('bob', '$argon2id$y', 'member');
insert into session (token_hash, account_id, expires_at) select sha256('s'), id, now() + interval '1 day' from account where name = 'ada';
insert into api_token (account_id, label, token_hash, scopes) select id, 'laptop', sha256('t'), array['read', 'write'] from account where name = 'bob';
insert into idempotency_key (account_id, key, request_sha256, status, body) select id, 'k', sha256('r'), 201, '{}' from account where name = 'bob';
