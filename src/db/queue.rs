//! The queue as people see it: counts, order, switches.

use super::visible::Visible;
use breakmywork_protocol::id::{AccountId, ExperimentId, RunId};
use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

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

impl Waiting {
    /// Whether it is not taken yet, whatever its place: it was lost or handed back a moment ago.
    pub fn is_held(&self) -> bool {
        self.run_after > Utc::now()
    }
}

/// Places that are looked up: behind them a run has none.
pub const PLACES: i64 = 200;

/// The first [`PLACES`] of the queue in the order in which they would be taken if nothing else changed; with
/// `experiment`, only its runs among them; else those that everybody may see.
///
/// The order is that of [`breakmywork_protocol::jobs::take`], from the same function `queue_order`; each further run
/// of a person stands a minute of use behind the one before. Runs whose data set no live worker has stand behind all
/// others: every take steps over them.
///
/// # Errors
/// If the database is away.
pub async fn waiting(
    db: impl PgExecutor<'_>,
    experiment: Option<Visible>,
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
           where case when $1::bigint is null then not experiment.closed else run.experiment_id = $1 end
           order by placed.position limit $2"#,
        experiment.map(Visible::id) as Option<ExperimentId>,
        limit,
        PLACES,
    )
    .fetch_all(db)
    .await
}

/// Waiting runs that are counted; more are not told apart.
pub const COUNTED: i64 = 10_000;

/// What goes before the runs of somebody who would register now.
#[derive(Debug, Clone, Copy)]
pub struct Ahead {
    /// Whether nothing new is taken.
    pub paused: bool,
    /// Runs that wait, of everybody; one more than [`COUNTED`] stands for more than that.
    pub waiting: i64,
    /// People whose runs these are.
    pub people: i64,
    /// Runs that are worked on.
    pub running: i64,
    /// Seconds of one slot until the first of the new runs is taken: what that person has waiting, and what others may use
    /// until they have used as much lately.
    pub seconds: f64,
}

/// What goes before the runs of that person, where a run takes about so many seconds. The order is that of the take: whoever
/// used least comes first.
///
/// # Errors
/// If the database is away.
pub async fn ahead_of(
    db: impl PgExecutor<'_>,
    who: AccountId,
    run_seconds: f64,
) -> sqlx::Result<Ahead> {
    sqlx::query_as!(
        Ahead,
        r#"with mine as (
             select person.id, coalesce((select used_until_now(seconds, counted_at) from queue_use where owner_id = person.id), 0) as used
             from person_of($1) as person (id)
           ), line as (
             select owner_id, min(used) as used from queue_order() group by owner_id order by 2 limit 1000
           ), standing as (
             select line.owner_id, line.used, (select count(*) from (
               select from run where state = 'queued' and owner_id = line.owner_id limit 1000) few) as runs
             from line
           )
           select (select paused_at is not null from queue_control) as "paused!",
             (select count(*) from (select from run where state = 'queued' limit 10001) q) as "waiting!",
             (select count(*) from standing where runs > 0) as "people!",
             (select count(*) from run_lease) as "running!",
             coalesce((select sum(case when owner_id = mine.id then runs * $2::float8
                 else least(runs * $2, mine.used - standing.used + $2) end)
               from standing, mine where runs > 0 and (owner_id = mine.id or standing.used <= mine.used)), 0)::float8 as "seconds!""#,
        who as AccountId,
        run_seconds,
    )
    .fetch_one(db)
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
