drop trigger experiment_power_stays_frozen on experiment;
drop index experiment_by_question;
drop function question_sha256;
alter table experiment drop column power, drop column likeness;
drop table noise;
