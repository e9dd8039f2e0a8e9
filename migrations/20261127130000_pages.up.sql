-- What pages need so that their cost does not grow with the tables: rendered comments, thinned curves, and indexes
-- for the lists.

alter table comment
    add column html text,
    add column html_version smallint,
    add constraint comment_html_whole check ((html is null) = (html_version is null));
comment on column comment.html is 'The body, rendered and sanitised when it was written; null until it is first shown for what was written before or by the machine.';
comment on column comment.html_version is 'Version of the renderer that made the HTML: an older one is rendered anew.';
comment on column comment.body is 'Markdown as typed.';
create index comment_to_render on comment (html_version);
comment on index comment_to_render is 'Finds what a new version of the renderer has to render anew.';

create table run_curve (
    run_id   bigint not null constraint run_curve_run_fk references run on delete cascade,
    name     text not null,
    steps    integer[] not null,
    measured double precision[] not null,
    primary key (run_id, name),
    constraint run_curve_whole check (cardinality(steps) = cardinality(measured))
);
comment on table run_curve is 'Learning curves of runs that have ended, thinned for drawing: made from run_metric when they are first drawn.';
comment on column run_curve.run_id is 'The run.';
comment on column run_curve.name is 'Metric, as in run_metric.';
comment on column run_curve.steps is 'Optimizer steps done, growing.';
comment on column run_curve.measured is 'Values at those steps.';

-- All seeds of an arm plan the same steps, so their stretches are the same and so are the last steps in them: there
-- the mean of an arm can be taken. A run by epochs that has not said how many steps it plans is cut by its own.
create function thinned_curves(of_run bigint, planned integer)
    returns table (name text, steps integer[], measured double precision[])
    language sql stable as $$
    with reach as (
        select coalesce(planned, max(step), 1)::bigint as steps from run_metric where run_id = of_run
    ), stretch as (
        select m.name, min(array[m.value, m.step]) as low, max(array[m.value, m.step]) as high,
               max(array[m.step, m.value]) as last
        from run_metric m, reach
        where m.run_id = of_run
        group by m.name, m.step::bigint * 64 / greatest(reach.steps, 1)
    ), point as (
        select stretch.name, low[2]::integer as step, low[1] as value from stretch
        union select stretch.name, high[2]::integer, high[1] from stretch
        union select stretch.name, last[1]::integer, last[2] from stretch
    )
    select point.name, array_agg(point.step order by point.step), array_agg(point.value order by point.step)
    from point group by point.name
$$;
comment on function thinned_curves is 'The learning curves of a run, each with the lowest, highest and last point of 64 stretches: no spike is lost.';

create index experiment_by_state on experiment (state, id desc);
comment on index experiment_by_state is 'The list of all experiments in one state.';
create index experiment_verdicts on experiment (concluded_at desc) where state = 'concluded';
comment on index experiment_verdicts is 'The newest verdicts.';
create index experiment_tried on experiment (claim_id) where state <> 'withdrawn';
comment on index experiment_tried is 'How often each claim was tried, without reading an experiment.';
create index claim_revisions on claim (revises) where revises is not null;
comment on index claim_revisions is 'The claims that narrow a claim.';
create index run_tally on run (experiment_id) include (state, retry_of);
comment on index run_tally is 'How far an experiment is, without reading its runs.';
create index run_ended on run (state) where state in ('succeeded', 'failed', 'cancelled');
comment on index run_ended is 'How many runs ended how, without reading them.';
create index worker_present on worker (last_seen_at desc) where stopped_at is null;
comment on index worker_present is 'Workers that have not signed off, among all that there ever were.';
