insert into reaction (comment_id, kind, account_id)
select comment.id, 'doubt', account.id from comment, account where body = 'hello' and account.name = 'ada';
