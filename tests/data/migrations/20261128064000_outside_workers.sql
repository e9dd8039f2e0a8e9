insert into api_token (account_id, label, token_hash, scopes) select id, 'worker', sha256('w'), array['work'] from account where name = 'ada';
insert into worker (id, host, device, version, token_id) select '00000000-0000-4000-8000-00000000abcd', 'far', 'cpu', '0', id from api_token where label = 'worker';
