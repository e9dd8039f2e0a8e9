//! Workers and what they say of themselves.

use super::Result;
use crate::id::RunId;
use crate::text;
use sqlx::PgPool;
use uuid::Uuid;

/// Makes a worker process known, with the number of runs that it works on at once. Its id must be fresh: a reused
/// one would hide a dead worker's runs.
///
/// # Errors
/// If the database is away.
pub async fn register_worker(
    pool: &PgPool,
    worker: Uuid,
    host: &str,
    device: &str,
    version: &str,
    slots: u8,
) -> Result<()> {
    sqlx::query!(
        "insert into worker (id, host, device, version, slots) values ($1, $2, $3, $4, $5)
         on conflict (id) do update set last_seen_at = now()",
        worker,
        text::cut(host, text::NAME_CHARS),
        text::cut(device, text::NAME_CHARS),
        text::cut(version, text::NAME_CHARS),
        i16::from(slots)
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Signs a worker off; it offers no data set any more.
///
/// # Errors
/// If the database is away.
pub async fn stop_worker(pool: &PgPool, worker: Uuid) -> Result<()> {
    sqlx::query!(
        "with gone as (delete from worker_data_set where worker_id = $1)
         update worker set stopped_at = now(), last_seen_at = now() where id = $1",
        worker
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// What is wrong with a worker's machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// In words, for everybody to read: paths of its machine are left out when it is stored.
    pub reason: String,
    /// Whether the worker takes no runs for it.
    pub pauses: bool,
}

/// Says what is wrong with a worker's machine, or with `None` that all is well.
///
/// # Errors
/// If the database is away.
pub async fn report_trouble(pool: &PgPool, worker: Uuid, trouble: Option<&Trouble>) -> Result<()> {
    sqlx::query!(
        "update worker set takes = $2, trouble = $3,
             trouble_at = case when $3::text is null then null else coalesce(trouble_at, now()) end
         where id = $1",
        worker,
        trouble.is_none_or(|trouble| !trouble.pauses),
        trouble.map(|trouble| text::for_people(&trouble.reason))
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Which of these runs have ended for good, so that nobody needs their checkpoints any more.
///
/// # Errors
/// If the database is away.
pub async fn ended(pool: &PgPool, runs: &[RunId]) -> Result<Vec<RunId>> {
    let ids: Vec<i64> = runs.iter().map(|run| run.0).collect();
    let ended = sqlx::query_scalar!(
        r#"select id as "id: RunId" from run where id = any ($1) and finished_at is not null"#,
        &ids
    )
    .fetch_all(pool)
    .await?;
    Ok(ended)
}
