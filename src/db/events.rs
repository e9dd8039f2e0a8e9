//! The log of what happened, as the live stream reads it.

use breakmywork_protocol::id::ExperimentId;
use sqlx::PgExecutor;

/// Id of the latest event of an experiment; 0 before the first.
pub async fn latest(db: impl PgExecutor<'_>, experiment: ExperimentId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select coalesce(max(id), 0) as "id!" from run_event where experiment_id = $1"#,
        experiment.0,
    )
    .fetch_one(db)
    .await
}
