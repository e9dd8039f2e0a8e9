//! Moderation: locked discussions, and the log.

use super::body::Body;
use super::idempotency::{self, IdempotentCall, Stop};
use super::page::{Cursor, Page};
use super::record::Entry;
use super::runs::Reason;
use crate::auth::token::{ApiAccount, Scope};
use crate::db::comments::moderation as table;
use crate::discussion::moderation;
use crate::error::{Error, Result};
use crate::extract::{Path, Query};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::id::ThreadId;
use breakmywork_protocol::record;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use utoipa::ToSchema;

/// List what moderators did and what was said against it, the newest first: entries of the record.
#[utoipa::path(get, path = "/api/v1/moderation", tag = "threads", params(Cursor),
    responses((status = 200, body = Page<Entry>)))]
pub(super) async fn log(
    State(pool): State<PgPool>,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Entry>> {
    let limit = cursor.limit()?;
    let before = cursor.position()?.unwrap_or(i64::MAX);
    let entries = record::moderation(&pool, before, limit + 1).await?;
    Ok(Page::cut(entries, limit, |entry| entry.seq, Entry::from))
}

/// Begins what only a moderator does.
///
/// # Errors
/// Not a moderator; or as [`idempotency::begin`].
pub(super) async fn moderating(
    pool: &PgPool,
    account: &ApiAccount,
    headers: &HeaderMap,
    fingerprint: &[u8; 32],
) -> Result<IdempotentCall, Stop> {
    account.require(Scope::Moderate)?;
    idempotency::begin(pool, account, headers, fingerprint).await
}

/// Whether people may post to a discussion.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ThreadLock {
    /// The discussion.
    thread: ThreadId,
    /// Since when it is locked; null if it is open.
    locked_at: Option<DateTime<Utc>>,
    /// By which moderator.
    locked_by: Option<String>,
    /// Why.
    reason: Option<String>,
}

async fn lock_of(tx: &mut PgConnection, thread: ThreadId) -> Result<ThreadLock> {
    let lock = table::locked(tx, thread).await?;
    Ok(ThreadLock {
        thread,
        locked_at: lock.as_ref().map(|lock| lock.at),
        locked_by: lock.as_ref().map(|lock| lock.by.clone()),
        reason: lock.map(|lock| lock.reason),
    })
}

async fn set_lock(
    mut call: IdempotentCall,
    thread: ThreadId,
    account: &ApiAccount,
    why: &str,
    locked: bool,
) -> Result<Response, Stop> {
    moderation::lock(&mut call.tx, thread, account.id, why, locked).await?;
    let lock = lock_of(&mut call.tx, thread).await?;
    call.finish(StatusCode::OK, &lock).await
}

/// Say whether a discussion is locked.
#[utoipa::path(get, path = "/api/v1/threads/{id}/lock", tag = "threads",
    params(("id" = i64, Path, description = "Key")),
    responses((status = 200, body = ThreadLock), (status = 404, description = "No such thread")))]
pub(super) async fn lock_state(
    State(pool): State<PgPool>,
    Path(id): Path<ThreadId>,
) -> Result<Json<ThreadLock>> {
    if crate::db::comments::subject(&pool, id).await?.is_none() {
        return Err(Error::missing("thread", id));
    }
    let mut connection = pool.acquire().await?;
    Ok(Json(lock_of(&mut connection, id).await?))
}

/// Lock a discussion (moderator): people post nothing more to it, results of experiments still arrive.
#[utoipa::path(post, path = "/api/v1/threads/{id}/lock", tag = "threads", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Reason,
    responses((status = 200, body = ThreadLock), (status = 403, description = "Not a moderator"),
        (status = 409, description = "Locked already")))]
pub(super) async fn lock(
    State(pool): State<PgPool>,
    Path(id): Path<ThreadId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Reason>,
) -> Result<Response, Stop> {
    let call = moderating(&pool, &account, &headers, &body.fingerprint).await?;
    set_lock(call, id, &account, &body.value.reason, true).await
}

/// Open a locked discussion again (moderator).
#[utoipa::path(post, path = "/api/v1/threads/{id}/unlock", tag = "threads", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Reason,
    responses((status = 200, body = ThreadLock), (status = 403, description = "Not a moderator"),
        (status = 409, description = "Not locked")))]
pub(super) async fn unlock(
    State(pool): State<PgPool>,
    Path(id): Path<ThreadId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Reason>,
) -> Result<Response, Stop> {
    let call = moderating(&pool, &account, &headers, &body.fingerprint).await?;
    set_lock(call, id, &account, &body.value.reason, false).await
}
