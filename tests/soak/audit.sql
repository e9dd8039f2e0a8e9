-- What must hold at every moment, faults or not: each row is a violation, as the rule and whom it concerns.
-- One statement, so that everything is seen at one instant.

with attempts as (
    select run_id, count(*) as count, min(epoch) as first, max(epoch) as last,
           count(*) filter (where ended_at is null) as open,
           count(*) filter (where outcome = 'succeeded') as succeeded,
           -- What volunteers' machines do costs a run nothing.
           count(*) filter (where outcome = 'failed' and volunteer_id is null) as failed,
           count(*) filter (where outcome in ('lost', 'timed_out') and volunteer_id is null) as lost
    from run_attempt join worker on worker.id = worker_id group by run_id
), posts as (
    select experiment_id, count(*) as count from comment where kind = 'result' group by experiment_id
)
select 'a running run has a lease of its epoch' as rule, 'run ' || r.id as subject
from run r left join run_lease l on l.run_id = r.id
where r.state = 'running' and l.epoch is distinct from r.epoch
union all
select 'a lease belongs to a running run', 'run ' || l.run_id
from run_lease l join run r on r.id = l.run_id where r.state <> 'running'
union all
select 'a run has one open attempt while it runs and none else', 'run ' || r.id
from run r left join attempts a on a.run_id = r.id
where coalesce(a.open, 0) <> case r.state when 'running' then 1 else 0 end
union all
select 'attempts are numbered 1 to the epoch without a gap', 'run ' || r.id
from run r left join attempts a on a.run_id = r.id
where (coalesce(a.count, 0), coalesce(a.first, 1), coalesce(a.last, 0)) is distinct from (r.epoch, 1::bigint, r.epoch)
union all
select 'an attempt begins after the one before it has ended', 'run ' || later.run_id || ', epoch ' || later.epoch
from run_attempt later join run_attempt earlier on earlier.run_id = later.run_id and earlier.epoch = later.epoch - 1
-- Both times are those of their transactions' beginnings, and a taker may have waited for the one that ended it.
where earlier.ended_at is null or earlier.ended_at > later.started_at + interval '10 s'
union all
select 'a run that succeeded by itself has one successful attempt, and no other run has one', 'run ' || r.id
from run r left join attempts a on a.run_id = r.id
where coalesce(a.succeeded, 0) <> case when r.state = 'succeeded' and r.trust = 'board' then 1 else 0 end
union all
select 'a confirmed run stands on two volunteers, and no other run does', 'run ' || r.id
from run r
where (select count(distinct account_id) from volunteered v where v.run_id = r.id and v.counted)
      <> case r.trust when 'confirmed' then 2 else 0 end
union all
select 'success is told once', 'run ' || r.id
from run r left join (select run_id, count(*) as count from run_event where kind = 'succeeded' group by run_id) e on e.run_id = r.id
where coalesce(e.count, 0) <> case r.state when 'succeeded' then 1 else 0 end
union all
select 'as many failures and losses are counted as attempts ended so', 'run ' || r.id
from run r left join attempts a on a.run_id = r.id
where (r.failures, r.losses) <> (coalesce(a.failed, 0), coalesce(a.lost, 0))
union all
select 'the curve of a succeeded run reaches its last step', 'run ' || r.id
from run r where r.state = 'succeeded' and r.trust = 'board' and not exists (select from run_metric m where m.run_id = r.id and m.step = r.steps)
union all
select 'every stored number is finite', 'run ' || m.run_id || ', ' || m.name
from run_metric m where m.value in ('NaN', 'Infinity', '-Infinity')
union all
select 'an experiment has one verdict and one result post when it is concluded, and none before', 'experiment ' || e.id
from experiment e left join posts p on p.experiment_id = e.id left join verdict v on v.experiment_id = e.id
where (coalesce(p.count, 0), (v.experiment_id is not null)::integer)
      <> case e.state when 'concluded' then (1::bigint, (not e.exploratory)::integer) else (0::bigint, 0) end
union all
select 'no run is open under a verdict', 'run ' || r.id
from run r join verdict v on v.experiment_id = r.experiment_id where r.state in ('queued', 'running')
union all
select 'an experiment with nothing left to run is not called running', 'experiment ' || e.id
from experiment e
where e.state in ('registered', 'running')
  and not exists (select from run r where r.experiment_id = e.id and r.state in ('queued', 'running'))
union all
select 'every arm has a run of every seed', 'experiment ' || e.id
from experiment e
where e.registered_at is not null and e.spec #>> '{criterion,stopping}' is null and e.spec -> 'search' is null
  and e.spec -> 'tuning' is null
  and (select count(distinct (r.arm, r.seed)) from run r where r.experiment_id = e.id and r.trial is null)
      <> jsonb_array_length(e.spec -> 'arms') * case jsonb_typeof(e.spec -> 'seeds')
        when 'number' then (e.spec ->> 'seeds')::integer else jsonb_array_length(e.spec -> 'seeds') end
union all
select 'what is counted of a claim is what its verdicts say', 'claim ' || coalesce(t.claim_id, c.claim_id)
from claim_tally t full join claim_counted c on c.claim_id = t.claim_id
where (t.supported, t.falsified, t.inconclusive, t.survived, t.refuted, t.aside, t.doubt, t.stopped, t.challenged_by, t.fell_by)
      is distinct from (c.supported, c.falsified, c.inconclusive, c.survived, c.refuted, c.aside, c.doubt, c.stopped, c.challenged_by, c.fell_by)
order by 1, 2
