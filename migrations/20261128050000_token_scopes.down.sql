drop index api_token_in_use;
drop index api_token_by_account;
create index api_token_by_account on api_token (account_id);
comment on index api_token_by_account is 'The list on the account page.';

alter table api_token drop constraint api_token_expires_later;
alter table api_token drop constraint api_token_scopes_known;
-- What is over stays over, and nobody gets more than they had: a part of writing becomes none of it.
update api_token set revoked_at = coalesce(revoked_at, now()) where expires_at <= now() or not scopes && array['read', 'propose', 'admin'];
update api_token set scopes =
       case when scopes && array['read'] or not scopes && array['propose', 'admin'] then array['read'] else array[]::text[] end
       || case when scopes @> array['propose', 'discuss', 'follow'] then array['write'] else array[]::text[] end
       || case when scopes @> array['admin'] then array['admin'] else array[]::text[] end;
update api_token set scopes = array['read'], revoked_at = coalesce(revoked_at, now()) where cardinality(scopes) = 0;
alter table api_token drop column expires_at;
alter table api_token add constraint api_token_scopes_known check (scopes <@ array['read', 'write', 'admin'] and cardinality(scopes) > 0);
comment on column api_token.scopes is 'read; write (propose, register, comment); admin (queue), which also needs the role.';
