//! The queue as people see it: counts, order, workers, switches, what happened.

use breakmywork_protocol::id::{ExperimentId, RunId};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgExecutor;
use sqlx::types::Uuid;

/// Runs by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Waiting.
    pub queued: i64,
    /// On a worker.
    pub running: i64,
    /// With a result.
    pub succeeded: i64,
    /// Without one, by their own doing or for want of a worker.
    pub failed: i64,
    /// Ended by a person.
    pub cancelled: i64,
}

/// Runs by state.
///
/// # Errors
/// If the database is away.
pub async fn counts(db: impl PgExecutor<'_>) -> sqlx::Result<Counts> {
    sqlx::query_as!(
        Counts,
        r#"select count(*) filter (where state = 'queued') as "queued!",
             count(*) filter (where state = 'running') as "running!",
             count(*) filter (where state = 'succeeded') as "succeeded!",
             count(*) filter (where state = 'failed') as "failed!",
             count(*) filter (where state = 'cancelled') as "cancelled!"
           from run"#
    )
    .fetch_one(db)
    .await
}

/// A run that waits, and how many go before it.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The run.
    pub run: RunId,
    /// Its experiment.
    pub experiment: ExperimentId,
    /// That experiment's title.
    pub experiment_title: String,
    /// Whose run it is.
    pub owner: String,
    /// Its arm.
    pub arm: String,
    /// Its seed.
    pub seed: i64,
    /// The data set that it needs, as `name@version`.
    pub data_set: Option<String>,
    /// 1 is next.
    pub position: i64,
    /// Waiting since.
    pub created_at: DateTime<Utc>,
    /// Not taken before.
    pub run_after: DateTime<Utc>,
}

/// The queue in the order in which it would be taken if nothing else changed; with `experiment`, only its runs.
///
/// The same order as [`breakmywork_protocol::jobs::take`]: priority, then the person with the fewest runs going
/// (each further run of a person stands one place behind), then age. Runs whose data set no live worker has stand
/// behind all others: every take steps over them.
///
/// # Errors
/// If the database is away.
pub async fn waiting(
    db: impl PgExecutor<'_>,
    experiment: Option<ExperimentId>,
    limit: i64,
) -> sqlx::Result<Vec<Waiting>> {
    sqlx::query_as!(
        Waiting,
        r#"with busy as (
             select owner_id, count(*) as runs from run where state = 'running' group by owner_id
           ), here as (
             select distinct o.name from live_worker w join worker_data_set o on o.worker_id = w.id
             join data_set d on d.name = o.name and d.sha256 = o.sha256
           ), line as (
             select run.id, run.priority, run.data_set is not null and here.name is null as missing,
               coalesce(busy.runs, 0) + row_number() over (
                 partition by run.owner_id, run.priority, run.data_set is not null and here.name is null
                 order by run.id) as turn
             from run left join busy on busy.owner_id = run.owner_id left join here on here.name = run.data_set
             where run.state = 'queued'
           ), placed as (
             select id, row_number() over (order by missing, priority desc, turn, id) as position from line
           )
           select run.id as "run: RunId", run.experiment_id as "experiment: ExperimentId",
             experiment.title as experiment_title, account.name as owner, run.arm, run.seed,
             run.data_set, placed.position as "position!", run.created_at, run.run_after
           from placed join run on run.id = placed.id
           join experiment on experiment.id = run.experiment_id
           join account on account.id = run.owner_id
           where $1::bigint is null or run.experiment_id = $1
           order by placed.position limit $2"#,
        experiment as Option<ExperimentId>,
        limit,
    )
    .fetch_all(db)
    .await
}

/// The switches of the queue.
#[derive(Debug, Clone)]
pub struct Control {
    /// Since when nothing new is taken.
    pub paused_at: Option<DateTime<Utc>>,
    /// Who paused it.
    pub paused_by: Option<String>,
    /// Why.
    pub pause_reason: Option<String>,
}

/// The switches of the queue.
///
/// # Errors
/// If the database is away.
pub async fn control(db: impl PgExecutor<'_>) -> sqlx::Result<Control> {
    sqlx::query_as!(
        Control,
        r#"select paused_at, account.name as "paused_by?", pause_reason
           from queue_control left join account on account.id = paused_by"#
    )
    .fetch_one(db)
    .await
}

/// A worker process.
#[derive(Debug, Clone)]
pub struct Worker {
    /// Fresh for each process.
    pub id: Uuid,
    /// Host name.
    pub host: String,
    /// Its device.
    pub device: String,
    /// Version of its code.
    pub version: String,
    /// When it registered.
    pub started_at: DateTime<Utc>,
    /// Last time it was heard of.
    pub last_seen_at: DateTime<Utc>,
    /// When it signed off.
    pub stopped_at: Option<DateTime<Utc>>,
    /// Whether it counts: not signed off and not silent for long.
    pub live: bool,
    /// Data sets that it gets runs of.
    pub data_sets: Vec<String>,
    /// Data sets that it has with another content than the board's.
    pub other_content: Vec<String>,
    /// Most runs that it works on at once.
    pub slots: i16,
    /// The runs it works on, the longest first.
    pub runs: Vec<RunId>,
}

/// The workers that count: not signed off and not silent for long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crew {
    /// How many they are.
    pub workers: i64,
    /// Runs that they can work on at once.
    pub slots: i64,
}

/// The workers that count.
///
/// # Errors
/// If the database is away.
pub async fn crew(db: impl PgExecutor<'_>) -> sqlx::Result<Crew> {
    sqlx::query_as!(
        Crew,
        r#"select count(*) as "workers!", coalesce(sum(slots), 0) as "slots!" from live_worker"#
    )
    .fetch_one(db)
    .await
}

/// Workers heard of within the last hour, the lively ones first.
///
/// # Errors
/// If the database is away.
pub async fn workers(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Worker>> {
    sqlx::query_as!(
        Worker,
        r#"select id, host, device, version, started_at, last_seen_at, stopped_at,
             id in (select id from live_worker) as "live!",
             array(select o.name from worker_data_set o join data_set d on d.name = o.name
                   where o.worker_id = worker.id and o.sha256 = d.sha256 order by o.name) as "data_sets!",
             array(select o.name from worker_data_set o join data_set d on d.name = o.name
                   where o.worker_id = worker.id and o.sha256 <> d.sha256 order by o.name) as "other_content!",
             slots,
             array(select run_id from run_lease where worker_id = worker.id order by taken_at, run_id) as "runs!: Vec<RunId>"
           from worker where last_seen_at > now() - interval '1 hour'
           order by stopped_at is not null, last_seen_at desc limit 200"#
    )
    .fetch_all(db)
    .await
}

/// Something that happened to a run or an experiment.
#[derive(Debug, Clone)]
pub struct Event {
    /// Growing; the id in the stream.
    pub id: i64,
    /// The experiment.
    pub experiment: ExperimentId,
    /// The run.
    pub run: Option<RunId>,
    /// What happened.
    pub kind: String,
    /// Who did it; none for the machine.
    pub actor: Option<String>,
    /// Particulars.
    pub data: Value,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// What happened to an experiment after event `after`, in order.
///
/// # Errors
/// If the database is away.
pub async fn events_after(
    db: impl PgExecutor<'_>,
    experiment: ExperimentId,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<Event>> {
    sqlx::query_as!(
        Event,
        r#"select e.id, e.experiment_id as "experiment: ExperimentId", e.run_id as "run: RunId", e.kind,
             account.name as "actor?", e.data, e.created_at
           from run_event e left join account on account.id = e.actor_id
           where e.experiment_id = $1 and e.id > $2 order by e.id limit $3"#,
        experiment as ExperimentId,
        after,
        limit
    )
    .fetch_all(db)
    .await
}

/// What happened lately anywhere, newest first; checkpoints, which are many, left out.
///
/// # Errors
/// If the database is away.
pub async fn recent_events(db: impl PgExecutor<'_>, limit: i64) -> sqlx::Result<Vec<Event>> {
    sqlx::query_as!(
        Event,
        r#"select e.id, e.experiment_id as "experiment: ExperimentId", e.run_id as "run: RunId", e.kind,
             account.name as "actor?", e.data, e.created_at
           from run_event e left join account on account.id = e.actor_id
           where e.kind <> 'checkpoint' order by e.id desc limit $1"#,
        limit
    )
    .fetch_all(db)
    .await
}
