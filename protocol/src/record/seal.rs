//! What the record says of a sealed registration: a commitment at first, all of it when it is opened.

use super::digest::canonical;
use super::write::{person, registration_body};
use super::{exact_time, text_digest};
use crate::id::{AccountId, ClaimId, ExperimentId};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;

/// The bytes that a commitment is the SHA-256 of: canonical JSON of the nonce and of what an open registration would have
/// put on record. A plan has few variants, so without the nonce whoever tries them all would find it.
pub fn committed(nonce: &str, registration: &Value) -> String {
    canonical(&json!({ "nonce": nonce, "registration": registration }))
}

/// Commits to a sealed registration. Gives what goes on record instead of it; none if it is not sealed.
pub(super) async fn commit(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    registration: &Value,
) -> sqlx::Result<Option<Value>> {
    let nonce = sqlx::query_scalar!(
        r#"select gen_random_uuid()::text as "nonce!" from experiment where id = $1 and seal_days is not null"#,
        experiment as ExperimentId
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(nonce) = nonce else {
        return Ok(None);
    };
    sqlx::query!(
        "insert into seal (experiment_id, nonce, registration, commitment) values ($1, $2, $3, $4)",
        experiment as ExperimentId,
        nonce,
        canonical(registration),
        text_digest(&committed(&nonce, registration)),
    )
    .execute(&mut *tx)
    .await?;
    Ok(Some(sealed_body(tx, experiment).await?))
}

/// What the record keeps of a sealed registration.
pub(super) async fn sealed_body(
    tx: &mut PgConnection,
    experiment: ExperimentId,
) -> sqlx::Result<Value> {
    let row = sqlx::query!(
        r#"select e.claim_id as "claim: ClaimId", e.author_id as "author_id: AccountId", account.name as author,
                  e.registered_at as "registered_at!", e.opens_at as "opens_at!", seal.commitment
           from experiment e join account on account.id = e.author_id join seal on seal.experiment_id = e.id
           where e.id = $1 and e.registered_at is not null and e.opens_at is not null"#,
        experiment as ExperimentId
    )
    .fetch_one(tx)
    .await?;
    Ok(json!({
        "sealed": true,
        "claim": row.claim,
        "author": person(Some(row.author_id), Some(row.author)),
        "registered_at": exact_time(row.registered_at),
        "opens_at": exact_time(row.opens_at),
        "commitment": row.commitment,
    }))
}

/// What the record keeps of an opening, and the commitment that it keeps.
pub(super) async fn opening_body(
    tx: &mut PgConnection,
    experiment: ExperimentId,
) -> sqlx::Result<(Value, String)> {
    let row = sqlx::query!(
        r#"select e.opened_at as "opened_at!", seal.nonce, seal.registration, seal.commitment
           from experiment e join seal on seal.experiment_id = e.id
           where e.id = $1 and e.opened_at is not null"#,
        experiment as ExperimentId
    )
    .fetch_one(tx)
    .await?;
    let registration: Value = serde_json::from_str(&row.registration).unwrap_or_default();
    let body = json!({
        "opened_at": exact_time(row.opened_at),
        "nonce": row.nonce,
        "registration": registration,
    });
    Ok((body, row.commitment))
}

/// What was committed to, for whoever checks: what was registered by the tables, what the seal holds, and whether its
/// commitment is that of nonce and registration.
pub(super) struct Sealed {
    pub(super) now: sqlx::Result<Value>,
    pub(super) registration: Map<String, Value>,
    pub(super) keeps: bool,
}

/// Reads it; none without a seal.
pub(super) async fn sealed(
    tx: &mut PgConnection,
    experiment: ExperimentId,
) -> sqlx::Result<Option<Sealed>> {
    let seal = sqlx::query!(
        "select nonce, registration, commitment from seal where experiment_id = $1",
        experiment as ExperimentId
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(seal) = seal else {
        return Ok(None);
    };
    let registration: Value = serde_json::from_str(&seal.registration).unwrap_or_default();
    let bytes = committed(&seal.nonce, &registration);
    Ok(Some(Sealed {
        keeps: text_digest(&bytes) == seal.commitment,
        registration: registration.as_object().cloned().unwrap_or_default(),
        now: registration_body(tx, experiment).await,
    }))
}
