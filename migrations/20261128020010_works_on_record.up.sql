-- Works come onto the board on record. Those that are there already get an entry that says so, and not by whom.

insert into record_draft (kind, subject, subject_id, body)
select 'act', 'work', id, '{"act":"added","backfilled":true,"by":null}' from work
where moderation = 'shown' and not exists (
    select from record_entry where subject = 'work' and subject_id = work.id and body::jsonb ->> 'act' = 'approved')
order by id;
