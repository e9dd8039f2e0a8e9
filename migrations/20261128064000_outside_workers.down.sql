drop index worker_of_token;
alter table worker drop column token_id;

alter table api_token drop constraint api_token_scopes_known;
-- What could do nothing else can do nothing any more.
update api_token set revoked_at = coalesce(revoked_at, now()), scopes = array['read'] where scopes = array['work'];
update api_token set scopes = array_remove(scopes, 'work') where 'work' = any (scopes);
alter table api_token add constraint api_token_scopes_known
    check (scopes <@ array['read', 'propose', 'discuss', 'follow', 'moderate', 'account', 'admin'] and cardinality(scopes) > 0);
comment on column api_token.scopes is 'read; propose (works, claims, experiments, forecasts); discuss (comments, reactions, appeals); follow (what is followed, the inbox, mail); moderate and admin, which also need the role; account (tokens and signed-in browsers).';
