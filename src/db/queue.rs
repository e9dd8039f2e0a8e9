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

/// Runs by state, each counted in the index of its state.
///
/// # Errors
/// If the database is away.
pub async fn counts(db: impl PgExecutor<'_>) -> sqlx::Result<Counts> {
    sqlx::query_as!(
        Counts,
        r#"select (select count(*) from run where state = 'queued') as "queued!",
             (select count(*) from run where state = 'running') as "running!",
             (select count(*) from run where state = 'succeeded') as "succeeded!",
             (select count(*) from run where state = 'failed') as "failed!",
             (select count(*) from run where state = 'cancelled') as "cancelled!""#
    )
    .fetch_one(db)
    .await
}

/// What is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Runs that wait.
    pub queued: i64,
    /// Runs on a worker.
    pub running: i64,
}

/// What is left to do; what was done is not counted.
///
/// # Errors
/// If the database is away.
pub async fn load(db: impl PgExecutor<'_>) -> sqlx::Result<Load> {
    sqlx::query_as!(
        Load,
        r#"select (select count(*) from run where state = 'queued') as "queued!",
             (select count(*) from run where state = 'running') as "running!""#
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

/// Places that are looked up: behind them a run has none.
pub const PLACES: i64 = 200;

/// The first [`PLACES`] of the queue in the order in which they would be taken if nothing else changed; with
/// `experiment`, only its runs among them.
///
/// The order is that of [`breakmywork_protocol::jobs::take`], from the same function `queue_order`; each further run
/// of a person stands a minute of use behind the one before. Runs whose data set no live worker has stand behind all
/// others: every take steps over them.
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
        r#"with here as (
             select distinct o.name from live_worker w join worker_data_set o on o.worker_id = w.id
             join data_set d on d.name = o.name and d.sha256 = o.sha256
           ), person as (
             select line.owner_id, line.priority, line.data_set <> '' and here.name is null as missing,
               min(line.used) as used, min(line.entered_at) as entered_at, array_agg(line.data_set) as data_sets
             from queue_order() line left join here on here.name = line.data_set
             group by 1, 2, 3
             order by missing, priority desc, used, entered_at, owner_id limit $3
           ), placed as (
             select next.id, row_number() over (
                 order by person.missing, person.priority desc, person.used + 60 * (next.turn - 1), person.entered_at,
                   person.owner_id, next.id) as position
             from person cross join lateral (
                 select ahead.id, row_number() over (order by ahead.id) as turn
                 from unnest(person.data_sets) needed (data_set) cross join lateral (
                     select r.id from run r
                     where r.state = 'queued' and r.owner_id = person.owner_id and r.priority = person.priority
                       and coalesce(r.data_set, '') = needed.data_set
                     order by r.id limit $3
                 ) ahead
                 order by ahead.id limit $3
             ) next
             order by position limit $3
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
        PLACES,
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
    /// Whether it takes runs.
    pub takes: bool,
    /// What is wrong with its machine.
    pub trouble: Option<String>,
    /// Since when.
    pub trouble_at: Option<DateTime<Utc>>,
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
        r#"select id, host, device, version, started_at, last_seen_at, stopped_at, takes, trouble, trouble_at,
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
