insert into webhook (account_id, url, host, what, secret, secret_before, before_until, paused, failures)
select id, 'https://ada.example.org/board', 'ada.example.org', 'all', sha256('s'), sha256('b'), now() + interval '1 day', 'failing', 20
from account where name = 'ada';
insert into webhook_delivery (webhook_id, kind, news_id, state, attempts, tries)
select webhook.id, 'news', (select min(id) from news), 'failed', 7, '[{"at": "2026-11-28T07:00:00Z", "ms": 3, "status": 500, "error": null}]' from webhook;
insert into webhook_delivery (webhook_id, kind) select id, 'ping' from webhook;
