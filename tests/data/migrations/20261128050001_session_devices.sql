insert into session (token_hash, account_id, expires_at, device, address_range)
select sha256('w'), id, now() + interval '1 day', 'Firefox on Linux', '192.0.2.0/24' from account where name = 'ada';
