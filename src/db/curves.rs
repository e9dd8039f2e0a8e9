//! Learning curves as they are drawn: few points a curve, whatever was measured.

use super::runs::{Curve, points};
use super::visible::Visible;
use breakmywork_protocol::id::{ExperimentId, RunId};
use breakmywork_protocol::jobs::keep_curves;
use sqlx::PgPool;

/// The learning curves of an experiment's runs that its verdict compares, by metric, arm and seed: each thinned by the database to
/// its lowest, highest and last point of a few dozen stretches.
///
/// # Errors
/// If the database is away.
pub async fn of_experiment(pool: &PgPool, experiment: Visible) -> sqlx::Result<Vec<Curve>> {
    drawn(pool, experiment, None).await
}

/// The learning curves of one run, whether a verdict compares it or not, thinned in the same way.
///
/// # Errors
/// If the database is away.
pub async fn of_run(pool: &PgPool, experiment: Visible, run: RunId) -> sqlx::Result<Vec<Curve>> {
    drawn(pool, experiment, Some(run)).await
}

async fn drawn(pool: &PgPool, experiment: Visible, one: Option<RunId>) -> sqlx::Result<Vec<Curve>> {
    // Each was kept when its run ended; this is for what ended otherwise, stopped or with its worker.
    keep_curves(pool, experiment.id(), one).await;
    let rows = sqlx::query!(
        r#"select run.id as "run: RunId", run.arm, run.seed, c.name as "name!", c.steps as "steps!", c.measured as "measured!"
           from run
           cross join lateral (
             select name, steps, measured from run_curve where run_curve.run_id = run.id
             union all
             select live.name, live.steps, live.measured from thinned_curves(run.id, run.steps) live
             where run.started_at is not null and not exists (select from run_curve where run_curve.run_id = run.id)
           ) c
           where run.experiment_id = $1
             and (run.id = $2 or $2::bigint is null and run.trial is null
                  and not exists (select from run later where later.retry_of = run.id))
           order by c.name, run.arm, run.seed"#,
        experiment.id() as ExperimentId,
        one as Option<RunId>
    )
    .fetch_all(pool)
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
