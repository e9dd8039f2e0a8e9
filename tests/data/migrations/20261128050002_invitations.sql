insert into invitation (code_hash, note, made_by, expires_at) select sha256('i'), 'a friend', id, now() + interval '14 days' from account where name = 'ada';
insert into invitation (code_hash, note, expires_at, used_at, used_by) select sha256('j'), 'bob', now() + interval '1 day', now(), id from account where name = 'bob';
