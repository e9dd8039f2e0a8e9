//! What the first page says of claims besides how they stand.

use breakmywork_protocol::id::{ClaimId, ExperimentId};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgExecutor;

/// The experiment that says most plainly what would break a claim.
#[derive(Debug, Clone)]
pub struct Frozen {
    /// The claim.
    pub claim: ClaimId,
    /// The newest experiment on it that can break it.
    pub experiment: ExperimentId,
    /// Its specification.
    pub spec: Value,
    /// When that was frozen.
    pub registered_at: DateTime<Utc>,
}

/// Of each of these claims the newest registered experiment that everybody may see and whose verdict would move it.
///
/// # Errors
/// If the database is away.
pub async fn frozen(db: impl PgExecutor<'_>, claims: &[ClaimId]) -> sqlx::Result<Vec<Frozen>> {
    sqlx::query_as!(
        Frozen,
        r#"select wanted.id as "claim!: ClaimId", e.id as "experiment!: ExperimentId", e.spec as "spec!",
             e.registered_at as "registered_at!"
           from unnest($1::bigint[]) wanted (id)
           cross join lateral newest_that_may_break(wanted.id) as found (id)
           cross join lateral (
             select id, spec, registered_at from public_experiment e where e.id = found.id offset 0
           ) e"#,
        claims as &[ClaimId],
    )
    .fetch_all(db)
    .await
}
