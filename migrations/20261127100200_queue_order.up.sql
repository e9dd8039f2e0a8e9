-- The queue is fair by what each person has used lately, and its order is computed in one place.

create table queue_line (
    owner_id   bigint not null constraint queue_line_owner_fk references account on delete cascade,
    data_set   text not null,
    priority   smallint not null,
    entered_at timestamptz not null default clock_timestamp(),
    primary key (owner_id, data_set, priority)
);
comment on table queue_line is 'Who waits: one row for each person, data set and priority of queued runs, so that a take looks at people and not at runs. A row may outlive its runs until the next sweep.';
comment on column queue_line.owner_id is 'Whose runs wait.';
comment on column queue_line.data_set is 'The data set that they need, as name@version; empty for none.';
comment on column queue_line.priority is 'Their priority.';
comment on column queue_line.entered_at is 'Since when somebody waits here: breaks ties between people who have used as much.';
insert into queue_line (owner_id, data_set, priority, entered_at)
    select owner_id, coalesce(data_set, ''), priority, min(created_at) from run where state = 'queued' group by 1, 2, 3;

create table queue_use (
    owner_id   bigint primary key constraint queue_use_owner_fk references account on delete cascade,
    seconds    double precision not null,
    counted_at timestamptz not null default now(),
    constraint queue_use_seconds_range check (seconds >= 0 and seconds < 'Infinity')
);
comment on table queue_use is 'What each person has used of the workers: seconds of attempts that have ended, of which half is forgotten every six hours.';
comment on column queue_use.owner_id is 'The person.';
comment on column queue_use.seconds is 'Seconds at counted_at.';
comment on column queue_use.counted_at is 'When an attempt was last added.';

create function used_until_now(seconds double precision, counted_at timestamptz) returns double precision
    language sql stable
    as $$ select seconds * power(0.5::double precision,
        least(greatest(date_part('epoch', now() - counted_at), 0) / 21600, 100)) $$;
comment on function used_until_now is 'What is left of a use counted earlier: half of it every six hours.';

-- A run that has just begun counts as a minute, or one person would get all slots that are free at the same moment.
create function queue_order() returns table (
    owner_id bigint, priority smallint, data_set text, entered_at timestamptz, used double precision, running bigint)
    language sql stable
    as $$
        select line.owner_id, line.priority, line.data_set, line.entered_at,
            coalesce(used_until_now(past.seconds, past.counted_at), 0) + coalesce(present.seconds, 0),
            coalesce(present.runs, 0)
        from queue_line line
        left join queue_use past on past.owner_id = line.owner_id
        left join (
            select run.owner_id, count(*) as runs,
                sum(greatest(date_part('epoch', now() - lease.taken_at), 60)) as seconds
            from run_lease lease join run on run.id = lease.run_id
            group by run.owner_id
        ) present on present.owner_id = line.owner_id
    $$;
comment on function queue_order is 'Who waits and what each has used, present runs included: taken by priority, then least used, then longest waiting. Take and pages order by it.';
