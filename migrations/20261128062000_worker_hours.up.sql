-- What a worker has done for the board, and runs that people ended, for everybody to see.

alter table worker
    add column trained_seconds double precision not null default 0,
    add constraint worker_trained_seconds_positive check (trained_seconds >= 0);
comment on column worker.trained_seconds is 'Seconds of its attempts that it ended itself, added up as they end: nobody sums attempts for a page.';

create index run_recent_cancels on run (finished_at desc, id desc) where state = 'cancelled';
comment on index run_recent_cancels is 'The public list of cancelled runs, page by page.';
