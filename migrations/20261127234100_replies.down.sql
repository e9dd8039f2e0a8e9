drop table comment_version;
drop trigger comment_placed on comment;
drop function comment_placed;
-- What was deleted has no text that the earlier shape could hold.
update comment set body = '(deleted)', deleted_at = null where deleted_at is not null;
alter table comment
    drop constraint comment_body_length,
    add constraint comment_body_length check (char_length(body) between 1 and 20000),
    drop column reply_to,
    drop column root_id,
    drop column branch_id,
    drop column version,
    drop column edited_at,
    drop column deleted_at;
comment on column comment.body is 'Markdown as typed.';
