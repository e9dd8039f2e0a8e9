-- Workers that come with a token instead of the database's password.

alter table api_token drop constraint api_token_scopes_known;
alter table api_token add constraint api_token_scopes_known
    check (scopes <@ array['read', 'propose', 'discuss', 'follow', 'moderate', 'account', 'admin', 'work'] and cardinality(scopes) > 0);
comment on column api_token.scopes is 'read; propose (works, claims, experiments, forecasts); discuss (comments, reactions, appeals); follow (what is followed, the inbox, mail); moderate, admin and work (a worker of the operator''s), which also need the role; account (tokens and signed-in browsers).';

alter table worker add column token_id bigint constraint worker_token_fk references api_token;
comment on column worker.token_id is 'The token that it works with over REST; null of one that has the database''s password. A token is one worker: the row that came last.';
create index worker_of_token on worker (token_id, started_at desc, id) where token_id is not null;
comment on index worker_of_token is 'Which process a token is now, asked with every request of an outside worker.';
