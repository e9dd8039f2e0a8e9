-- Secrets that have to be used are sealed with a key that is not in the database: the first byte says in which form, and eight
-- name the key. Those of before, and those of a board without a key, stand here in clear; their lengths tell them apart.
alter table second_factor
    drop constraint second_factor_secret_length,
    add constraint second_factor_secret_form check (octet_length(secret) = 20
        or (octet_length(secret) = 57 and substring(secret from 1 for 1) = '\x01'));
alter table webhook
    drop constraint webhook_secret_length,
    drop constraint webhook_secret_before_length,
    add constraint webhook_secret_form check (octet_length(secret) = 32
        or (octet_length(secret) = 69 and substring(secret from 1 for 1) = '\x01')),
    add constraint webhook_secret_before_form check (octet_length(secret_before) = 32
        or (octet_length(secret_before) = 69 and substring(secret_before from 1 for 1) = '\x01'));
comment on column second_factor.secret is 'From which both sides compute codes; random. 20 bytes in clear, or 57 sealed: 1, eight bytes of the key’s SHA-256, a nonce of 12, ChaCha20-Poly1305.';
comment on column webhook.secret is 'What requests are signed with. 32 bytes in clear, or 69 sealed: 1, eight bytes of the key’s SHA-256, a nonce of 12, ChaCha20-Poly1305. It opens nothing on the board.';
comment on column webhook.secret_before is 'The secret before, as it stood in secret: requests are signed with it, too, until before_until.';
