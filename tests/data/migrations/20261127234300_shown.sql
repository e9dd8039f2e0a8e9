insert into work (slug, title, authors, year, url, citation, phenomenon, kind, arxiv, added_by, moderation)
select 'waits', 'Waits', array['B'], 2020, 'https://example.org', 'B 2020', 'p', 'post', '1512.05287', min(id), 'waiting' from account;
insert into thread default values;
insert into claim (work_id, label, sentence, said_at, author_id, moderation, moderated_at, moderated_by, moderation_reason, thread_id)
select work.id, 'C1', 'It may hold.', 'Section 2', added_by, 'declined', now(), added_by, 'It says nothing.', (select max(id) from thread)
from work where slug = 'waits';
insert into board_edit (claim_id, account_id, public, before, after) select id, author_id, false, '{}', claim_fields(claim) from claim where said_at <> '';
