comment on column account.password_hash is 'argon2id in PHC form, parameters included.';
drop table newcomer_step;
drop table provider_step;
drop table identity;
