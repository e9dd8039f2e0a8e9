//! Runs, their attempts and their learning curves.

use super::visible::Visible;
use crate::trust::Trust;
use breakmywork_protocol::id::{AccountId, ExperimentId, RunId};
use breakmywork_protocol::result::RunResult;
use breakmywork_protocol::stored::Stored;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgExecutor;
use sqlx::types::{Json, Uuid};

/// A run as it is shown.
#[derive(Debug, Clone)]
pub struct Run {
    /// Key and part of its address.
    pub id: RunId,
    /// The experiment it belongs to.
    pub experiment: ExperimentId,
    /// That experiment's title.
    pub experiment_title: String,
    /// Whose run it is.
    pub owner: String,
    /// Number of the trial that it is a run of; none of what the verdict compares.
    pub trial: Option<i32>,
    /// Name of the arm.
    pub arm: String,
    /// The seed.
    pub seed: i64,
    /// queued, running, succeeded, failed or cancelled.
    pub state: String,
    /// Optimizer steps in all; none until a worker that has the data set tells.
    pub steps: Option<i32>,
    /// The data set that it needs, as `name@version`.
    pub data_set: Option<String>,
    /// Steps done by the current attempt, while it runs.
    pub step: Option<i32>,
    /// Who trains it now.
    pub worker: Option<Uuid>,
    /// That worker's host.
    pub worker_host: Option<String>,
    /// Start of the current attempt.
    pub taken_at: Option<DateTime<Utc>>,
    /// Last heartbeat.
    pub beat_at: Option<DateTime<Utc>>,
    /// Fencing number of the latest attempt.
    pub epoch: i64,
    /// Attempts that failed by their own doing.
    pub failures: i16,
    /// Attempts that were lost.
    pub losses: i16,
    /// Not taken before.
    pub run_after: DateTime<Utc>,
    /// When somebody asked for its end.
    pub cancel_asked_at: Option<DateTime<Utc>>,
    /// Why.
    pub cancel_reason: Option<String>,
    /// What kind of failure ended it.
    pub failure: Option<String>,
    /// The reason in words.
    pub error: Option<String>,
    /// Its result, as it is stored.
    pub result: Option<Json<Stored<RunResult>>>,
    /// The run it retries.
    pub retry_of: Option<RunId>,
    /// The run that retries it.
    pub retried_by: Option<RunId>,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
    /// When it was first taken.
    pub started_at: Option<DateTime<Utc>>,
    /// When it reached its final state.
    pub finished_at: Option<DateTime<Utc>>,
    /// Whether its experiment is sealed and not opened.
    pub closed: bool,
    /// board or confirmed.
    pub trust: String,
    /// Whether a volunteer's worker ever had it.
    pub lent: bool,
    /// The volunteers who got the same numbers, where those count.
    pub confirmed_by: Vec<String>,
}

impl Run {
    /// Whose word its numbers are; of what volunteers have now nobody's yet.
    pub fn trust(&self) -> Option<Trust> {
        let told = self.finished_at.is_some() || !self.lent;
        self.started_at
            .filter(|_| told)
            .map(|_| Trust::of_run(&self.trust))
    }

    /// As admins see it, who keep the queue going: of a sealed experiment without what its plan would tell.
    fn for_admins(self) -> Self {
        if !self.closed {
            return self;
        }
        Self {
            experiment_title: "Sealed experiment".to_owned(),
            trial: None,
            arm: "sealed".to_owned(),
            seed: 0,
            steps: None,
            step: None,
            data_set: None,
            error: None,
            result: None,
            ..self
        }
    }

    /// Share of the steps done, from 0 to 1; none while nobody knows how many there are.
    pub fn progress(&self) -> Option<f64> {
        if self.state == "succeeded" {
            return Some(1.0);
        }
        share(self.step, self.steps)
    }

    /// Its result; none before it has one, or if what is stored of it cannot be read any more.
    pub fn result(&self) -> Option<&RunResult> {
        self.result.as_ref()?.get()
    }
}

/// Share of the planned steps that are done, at most 1.
fn share(done: Option<i32>, planned: Option<i32>) -> Option<f64> {
    let done = f64::from(done.unwrap_or(0));
    Some((done / f64::from(planned?.max(1))).min(1.0))
}

macro_rules! select_runs {
    ($tail:literal $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Run,
            r#"select run.id as "id: RunId", run.experiment_id as "experiment: ExperimentId",
                 experiment.title as experiment_title, account.name as owner, run.trial, run.arm, run.seed, run.state, run.steps, run.data_set,
                 lease.step as "step?", lease.worker_id as "worker?", worker.host as "worker_host?",
                 lease.taken_at as "taken_at?", lease.beat_at as "beat_at?",
                 run.epoch, run.failures, run.losses, run.run_after, run.cancel_asked_at, run.cancel_reason,
                 run.failure, run.error, run.result as "result: Json<Stored<RunResult>>",
                 run.retry_of as "retry_of: RunId", later.id as "retried_by?: RunId",
                 run.created_at, run.started_at, run.finished_at, experiment.closed, run.trust, run.lent,
                 case when run.trust = 'confirmed' then array(
                     select a.name from volunteered v join account a on a.id = v.account_id
                     where v.run_id = run.id and v.counted order by v.epoch) else '{}' end as "confirmed_by!: Vec<String>"
               from run
               join experiment on experiment.id = run.experiment_id
               join account on account.id = run.owner_id
               left join run_lease lease on lease.run_id = run.id
               left join worker on worker.id = lease.worker_id
               left join run later on later.retry_of = run.id "# + $tail
            $(, $argument)*
        )
    };
}

/// The runs of an experiment, those of trials too, in the order in which they are taken.
///
/// # Errors
/// If the database is away.
pub async fn of_experiment(db: impl PgExecutor<'_>, experiment: Visible) -> sqlx::Result<Vec<Run>> {
    after(db, experiment, RunId(0), 2000).await
}

/// The same, some of those after that one.
///
/// # Errors
/// If the database is away.
pub async fn after(
    db: impl PgExecutor<'_>,
    experiment: Visible,
    after: RunId,
    limit: i64,
) -> sqlx::Result<Vec<Run>> {
    select_runs!(
        "where run.experiment_id = $1 and run.id > $2 order by run.id limit $3",
        experiment.id() as ExperimentId,
        after as RunId,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Seconds of one worker that a pair of an experiment took, in the mean over those that have ended.
///
/// # Errors
/// If the database is away.
pub async fn pair_seconds(
    db: impl PgExecutor<'_>,
    experiment: Visible,
) -> sqlx::Result<Option<f64>> {
    sqlx::query_scalar!(
        "select (sum(extract(epoch from finished_at - started_at)) / nullif(count(distinct seed), 0))::float8
         from run where experiment_id = $1 and trial is null and started_at is not null and finished_at is not null",
        experiment.id() as ExperimentId
    )
    .fetch_one(db)
    .await
}

/// A run as the table of an experiment's runs shows it.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Key.
    pub id: RunId,
    /// Its arm.
    pub arm: String,
    /// Its seed.
    pub seed: i64,
    /// queued, running, succeeded, failed or cancelled.
    pub state: String,
    /// Optimizer steps in all, if that is known.
    pub steps: Option<i32>,
    /// Steps done by the current attempt.
    pub step: Option<i32>,
    /// What kind of failure ended it.
    pub failure: Option<String>,
    /// The data set that it needs, as `name@version`.
    pub data_set: Option<String>,
    /// Whether volunteers trained it, one after the other, and got the same.
    pub confirmed: bool,
    /// The metric that was asked for.
    pub value: Option<f64>,
}

impl Cell {
    /// Share of the steps done, from 0 to 1; none while nobody knows how many there are.
    pub fn progress(&self) -> Option<f64> {
        share(self.step, self.steps)
    }
}

/// The runs that an experiment's verdict compares as its table shows them, with one metric of each, oldest first.
///
/// # Errors
/// If the database is away.
pub async fn cells(
    db: impl PgExecutor<'_>,
    experiment: Visible,
    metric: &str,
) -> sqlx::Result<Vec<Cell>> {
    sqlx::query_as!(
        Cell,
        r#"select run.id as "id: RunId", run.arm, run.seed, run.state, run.steps, lease.step as "step?", run.failure,
             run.data_set, run.trust = 'confirmed' as "confirmed!",
             case when jsonb_typeof(run.result -> 'metrics' -> $2) = 'number'
               then (run.result -> 'metrics' ->> $2)::double precision end as value
           from run left join run_lease lease on lease.run_id = run.id
           where run.experiment_id = $1 and run.trial is null order by run.id limit 2000"#,
        experiment.id() as ExperimentId,
        metric,
    )
    .fetch_all(db)
    .await
}

/// One run, if `reader` may see it: those of a sealed experiment are there for its author alone.
///
/// # Errors
/// If the database is away.
pub async fn find(
    db: impl PgExecutor<'_>,
    id: RunId,
    reader: Option<AccountId>,
) -> sqlx::Result<Option<Run>> {
    select_runs!(
        "where run.id = $1 and (not experiment.closed or experiment.author_id = $2)",
        id as RunId,
        reader as Option<AccountId>
    )
    .fetch_optional(db)
    .await
}

/// The same as admins see it.
///
/// # Errors
/// If the database is away.
pub async fn find_for_admins(db: impl PgExecutor<'_>, id: RunId) -> sqlx::Result<Option<Run>> {
    let run = select_runs!("where run.id = $1", id as RunId)
        .fetch_optional(db)
        .await?;
    Ok(run.map(Run::for_admins))
}

/// Runs on a worker that everybody may see, the longest first.
///
/// # Errors
/// If the database is away.
pub async fn running(db: impl PgExecutor<'_>, limit: i64) -> sqlx::Result<Vec<Run>> {
    select_runs!(
        "where run.state = 'running' and not experiment.closed order by lease.taken_at limit $1",
        limit
    )
    .fetch_all(db)
    .await
}

/// All runs on a worker, as admins see them, the longest first.
///
/// # Errors
/// If the database is away.
pub async fn running_for_admins(db: impl PgExecutor<'_>, limit: i64) -> sqlx::Result<Vec<Run>> {
    let runs = select_runs!(
        "where run.state = 'running' order by lease.taken_at limit $1",
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(runs.into_iter().map(Run::for_admins).collect())
}

/// Runs that failed, as admins see them, latest first. One that diverged has its result, which of a sealed experiment is
/// nobody's business.
///
/// # Errors
/// If the database is away.
pub async fn failed_for_admins(db: impl PgExecutor<'_>, limit: i64) -> sqlx::Result<Vec<Run>> {
    let runs = select_runs!(
        "where run.state = 'failed' and not (experiment.closed and run.failure = 'diverged')
         order by run.finished_at desc limit $1",
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(runs.into_iter().map(Run::for_admins).collect())
}

/// What a run trains: the arm of the frozen specification.
///
/// # Errors
/// If the database is away.
pub async fn plan(db: impl PgExecutor<'_>, run: &Run) -> sqlx::Result<Value> {
    sqlx::query_scalar!("select plan from run where id = $1", run.id as RunId)
        .fetch_one(db)
        .await
}

/// One lease of a run and how it ended.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Fencing number.
    pub epoch: i64,
    /// Who tried.
    pub worker: Uuid,
    /// That worker's host.
    pub host: String,
    /// Its device.
    pub device: String,
    /// Whether it has a token, and not the database's password.
    pub by_token: bool,
    /// Of a volunteer's worker: whose.
    pub volunteer: Option<String>,
    /// Step of the checkpoint it went on from.
    pub resumed_from: Option<i32>,
    /// When it was taken.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// How it ended.
    pub outcome: Option<String>,
    /// Why, in words.
    pub error: Option<String>,
    /// Step of its furthest checkpoint.
    pub checkpoint: Option<i32>,
}

/// The timeline of a run.
///
/// # Errors
/// If the database is away.
pub async fn attempts(db: impl PgExecutor<'_>, run: &Run) -> sqlx::Result<Vec<Attempt>> {
    sqlx::query_as!(
        Attempt,
        r#"select a.epoch, a.worker_id as worker, worker.host, worker.device, worker.token_id is not null as "by_token!",
             volunteer.name as "volunteer?", a.resumed_from, a.started_at,
             a.ended_at, a.outcome, a.error,
             (select max(c.step) from run_checkpoint c where c.run_id = a.run_id and c.epoch = a.epoch) as checkpoint
           from run_attempt a join worker on worker.id = a.worker_id left join account volunteer on volunteer.id = worker.volunteer_id
           where a.run_id = $1 order by a.epoch"#,
        run.id as RunId
    )
    .fetch_all(db)
    .await
}

/// A point of a learning curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Optimizer steps done.
    pub step: i32,
    /// Value of the metric.
    pub value: f64,
}

/// One metric of one run, by step.
#[derive(Debug, Clone)]
pub struct Curve {
    /// The run.
    pub run: RunId,
    /// Its arm.
    pub arm: String,
    /// Its seed.
    pub seed: i64,
    /// Metric.
    pub name: String,
    /// By step.
    pub points: Vec<Point>,
}

/// The learning curves of one run, by metric; only steps after `after`.
///
/// # Errors
/// If the database is away.
pub async fn curves_of_run(
    db: impl PgExecutor<'_>,
    run: &Run,
    name: Option<&str>,
    after: i32,
) -> sqlx::Result<Vec<Curve>> {
    let rows = sqlx::query!(
        r#"select run.arm, run.seed, m.name, array_agg(m.step order by m.step) as "steps!: Vec<i32>",
             array_agg(m.value order by m.step) as "values!: Vec<f64>"
           from run join run_metric m on m.run_id = run.id
           where run.id = $1 and ($2::text is null or m.name = $2) and m.step > $3
           group by run.arm, run.seed, m.name order by m.name"#,
        run.id as RunId,
        name,
        after
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Curve {
            run: run.id,
            arm: row.arm,
            seed: row.seed,
            name: row.name,
            points: points(row.steps, row.values),
        })
        .collect())
}

pub(super) fn points(steps: Vec<i32>, values: Vec<f64>) -> Vec<Point> {
    steps
        .into_iter()
        .zip(values)
        .map(|(step, value)| Point { step, value })
        .collect()
}
