//! How far a sequential plan is, while it runs.

use super::{Result, conclude};
use crate::id::ExperimentId;
use crate::spec::Spec;
use crate::verdict::{self, RunOutcome, Sequential};
use sqlx::PgConnection;

/// The e-values after each pair of a sequential plan of which no run is left to wait for, in the order of `seeds`. None
/// of any other plan.
///
/// # Errors
/// If the database is away.
pub async fn sequential_so_far(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    spec: &Spec,
    seeds: &[u32],
) -> Result<Option<Sequential>> {
    if !spec.is_sequential() {
        return Ok(None);
    }
    let open = sqlx::query_scalar!(
        "select distinct seed from run
         where experiment_id = $1 and trial is null and state in ('queued', 'running')",
        experiment as ExperimentId
    )
    .fetch_all(&mut *tx)
    .await?;
    let ended: Vec<u32> = (seeds.iter().copied())
        .take_while(|seed| !open.contains(&i64::from(*seed)))
        .collect();
    let outcomes: Vec<RunOutcome> = (conclude::outcomes(tx, experiment).await?.into_iter())
        .filter(|run| ended.contains(&run.seed))
        .collect();
    Ok(verdict::decide(spec, seeds, &outcomes, spec.level()).sequential)
}
