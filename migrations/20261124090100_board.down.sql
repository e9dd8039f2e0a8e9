drop table comment;
drop table verdict;
drop table experiment;
drop function experiment_stays_frozen;
drop table claim;
drop table work;
drop table thread;
