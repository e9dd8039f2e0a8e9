//! What data sets a worker has, and whether they are what the board knows under these names.

use super::Result;
use crate::data_set::Reference;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use std::fmt;
use uuid::Uuid;

/// A data set that a worker has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its name and version.
    pub data_set: Reference,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
}

/// A data set of a worker whose content is not what the board knows under that name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OtherContent {
    /// As `name@version`.
    pub data_set: String,
    /// SHA-256 of what the worker has.
    pub here: String,
    /// SHA-256 of what the board's first worker with that name had.
    pub board: String,
}

impl fmt::Display for OtherContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            data_set,
            here,
            board,
        } = self;
        write!(
            f,
            "{data_set} has another content here (SHA-256 {here}) than on this board ({board}): this worker gets no \
             runs of it; import this content under the next version, or the board's content here"
        )
    }
}

/// Tells the board what data sets a worker has; this replaces what it offered before.
///
/// The first worker of the board's own that offers a name fixes what the name stands for on this board. What differs from
/// that is returned; the worker gets no runs of it.
///
/// # Errors
/// If the database is away or the worker is not registered.
pub async fn offer(pool: &PgPool, worker: Uuid, offers: &[Offer]) -> Result<Vec<OtherContent>> {
    let names: Vec<String> = offers
        .iter()
        .map(|offer| offer.data_set.to_string())
        .collect();
    let hashes: Vec<String> = offers.iter().map(|offer| offer.sha256.clone()).collect();
    let mut tx = pool.begin().await?;
    // In the order of the names, so that two workers which bring the same new ones do not wait for each other.
    sqlx::query!(
        "insert into data_set (name, sha256)
         select name, sha256 from unnest($1::text[], $2::text[]) as o (name, sha256)
         where exists (select from worker where id = $3 and volunteer_id is null) order by name
         on conflict (name) do nothing",
        &names,
        &hashes,
        worker
    )
    .execute(&mut *tx)
    .await?;
    // Also of workers that died long ago, which nobody else clears away.
    sqlx::query!(
        "delete from worker_data_set o using worker w
         where w.id = o.worker_id
           and ((o.worker_id = $1 and o.name <> all ($2)) or w.last_seen_at < now() - interval '1 day')",
        worker,
        &names
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "insert into worker_data_set (worker_id, name, sha256)
         select $1, name, sha256 from unnest($2::text[], $3::text[]) as o (name, sha256)
         where exists (select from data_set d where d.name = o.name)
         on conflict (worker_id, name) do update set sha256 = excluded.sha256",
        worker,
        &names,
        &hashes
    )
    .execute(&mut *tx)
    .await?;
    let other = sqlx::query_as!(
        OtherContent,
        "select o.name as data_set, o.sha256 as here, d.sha256 as board
         from worker_data_set o join data_set d on d.name = o.name
         where o.worker_id = $1 and o.sha256 <> d.sha256 order by o.name",
        worker
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(other)
}
