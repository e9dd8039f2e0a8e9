insert into mailbox (account_id, address, wish, unsubscribe_key, confirmed_at)
select id, 'ada@example.org', 'verdicts', repeat('a', 64), now() from account where name = 'ada';
insert into mail (account_id, kind, news_id) select account_id, 'verdict', (select min(id) from news) from mailbox;
insert into mail (account_id, kind, since, state, attempts, error) select account_id, 'digest', now(), 'lost', 1, 'gone' from mailbox;
insert into mail (account_id, kind, address) select account_id, 'confirmation', address from mailbox;
