-- What a token may do in smaller parts, and an end of its time.

alter table api_token drop constraint api_token_scopes_known;
alter table api_token add column expires_at timestamptz;
-- What could do everything that writing was can do all of it still.
update api_token set scopes =
       array_remove(scopes, 'write') || array['propose', 'discuss', 'follow']
       || case when (select role from account where account.id = account_id) = 'member'
               then array[]::text[] else array['moderate'] end
where 'write' = any (scopes);
alter table api_token add constraint api_token_scopes_known
    check (scopes <@ array['read', 'propose', 'discuss', 'follow', 'moderate', 'account', 'admin'] and cardinality(scopes) > 0);
alter table api_token add constraint api_token_expires_later check (expires_at > created_at);
comment on column api_token.scopes is 'read; propose (works, claims, experiments, forecasts); discuss (comments, reactions, appeals); follow (what is followed, the inbox, mail); moderate and admin, which also need the role; account (tokens and signed-in browsers).';
comment on column api_token.expires_at is 'From then on it is refused, by the database clock; null of tokens that were made before tokens had an end.';

drop index api_token_by_account;
create index api_token_by_account on api_token (account_id, id);
create index api_token_in_use on api_token (account_id, id) where revoked_at is null;
comment on index api_token_by_account is 'Tokens of an account that are over, on the account page.';
comment on index api_token_in_use is 'Tokens of an account in use: counted before another one is made, listed, revoked all at once.';
