//! Learning curves as pages draw them: few points, kept once a run has ended.

use crate::id::{ExperimentId, RunId};
use sqlx::PgPool;

/// Keeps the thinned curves of runs that have ended (all of an experiment's, or one): they change no more, and are
/// read at each view.
///
/// If they cannot be kept, that is logged: they are then thinned anew at each view.
pub async fn keep_curves(pool: &PgPool, experiment: ExperimentId, run: Option<RunId>) {
    let kept = sqlx::query!(
        // First which runs, and only then their curves: else every curve is thinned to find that it is kept.
        "with due as materialized (
           select id, steps from run
           where experiment_id = $1 and ($2::bigint is null or id = $2)
             and finished_at is not null and started_at is not null
             and not exists (select from run_curve where run_curve.run_id = run.id)
         )
         insert into run_curve (run_id, name, steps, measured)
         select due.id, live.name, live.steps, live.measured
         from due cross join lateral thinned_curves(due.id, due.steps) live
         on conflict (run_id, name) do nothing",
        experiment as ExperimentId,
        run as Option<RunId>
    )
    .execute(pool)
    .await;
    if let Err(error) = kept {
        tracing::warn!(%experiment, "thinned curves could not be kept: {error}");
    }
}
