drop table idempotency_key;
drop table api_token;
drop table session;
drop table account;
