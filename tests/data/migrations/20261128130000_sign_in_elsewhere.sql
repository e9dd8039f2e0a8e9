insert into identity (account_id, issuer, subject, shown) select id, 'https://orcid.org', '0000-0002-1825-0097', 'ada' from account where name = 'ada';
insert into provider_step (state_hash, browser_hash, provider, nonce, verifier, next, account_id)
    select sha256('state'), sha256('browser'), 'orcid', 'n', 'v', '/', id from account where name = 'ada';
insert into newcomer_step (token_hash, provider, issuer, subject, shown, next) values (sha256('token'), 'orcid', 'https://orcid.org', '0000-0001', '', '/');
