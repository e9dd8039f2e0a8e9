insert into comment (thread_id, author_id, body, hidden_at, hidden_by, hidden_reason, appeal, appealed_at)
select thread_id, author_id, 'a joke', now(), author_id, 'not funny', 'it is', now() from comment where body = 'hello';
update thread set locked_at = now(), locked_by = (select id from account where name = 'ada'), lock_reason = 'it is said'
where id = (select thread_id from comment where body = 'hello');
