drop index run_recent_cancels;
alter table worker drop constraint worker_trained_seconds_positive, drop column trained_seconds;
