insert into record_draft (kind, subject, subject_id, body)
select 'act', 'work', max(id), '{"act":"added","by":null,"fields":{}}' from work;
