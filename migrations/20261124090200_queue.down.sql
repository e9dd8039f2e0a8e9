drop table queue_control;
drop table run_event;
drop table run_metric;
drop table run_checkpoint;
drop table run_attempt;
drop table run_lease;
drop table run;
drop table worker;
