drop trigger comment_in_open_thread on comment;
drop function comment_in_open_thread;
drop index record_moderation;
alter table comment
    drop column appeal,
    drop column appealed_at,
    drop column appeal_answer;
alter table thread
    drop column locked_at,
    drop column locked_by,
    drop column lock_reason;
