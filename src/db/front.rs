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

/// Experiments of a claim that are looked through for one: the newest.
const LOOKED_THROUGH: i64 = 1_000;

/// Of each of these claims the newest registered experiment that everybody may see and whose verdict would move it.
///
/// # Errors
/// If the database is away.
pub async fn frozen(db: impl PgExecutor<'_>, claims: &[ClaimId]) -> sqlx::Result<Vec<Frozen>> {
    sqlx::query_as!(
        Frozen,
        r#"select wanted.id as "claim!: ClaimId", e.id as "experiment!: ExperimentId", e.spec as "spec!",
             e.registered_at as "registered_at!"
           from unnest($1::bigint[]) wanted (id) cross join lateral (
             select id, spec, registered_at from (
               select id, spec, registered_at, closed, exploratory, outside, disputed_at from public_experiment
               where claim_id = wanted.id order by id desc limit $2
             ) newest
             where registered_at is not null and not closed and not exploratory and disputed_at is null
               and cardinality(outside) = 0 and not (spec ? 'search')
             order by id desc limit 1
           ) e"#,
        claims as &[ClaimId],
        LOOKED_THROUGH,
    )
    .fetch_all(db)
    .await
}
