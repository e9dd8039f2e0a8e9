update account set disabled_at = now(), disabled_by = (select id from account where name = 'ada'), disabled_reason = 'advertising' where name = 'bob';
update experiment set stopped_at = now(), stopped_by = author_id, stop_reason = 'a slip' where state = 'concluded';
insert into run_event (experiment_id, kind) select id, 'stopped' from experiment where state = 'concluded';
