insert into second_factor (account_id, secret, confirmed_at) select id, decode(repeat('ab', 20), 'hex'), now() from account where name = 'ada';
insert into recovery_code (account_id, code_hash) select id, sha256('code') from account where name = 'ada';
insert into sign_in_step (token_hash, account_id) select sha256('step'), id from account where name = 'ada';
