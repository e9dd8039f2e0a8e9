//! What the arms of an experiment tried before they were compared.

use super::visible::Visible;
use breakmywork_protocol::id::{ExperimentId, RunId};
use breakmywork_protocol::spec::TunedSettings;
use sqlx::PgExecutor;
use sqlx::types::Json;

/// A run of a trial, and the trial.
#[derive(Debug, Clone)]
pub struct Row {
    /// Number of the trial.
    pub trial: i32,
    /// Its arm.
    pub arm: String,
    /// What the trial has differently.
    pub settings: Json<TunedSettings>,
    /// Whether its arm chose it.
    pub chosen: bool,
    /// The run.
    pub run: RunId,
    /// queued, running, succeeded, failed or cancelled.
    pub state: String,
    /// What kind of failure ended it.
    pub failure: Option<String>,
    /// The metric that was asked for.
    pub value: Option<f64>,
}

/// The runs of the trials of single arms that count, trial by trial, with one metric of each.
///
/// # Errors
/// If the database is away.
pub async fn rows(
    db: impl PgExecutor<'_>,
    experiment: Visible,
    metric: &str,
) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"select trial.number as "trial!", trial.arm as "arm!", trial.settings as "settings!: Json<TunedSettings>",
             trial.chosen as "chosen!", run.id as "run!: RunId", run.state as "state!", run.failure,
             case when jsonb_typeof(run.result -> 'metrics' -> $2) = 'number'
               then (run.result -> 'metrics' ->> $2)::double precision end as value
           from trials_of($1) trial join trial_runs($1) run on run.trial = trial.number
           where trial.arm is not null and run.counts
           order by trial.number, run.id limit 2000"#,
        experiment.id() as ExperimentId,
        metric,
    )
    .fetch_all(db)
    .await
}
