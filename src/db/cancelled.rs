//! Runs that people ended, as everybody sees them.

use breakmywork_protocol::id::{ExperimentId, RunId};
use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

/// A run that somebody ended.
#[derive(Debug, Clone)]
pub struct Cancelled {
    /// The run.
    pub run: RunId,
    /// Its experiment.
    pub experiment: ExperimentId,
    /// That experiment's title.
    pub experiment_title: String,
    /// Its arm.
    pub arm: String,
    /// Its seed.
    pub seed: i64,
    /// Number of the trial that it is a run of.
    pub trial: Option<i32>,
    /// Who ended it; none if nobody asked for it.
    pub by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// The run that repeats it.
    pub retried_by: Option<RunId>,
}

/// Cancelled runs of experiments that everybody may see, the latest first; after `before`, those that ended earlier.
///
/// # Errors
/// If the database is away.
pub async fn newest(
    db: impl PgExecutor<'_>,
    before: Option<RunId>,
    limit: i64,
) -> sqlx::Result<Vec<Cancelled>> {
    sqlx::query_as!(
        Cancelled,
        r#"select run.id as "run: RunId", run.experiment_id as "experiment: ExperimentId",
             experiment.title as "experiment_title!", run.arm, run.seed, run.trial,
             account.name as "by?", run.cancel_reason as reason, run.finished_at as "at!", later.id as "retried_by?: RunId"
           from run join public_experiment experiment on experiment.id = run.experiment_id and not experiment.closed
           left join account on account.id = run.cancel_asked_by
           left join run later on later.retry_of = run.id
           where run.state = 'cancelled'
             and ($1::bigint is null or (run.finished_at, run.id) < ((select finished_at from run where id = $1), $1))
           order by run.finished_at desc, run.id desc limit $2"#,
        before as Option<RunId>,
        limit
    )
    .fetch_all(db)
    .await
}
