-- Data sets: which a run needs, which the workers have, and what each name stands for on this board.

alter table run alter column steps drop not null;
comment on column run.steps is 'Optimizer steps in all, for progress. Null while nobody knows: a run by epochs tells only a worker that has read its data set, which then reports it.';

alter table run
    add column data_set text,
    add constraint run_data_set_form check (data_set ~ '^[a-z0-9][a-z0-9_.-]{0,59}@[1-9][0-9]{0,9}$');
comment on column run.data_set is 'The data set it needs, as name@version; null if its sequences are generated. From its plan, beside it so that a take finds what a worker can train.';
update run set data_set = plan #>> '{task,data}' where plan #>> '{task,data}' is not null;

-- A take looks at the head of each person's line, once for the generated tasks and once for each data set of the
-- worker that asks: however many runs wait for a data set that nobody has, it steps over them.
drop index run_next_of_owner;
create index run_next_of_owner on run (owner_id, (coalesce(data_set, '')), priority desc, id) where state = 'queued';
comment on index run_next_of_owner is 'What to take next: the head of each person''s line, apart for each data set and for runs that need none.';

create table data_set (
    name          text primary key,
    sha256        text not null,
    first_seen_at timestamptz not null default now(),
    constraint data_set_name_form check (name ~ '^[a-z0-9][a-z0-9_.-]{0,59}@[1-9][0-9]{0,9}$'),
    constraint data_set_sha256_form check (sha256 ~ '^[0-9a-f]{64}$')
);
comment on table data_set is 'What each data set''s name stands for on this board, fixed by the first worker that offered it: two workers with different contents under one name would otherwise make arms that cannot be compared.';
comment on column data_set.name is 'As name@version.';
comment on column data_set.sha256 is 'Of its content, as the data set''s manifest has it.';
comment on column data_set.first_seen_at is 'When a worker first offered it.';

create table worker_data_set (
    worker_id uuid not null constraint worker_data_set_worker_fk references worker on delete cascade,
    name      text not null constraint worker_data_set_name_fk references data_set,
    sha256    text not null,
    primary key (worker_id, name),
    constraint worker_data_set_sha256_form check (sha256 ~ '^[0-9a-f]{64}$')
);
comment on table worker_data_set is 'What each worker has in its data folder. Rows go when it signs off; those of a worker that died count for nothing.';
comment on column worker_data_set.worker_id is 'The worker.';
comment on column worker_data_set.name is 'As name@version.';
comment on column worker_data_set.sha256 is 'Of the content that this worker has; if it is not the board''s, the worker gets no runs of this data set.';

create view live_worker as
    select worker.* from worker
    where stopped_at is null
      and (last_seen_at > now() - interval '2 minutes'
           or exists (select from run_lease where worker_id = worker.id and expires_at > now()));
comment on view live_worker is 'Workers that count: not signed off, and heard of lately or still within a lease.';
