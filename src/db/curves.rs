//! Learning curves as they are drawn: few points a curve, whatever was measured.

use super::runs::{Curve, points};
use breakmywork_protocol::id::{ExperimentId, RunId};
use sqlx::{PgExecutor, PgPool};

/// The learning curves of an experiment's runs that count, by metric, arm and seed: each thinned by the database to
/// its lowest, highest and last point of a few dozen stretches.
///
/// # Errors
/// If the database is away.
pub async fn of_experiment(pool: &PgPool, experiment: ExperimentId) -> sqlx::Result<Vec<Curve>> {
    if let Err(error) = keep(pool, experiment).await {
        // Then they are thinned anew each time.
        tracing::warn!(%experiment, "thinned curves could not be kept: {error}");
    }
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
             and not exists (select from run later where later.retry_of = run.id)
           order by c.name, run.arm, run.seed"#,
        experiment as ExperimentId
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

/// Keeps the thinned curves of runs that have ended: they change no more, and are read at each view.
async fn keep(db: impl PgExecutor<'_>, experiment: ExperimentId) -> sqlx::Result<()> {
    sqlx::query!(
        // First which runs, and only then their curves: else every curve is thinned to find that it is kept.
        "with due as materialized (
           select id, steps from run
           where experiment_id = $1 and finished_at is not null and started_at is not null
             and not exists (select from run_curve where run_curve.run_id = run.id)
         )
         insert into run_curve (run_id, name, steps, measured)
         select due.id, live.name, live.steps, live.measured
         from due cross join lateral thinned_curves(due.id, due.steps) live
         on conflict (run_id, name) do nothing",
        experiment as ExperimentId
    )
    .execute(db)
    .await?;
    Ok(())
}
