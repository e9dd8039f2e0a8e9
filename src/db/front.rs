//! What the first page says of claims besides how they stand.

use breakmywork_protocol::id::{ClaimId, ExperimentId};
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
}

/// Of each of these claims the newest registered experiment that everybody may see and that can carry a verdict.
///
/// # Errors
/// If the database is away.
pub async fn frozen(db: impl PgExecutor<'_>, claims: &[ClaimId]) -> sqlx::Result<Vec<Frozen>> {
    sqlx::query_as!(
        Frozen,
        r#"select wanted.id as "claim!: ClaimId", e.id as "experiment!: ExperimentId", e.spec as "spec!"
           from unnest($1::bigint[]) wanted (id) cross join lateral (
             select id, spec from public_experiment
             where claim_id = wanted.id and registered_at is not null and not closed and not exploratory
               and not (spec ? 'search')
             order by id desc limit 1
           ) e"#,
        claims as &[ClaimId],
    )
    .fetch_all(db)
    .await
}
