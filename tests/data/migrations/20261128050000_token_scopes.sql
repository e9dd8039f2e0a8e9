insert into api_token (account_id, label, token_hash, scopes, expires_at)
select id, 'agent', sha256('u'), array['discuss'], now() + interval '90 days' from account where name = 'bob';
insert into api_token (account_id, label, token_hash, scopes, expires_at)
select id, 'all', sha256('v'), array['read', 'propose', 'discuss', 'follow', 'moderate', 'account', 'admin'], now() + interval '1 day' from account where name = 'ada';
