//! Experiments that wait for an admin: too many of their runs are missing for a verdict.

use breakmywork_protocol::id::ExperimentId;
use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

/// An experiment that waits for an admin.
#[derive(Debug, Clone)]
pub struct Stalled {
    /// The experiment.
    pub experiment: ExperimentId,
    /// Its title.
    pub title: String,
    /// Since when.
    pub at: DateTime<Utc>,
    /// Which runs are missing and why.
    pub reason: String,
}

/// What waits, the longest first.
pub async fn list(db: impl PgExecutor<'_>, limit: i64) -> sqlx::Result<Vec<Stalled>> {
    sqlx::query_as!(
        Stalled,
        r#"select id as "experiment!: ExperimentId", title as "title!", stalled_at as "at!", stalled_reason as "reason!"
           from public_experiment where state = 'stalled' order by stalled_at limit $1"#,
        limit
    )
    .fetch_all(db)
    .await
}

/// Why this one waits; none if it does not.
pub async fn of(
    db: impl PgExecutor<'_>,
    experiment: ExperimentId,
) -> sqlx::Result<Option<Stalled>> {
    sqlx::query_as!(
        Stalled,
        r#"select id as "experiment!: ExperimentId", title as "title!", stalled_at as "at!", stalled_reason as "reason!"
           from public_experiment where id = $1 and state = 'stalled'"#,
        experiment as ExperimentId
    )
    .fetch_optional(db)
    .await
}
