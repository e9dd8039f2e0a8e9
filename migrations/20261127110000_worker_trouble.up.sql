-- A worker whose machine is in trouble hands its runs back, at no cost to them, and says what is wrong.

alter table worker
    add column takes boolean not null default true,
    add column trouble text,
    add column trouble_at timestamptz,
    add constraint worker_trouble_whole check (num_nulls(trouble, trouble_at) in (0, 2)),
    add constraint worker_takes_unless_in_trouble check (takes or trouble is not null);
comment on column worker.takes is 'False while it takes no runs because of its trouble; it tries again by itself.';
comment on column worker.trouble is 'What is wrong with its machine, in words and without paths; null while all is well.';
comment on column worker.trouble_at is 'Since when.';

-- As before, with the new columns: a view keeps the columns that its table had when it was made.
create or replace view live_worker as
    select worker.* from worker
    where stopped_at is null
      and (last_seen_at > now() - interval '2 minutes'
           or exists (select from run_lease where worker_id = worker.id and expires_at > now()));

alter table run_attempt
    drop constraint run_attempt_outcome_known,
    add constraint run_attempt_outcome_known check (outcome in
        ('succeeded', 'failed', 'lost', 'preempted', 'timed_out', 'cancelled', 'unable'));
comment on column run_attempt.outcome is 'succeeded, failed, lost, preempted, timed_out, cancelled, or unable: the worker''s machine was at fault.';

comment on column run_lease.progress_at is 'Last sign of life of the trainer, a step or a part of a measurement: a hung device may still beat.';

alter table run_checkpoint add column unusable_at timestamptz;
comment on column run_checkpoint.unusable_at is 'When a worker found that it cannot go on from it; null while it may be used.';

-- A run that a worker could not end well waits for another: while its back-off lasts, which doubles with each such
-- attempt; after that while a live worker that has not failed it is free, or, for ten minutes, may become free. What
-- was more than an hour ago is forgotten.
create function run_avoids(run_id bigint, worker_id uuid, backoff_s double precision) returns boolean
    language sql stable
as $$
    select exists (
        select from (
            select count(*) as times, max(ended_at) as last from run_attempt
            where run_attempt.run_id = $1 and run_attempt.worker_id = $2
              and outcome in ('failed', 'unable') and ended_at > now() - interval '1 hour'
        ) mine
        where mine.times > 0
          and (mine.last + make_interval(secs => least(600, $3 * 2 ^ least(mine.times - 1, 20))) > now()
               or exists (
                   select from live_worker other join run on run.id = $1
                   where other.id <> $2 and other.takes and other.last_seen_at > now() - interval '2 minutes'
                     and (mine.last > now() - interval '10 minutes'
                          or (select count(*) from run_lease held where held.worker_id = other.id) < other.slots)
                     and (run.data_set is null or exists (
                         select from worker_data_set has
                         join data_set board on board.name = has.name and board.sha256 = has.sha256
                         where has.worker_id = other.id and has.name = run.data_set))
                     and not exists (
                         select from run_attempt theirs
                         where theirs.run_id = $1 and theirs.worker_id = other.id
                           and theirs.outcome in ('failed', 'unable') and theirs.ended_at > now() - interval '1 hour'))))
$$;
comment on function run_avoids is 'Whether a run waits for another worker than this one, on which it failed or which was unable to train it.';
