//! Runs and experiments beside each other: of those that everybody may see.

use super::runs::{Curve, points};
use super::visible::Visible;
use breakmywork_protocol::id::{ExperimentId, RunId};
use serde_json::Value;
use sqlx::PgExecutor;
use std::collections::BTreeMap;

/// An experiment that is compared.
#[derive(Debug, Clone)]
pub struct Compared {
    /// Key.
    pub id: ExperimentId,
    /// Short name.
    pub title: String,
    /// Label of its claim.
    pub claim_label: String,
    /// Its state.
    pub state: String,
    /// Its verdict, once there is one.
    pub outcome: Option<String>,
    /// Its specification, as it is stored; empty of a sealed one.
    pub spec: Value,
    /// Whether it is sealed and not opened.
    pub closed: bool,
}

/// These experiments, by number.
///
/// # Errors
/// If the database is away.
pub async fn experiments(
    db: impl PgExecutor<'_>,
    ids: &[ExperimentId],
) -> sqlx::Result<Vec<Compared>> {
    sqlx::query_as!(
        Compared,
        r#"select e.id as "id!: ExperimentId", e.title as "title!", claim.label as claim_label, e.state as "state!",
             outcome as "outcome?", e.spec as "spec!", e.closed as "closed!"
           from public_experiment e join claim on claim.id = e.claim_id left join verdict on verdict.experiment_id = e.id
           where e.id = any ($1) order by e.id"#,
        ids as &[ExperimentId]
    )
    .fetch_all(db)
    .await
}

/// A run that is compared.
#[derive(Debug, Clone)]
pub struct Measured {
    /// Key.
    pub id: RunId,
    /// Its experiment.
    pub experiment: ExperimentId,
    /// Its arm.
    pub arm: String,
    /// Number of the trial that it is a run of.
    pub trial: Option<i32>,
    /// Its seed.
    pub seed: i64,
    /// queued, running, succeeded, failed or cancelled.
    pub state: String,
    /// What kind of failure ended it.
    pub failure: Option<String>,
    /// Final metrics.
    pub metrics: BTreeMap<String, f64>,
}

/// A row of `public_run` or `run` as it is read.
struct Row {
    id: RunId,
    experiment: ExperimentId,
    arm: String,
    trial: Option<i32>,
    seed: i64,
    state: String,
    failure: Option<String>,
    metrics: Option<Value>,
}

impl From<Row> for Measured {
    fn from(row: Row) -> Self {
        let metrics = row.metrics.as_ref().and_then(Value::as_object);
        let number = |(name, value): (&String, &Value)| Some((name.clone(), value.as_f64()?));
        Self {
            id: row.id,
            experiment: row.experiment,
            arm: row.arm,
            trial: row.trial,
            seed: row.seed,
            state: row.state,
            failure: row.failure,
            metrics: metrics.into_iter().flatten().filter_map(number).collect(),
        }
    }
}

/// These runs, and of these experiments the runs that their verdicts compare; those that were not run again, by number.
///
/// # Errors
/// If the database is away.
pub async fn runs(
    db: impl PgExecutor<'_>,
    experiments: &[ExperimentId],
    runs: &[RunId],
    limit: i64,
) -> sqlx::Result<Vec<Measured>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id as "id!: RunId", experiment_id as "experiment!: ExperimentId", arm as "arm!", trial, seed as "seed!",
             state as "state!", failure, result -> 'metrics' as metrics
           from public_run r
           where (experiment_id = any ($1) and trial is null or id = any ($2))
             and not exists (select from public_run later where later.retry_of = r.id)
           order by id limit $3"#,
        experiments as &[ExperimentId],
        runs as &[RunId],
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Measured::from).collect())
}

/// The runs of an experiment after that one, those of trials too, by number.
///
/// # Errors
/// If the database is away.
pub async fn runs_after(
    db: impl PgExecutor<'_>,
    experiment: Visible,
    after: RunId,
    limit: i64,
) -> sqlx::Result<Vec<Measured>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id as "id: RunId", experiment_id as "experiment: ExperimentId", arm, trial, seed, state, failure,
             result -> 'metrics' as metrics
           from run where experiment_id = $1 and id > $2 order by id limit $3"#,
        experiment.id() as ExperimentId,
        after as RunId,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Measured::from).collect())
}

/// The runs of an experiment before that one, the nearest first.
///
/// # Errors
/// If the database is away.
pub async fn runs_before(
    db: impl PgExecutor<'_>,
    experiment: Visible,
    before: RunId,
    limit: i64,
) -> sqlx::Result<Vec<Measured>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id as "id: RunId", experiment_id as "experiment: ExperimentId", arm, trial, seed, state, failure,
             result -> 'metrics' as metrics
           from run where experiment_id = $1 and id < $2 order by id desc limit $3"#,
        experiment.id() as ExperimentId,
        before as RunId,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Measured::from).collect())
}

/// What these runs train.
///
/// # Errors
/// If the database is away.
pub async fn plans(db: impl PgExecutor<'_>, runs: &[RunId]) -> sqlx::Result<Vec<(RunId, Value)>> {
    let rows = sqlx::query!(
        r#"select id as "id!: RunId", plan as "plan!" from public_run where id = any ($1)"#,
        runs as &[RunId]
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.plan)).collect())
}

/// The learning curves of one metric of these runs, as they were thinned when the runs ended.
///
/// # Errors
/// If the database is away.
pub async fn curves(db: impl PgExecutor<'_>, runs: &[RunId]) -> sqlx::Result<Vec<Curve>> {
    let rows = sqlx::query!(
        r#"select r.id as "run!: RunId", r.arm as "arm!", r.seed as "seed!", c.name, c.steps, c.measured
           from public_run r join run_curve c on c.run_id = r.id
           where r.id = any ($1) order by c.name, r.id"#,
        runs as &[RunId]
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Curve {
            run: row.run,
            arm: row.arm,
            seed: row.seed,
            name: row.name,
            points: points(row.steps, row.measured),
        })
        .collect())
}
