-- What is sealed cannot be opened here (`breakmywork secrets unseal` does, before). Random secrets that nobody knows take its
-- place, so that nobody is let in with less: codes on paper are good, those of the app are not, and signatures verify nowhere.
alter table second_factor drop constraint second_factor_secret_form;
update second_factor set secret = substring(sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')) from 1 for 20)
where octet_length(secret) <> 20;
alter table second_factor add constraint second_factor_secret_length check (octet_length(secret) = 20);
alter table webhook
    drop constraint webhook_secret_form,
    drop constraint webhook_secret_before_form;
update webhook set secret_before = null, before_until = null where octet_length(secret_before) <> 32;
update webhook set secret = sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))
where octet_length(secret) <> 32;
alter table webhook
    add constraint webhook_secret_length check (octet_length(secret) = 32),
    add constraint webhook_secret_before_length check (octet_length(secret_before) = 32);
comment on column second_factor.secret is 'From which both sides compute codes; random.';
comment on column webhook.secret is 'What requests are signed with. It has to be used, so it is here itself and not its hash; it opens nothing on the board.';
comment on column webhook.secret_before is 'The secret before: requests are signed with it, too, until before_until.';
