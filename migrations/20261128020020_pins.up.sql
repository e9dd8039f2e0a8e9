-- Numbers of runs that comments pin as evidence.

create table comment_pin (
    id          bigint generated always as identity primary key,
    comment_id  bigint not null constraint comment_pin_comment_fk references comment,
    run_id      bigint not null constraint comment_pin_run_fk references run,
    metric      text not null,
    step        integer,
    value       double precision not null,
    spec_sha256 text not null,
    seed        bigint not null,
    pinned_at   timestamptz not null default now(),
    constraint comment_pin_once unique nulls not distinct (comment_id, run_id, metric, step),
    constraint comment_pin_metric_length check (char_length(metric) between 1 and 60),
    constraint comment_pin_step_counts check (step >= 0),
    constraint comment_pin_spec_sha256_form check (spec_sha256 ~ '^[0-9a-f]{64}$')
);
comment on table comment_pin is 'Numbers of runs that comments quote, as they were when that was written: a later run may have another.';
comment on column comment_pin.id is 'In the order in which they were pinned.';
comment on column comment_pin.comment_id is 'The comment that quotes it.';
comment on column comment_pin.run_id is 'The run that has it.';
comment on column comment_pin.metric is 'Name of the metric.';
comment on column comment_pin.step is 'The step at which it was measured; null for what the run came to.';
comment on column comment_pin.value is 'The number.';
comment on column comment_pin.spec_sha256 is 'SHA-256 of the frozen specification that the run was of.';
comment on column comment_pin.seed is 'The run''s seed.';
comment on column comment_pin.pinned_at is 'When the comment was written.';

create index experiment_by_spec_sha256 on experiment (spec_sha256) where spec_sha256 is not null;
comment on index experiment_by_spec_sha256 is 'Who registered the same specification: a pinned number is held against their runs.';

create function run_number(bigint, text, integer) returns double precision language sql stable as $$
    select case when $3 is not null then (select m.value from run_metric m where m.run_id = $1 and m.name = $2 and m.step = $3)
      else (select case when jsonb_typeof(r.result #> array['metrics', $2]) = 'number'
              then (r.result #>> array['metrics', $2])::double precision end
            from run r where r.id = $1) end
$$;
comment on function run_number is 'A number of a run: what it came to, or what was measured at a step; null if it has none.';
