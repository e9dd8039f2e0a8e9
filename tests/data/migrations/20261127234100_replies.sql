insert into comment (thread_id, author_id, body, reply_to)
select thread_id, (select id from account where name = 'ada'), 'an answer', id from comment where body = 'hello';
insert into comment (thread_id, author_id, body, reply_to)
select thread_id, author_id, 'an answer to that', id from comment where body = 'an answer';
insert into comment_version (comment_id, number, body, written_at)
select id, 1, 'an anwser', created_at from comment where body = 'an answer';
update comment set version = 2, edited_at = now() where body = 'an answer';
update comment set body = '', html = null, html_version = null, deleted_at = now() where body = 'an answer to that';
