//! Moderation: hiding comments, appeals, locked discussions, and the log.

use super::body::Body;
use super::idempotency::{self, Stop};
use super::page::{Cursor, Page};
use super::record::Entry;
use super::runs::Reason;
use super::threads::{Comment, found};
use crate::auth::token::{ApiAccount, Scope};
use crate::db::comments::moderation as table;
use crate::discussion::moderation;
use crate::error::{Error, Result};
use crate::extract::{Path, Query};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::id::{CommentId, ThreadId};
use breakmywork_protocol::record;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
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

/// Hide a comment (moderator). Everybody reads the reason.
#[utoipa::path(post, path = "/api/v1/comments/{id}/hide", tag = "threads", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Reason,
    responses((status = 200, body = Comment), (status = 403, description = "Not a moderator"),
        (status = 409, description = "Hidden or deleted already, or a result")))]
pub(super) async fn hide(
    State(pool): State<PgPool>,
    Path(id): Path<CommentId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Reason>,
) -> Result<Response, Stop> {
    account.require(Scope::Moderate)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    moderation::hide(&mut call.tx, id, account.id, &body.value.reason).await?;
    let comment = found(&mut *call.tx, id).await?;
    call.finish(StatusCode::OK, &comment).await
}

/// Show a hidden comment again (moderator).
#[utoipa::path(post, path = "/api/v1/comments/{id}/unhide", tag = "threads", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Reason,
    responses((status = 200, body = Comment), (status = 403, description = "Not a moderator"),
        (status = 409, description = "Not hidden")))]
pub(super) async fn unhide(
    State(pool): State<PgPool>,
    Path(id): Path<CommentId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Reason>,
) -> Result<Response, Stop> {
    account.require(Scope::Moderate)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    moderation::unhide(&mut call.tx, id, account.id, &body.value.reason).await?;
    let comment = found(&mut *call.tx, id).await?;
    call.finish(StatusCode::OK, &comment).await
}

/// What an author says against hiding a comment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Appeal {
    /// In one line of 1 to 1,000 characters, for everybody to read.
    words: String,
}

/// Appeal against hiding one's own comment, once each time that it is hidden.
#[utoipa::path(post, path = "/api/v1/comments/{id}/appeal", tag = "threads", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Appeal,
    responses((status = 200, body = Comment), (status = 403, description = "Not yours"),
        (status = 409, description = "Not hidden, or appealed against already")))]
pub(super) async fn appeal(
    State(pool): State<PgPool>,
    Path(id): Path<CommentId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Appeal>,
) -> Result<Response, Stop> {
    account.require(Scope::Discuss)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    moderation::appeal(&mut call.tx, id, account.id, &body.value.words).await?;
    let comment = found(&mut *call.tx, id).await?;
    call.finish(StatusCode::OK, &comment).await
}

/// Leave a comment hidden against its author's appeal (moderator). To follow the appeal, show it again.
#[utoipa::path(post, path = "/api/v1/comments/{id}/appeal/decline", tag = "threads", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Reason,
    responses((status = 200, body = Comment), (status = 403, description = "Not a moderator"),
        (status = 409, description = "No appeal waits")))]
pub(super) async fn decline(
    State(pool): State<PgPool>,
    Path(id): Path<CommentId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Reason>,
) -> Result<Response, Stop> {
    account.require(Scope::Moderate)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    moderation::decline(&mut call.tx, id, account.id, &body.value.reason).await?;
    let comment = found(&mut *call.tx, id).await?;
    call.finish(StatusCode::OK, &comment).await
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
    account.require(Scope::Moderate)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    moderation::lock(&mut call.tx, id, account.id, &body.value.reason, true).await?;
    let lock = lock_of(&mut call.tx, id).await?;
    call.finish(StatusCode::OK, &lock).await
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
    account.require(Scope::Moderate)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    moderation::lock(&mut call.tx, id, account.id, &body.value.reason, false).await?;
    let lock = lock_of(&mut call.tx, id).await?;
    call.finish(StatusCode::OK, &lock).await
}
