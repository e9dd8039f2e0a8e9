-- Under which DOI a result lies is on record; who said so before is not known any more.
insert into record_draft (kind, subject, subject_id, body)
select 'act', 'experiment', id, format('{"act":"deposited","backfilled":true,"by":null,"doi":%s}', to_json(doi))
from experiment where doi is not null order by id;
