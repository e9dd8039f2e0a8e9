insert into follow (account_id, work_id, level) select account.id, work.id, 'verdicts' from account, work where account.name = 'ada';
insert into news (kind, claim_id, standing, spread_after) select 'standing', min(id), 'challenged', 0 from claim;
insert into notice (account_id, news_id, mentioned, read_at)
select account.id, news.id, true, now() from account, news where account.name = 'ada' and news.kind = 'standing';
