//! Workers and what they say of themselves.

use super::{Error, Lease, Result};
use crate::id::{AccountId, RunId, TokenId};
use crate::text;
use serde::{Deserialize, Serialize};
use sqlx::{PgExecutor, PgPool};
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

/// Who comes with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bearer {
    /// The token.
    pub token: TokenId,
    /// Of a volunteer's: whose; none of an admin's, whose workers are the board's own.
    pub volunteer: Option<AccountId>,
}

/// The same of a worker that comes with a token instead of the database's password. A token is one worker: whichever
/// process registered with it last is that worker, and those before it are none any more.
///
/// In one transaction: a worker that is deleted right after it was written was not another one's id, and registers again.
///
/// # Errors
/// [`Error::Conflict`] if the id is another token's worker, or an earlier one of this token's.
pub async fn register_outside_worker(
    pool: &PgPool,
    worker: Uuid,
    bearer: Bearer,
    host: &str,
    device: &str,
    version: &str,
    slots: u8,
) -> Result<()> {
    let mut transaction = pool.begin().await?;
    sqlx::query!(
        "insert into worker (id, host, device, version, slots, token_id, volunteer_id) values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (id) do update set last_seen_at = now() where worker.token_id = $6",
        worker,
        text::cut(host, text::NAME_CHARS),
        text::cut(device, text::NAME_CHARS),
        text::cut(version, text::NAME_CHARS),
        i16::from(slots),
        bearer.token as TokenId,
        bearer.volunteer as Option<AccountId>
    )
    .execute(&mut *transaction)
    .await?;
    if worker_of_token(&mut *transaction, bearer).await? != Some(worker) {
        return Err(Error::Conflict("Another worker goes by this id.".into()));
    }
    transaction.commit().await?;
    Ok(())
}

/// The worker that a token is: the process that registered with it last. None if whose it is has become an admin since, or
/// ceased to be one: then it is another kind of worker, and has to register as that.
///
/// # Errors
/// If the database is away.
pub async fn worker_of_token(
    database: impl PgExecutor<'_>,
    bearer: Bearer,
) -> Result<Option<Uuid>> {
    let worker = sqlx::query!(
        r#"select id, volunteer_id as "volunteer: AccountId" from worker
           where token_id = $1 order by started_at desc, id limit 1"#,
        bearer.token as TokenId
    )
    .fetch_optional(database)
    .await?;
    let worker = worker.filter(|worker| worker.volunteer == bearer.volunteer);
    Ok(worker.map(|worker| worker.id))
}

/// Processes that a volunteer registered within an hour.
///
/// # Errors
/// If the database is away.
pub async fn registered_lately(pool: &PgPool, volunteer: AccountId) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from worker where volunteer_id = $1 and started_at > now() - interval '1 hour'"#,
        volunteer as AccountId
    )
    .fetch_one(pool)
    .await?;
    Ok(count)
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = WorkerTrouble))]
#[serde(deny_unknown_fields)]
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

/// Adds what an attempt took that has ended to what its worker has done. It is told to people and decides nothing, so it
/// is added under no other lock, and if it cannot be that is logged.
pub(super) async fn count_time(pool: &PgPool, lease: &Lease) {
    let counted = sqlx::query!(
        "update worker set trained_seconds = trained_seconds + greatest(0, extract(epoch from a.ended_at - a.started_at))::float8
         from run_attempt a
         where a.run_id = $1 and a.epoch = $2 and a.ended_at is not null and worker.id = a.worker_id",
        lease.run as RunId,
        lease.epoch
    )
    .execute(pool)
    .await;
    if let Err(error) = counted {
        tracing::warn!(worker = %lease.worker, "what an attempt took could not be counted: {error}");
    }
}

/// Which of these runs have ended for good, so that nobody needs their checkpoints any more. A volunteer's worker is told of
/// runs that volunteers had, and of no others.
///
/// # Errors
/// If the database is away.
pub async fn ended(pool: &PgPool, worker: Uuid, runs: &[RunId]) -> Result<Vec<RunId>> {
    let ids: Vec<i64> = runs.iter().map(|run| run.0).collect();
    let ended = sqlx::query_scalar!(
        r#"select id as "id: RunId" from run where id = any ($1) and finished_at is not null
             and (lent or exists (select from worker where id = $2 and volunteer_id is null))"#,
        &ids,
        worker
    )
    .fetch_all(pool)
    .await?;
    Ok(ended)
}
