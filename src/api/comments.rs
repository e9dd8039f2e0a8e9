//! One comment: reading it, editing and deleting one's own, and what it said before.

use super::body::Body;
use super::page::{Cursor, Page};
use super::threads::{Comment, found, with_pins};
use super::version;
use crate::auth::token::{ApiAccount, Scope};
use crate::db::comments::{
    self as table,
    reactions::Reaction,
    versions::{self, Version},
};
use crate::discussion::{self, edits, reactions};
use crate::error::{Error, Result};
use crate::extract::{Path, Query};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use breakmywork_protocol::id::{AccountId, CommentId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};
use utoipa::ToSchema;

/// Show a post.
#[utoipa::path(get, path = "/api/v1/comments/{id}", tag = "threads",
    params(("id" = i64, Path, description = "Key")),
    responses((status = 200, body = Comment), (status = 404, description = "No such comment")))]
pub(super) async fn show(
    State(pool): State<PgPool>,
    Path(id): Path<CommentId>,
) -> Result<Json<Comment>> {
    let comment = discussion::read_one(&pool, id).await?;
    let mut shown = with_pins(&mut *pool.acquire().await?, vec![comment]).await?;
    let shown = shown.pop().ok_or_else(|| Error::missing("comment", id))?;
    Ok(Json(shown))
}

/// A new text of a comment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EditedComment {
    /// Markdown, at most 20,000 characters; what it pins is looked up again, but for what was pinned already.
    #[schema(min_length = 1, max_length = 20_000)]
    body: String,
    /// The `version` that was read before.
    version: i32,
}

/// Edit one's own comment. What it said before stays to be read. Sent twice, it is done once.
#[utoipa::path(put, path = "/api/v1/comments/{id}", tag = "threads", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("If-Match" = Option<String>, Header, description = "`ETag` of what was read")),
    request_body = EditedComment,
    responses((status = 200, body = Comment), (status = 403, description = "Not yours"),
        (status = 409, description = "Changed since that version, hidden, deleted, or written 50 times"),
        (status = 412, description = "Not what `If-Match` names any more"),
        (status = 422, description = "Empty or too long, or a pin of what is not there or not public")))]
pub(super) async fn edit(
    State(pool): State<PgPool>,
    Path(id): Path<CommentId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<EditedComment>,
) -> Result<Json<Comment>> {
    account.require(Scope::Discuss)?;
    let thread = table::thread_of(&pool, id)
        .await?
        .ok_or_else(|| Error::missing("comment", id))?;
    let written = discussion::written(&pool, thread, &body.value.body).await?;
    let written = written.map_err(|detail| Error::field("/body", detail))?;
    let mut tx = pool.begin().await?;
    unchanged(&mut tx, id, account.id, &headers).await?;
    let edited = edits::edit(&mut tx, id, account.id, body.value.version, &written).await?;
    if let edits::Edited::Stale { version, .. } = edited {
        return Err(Error::Conflict(format!(
            "This comment is at version {version} by now. Read it again, and send your text with that version."
        )));
    }
    let comment = found(&mut tx, id).await?;
    tx.commit().await?;
    Ok(Json(comment))
}

/// Delete one's own comment: its text and its history go for good, its place and the answers stay.
#[utoipa::path(delete, path = "/api/v1/comments/{id}", tag = "threads", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("If-Match" = Option<String>, Header, description = "`ETag` of what was read")),
    responses((status = 200, body = Comment), (status = 403, description = "Not yours"),
        (status = 409, description = "Hidden by a moderator"),
        (status = 412, description = "Not what `If-Match` names any more")))]
pub(super) async fn delete(
    State(pool): State<PgPool>,
    Path(id): Path<CommentId>,
    account: ApiAccount,
    headers: HeaderMap,
) -> Result<Json<Comment>> {
    account.require(Scope::Discuss)?;
    let mut tx = pool.begin().await?;
    unchanged(&mut tx, id, account.id, &headers).await?;
    edits::delete(&mut tx, id, account.id).await?;
    let comment = found(&mut tx, id).await?;
    tx.commit().await?;
    Ok(Json(comment))
}

/// Refuses to change a comment that is another by now than its author read, by `If-Match`. Nobody else hears how it is.
async fn unchanged(
    tx: &mut PgConnection,
    id: CommentId,
    author: AccountId,
    headers: &HeaderMap,
) -> Result<()> {
    if !headers.contains_key(header::IF_MATCH) {
        return Ok(());
    }
    edits::own(&mut *tx, id, author).await?;
    version::check(headers, &found(tx, id).await?)
}

/// Say something to a comment: agree, doubt or thanks. Sent twice, it counts once.
#[utoipa::path(put, path = "/api/v1/comments/{id}/reactions/{kind}", tag = "threads", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("kind" = Reaction, Path, description = "What is said")),
    responses((status = 200, body = Comment), (status = 404, description = "No such comment or word"),
        (status = 409, description = "Your own, a result, or not shown any more")))]
pub(super) async fn react(
    State(pool): State<PgPool>,
    Path((id, kind)): Path<(CommentId, Reaction)>,
    account: ApiAccount,
) -> Result<Json<Comment>> {
    said(&pool, &account, id, kind, true).await
}

/// Take back what was said to a comment.
#[utoipa::path(delete, path = "/api/v1/comments/{id}/reactions/{kind}", tag = "threads", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("kind" = Reaction, Path, description = "What was said")),
    responses((status = 200, body = Comment), (status = 404, description = "No such comment or word")))]
pub(super) async fn take_back(
    State(pool): State<PgPool>,
    Path((id, kind)): Path<(CommentId, Reaction)>,
    account: ApiAccount,
) -> Result<Json<Comment>> {
    said(&pool, &account, id, kind, false).await
}

async fn said(
    pool: &PgPool,
    account: &ApiAccount,
    id: CommentId,
    reaction: Reaction,
    wanted: bool,
) -> Result<Json<Comment>> {
    account.require(Scope::Discuss)?;
    account.person("does not react to comments")?;
    let mut tx = pool.begin().await?;
    reactions::react(&mut tx, id, account.id, reaction, wanted).await?;
    let comment = found(&mut tx, id).await?;
    tx.commit().await?;
    Ok(Json(comment))
}

/// A version of a comment.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CommentVersion {
    /// 1 for what was posted first.
    number: i32,
    /// Markdown as typed.
    body: String,
    /// When it was posted, or edited to that.
    written_at: DateTime<Utc>,
}

/// List what a comment said, the first version first; nothing of one that is hidden, deleted or by the machine.
#[utoipa::path(get, path = "/api/v1/comments/{id}/versions", tag = "threads",
    params(("id" = i64, Path, description = "Key"), Cursor),
    responses((status = 200, body = Page<CommentVersion>), (status = 404, description = "No such comment")))]
pub(super) async fn versions(
    State(pool): State<PgPool>,
    Path(id): Path<CommentId>,
    Query(cursor): Query<Cursor>,
) -> Result<Page<CommentVersion>> {
    let limit = cursor.limit()?;
    let after = cursor.read()?.unwrap_or(0);
    if table::thread_of(&pool, id).await?.is_none() {
        return Err(Error::missing("comment", id));
    }
    let some = versions::after(&pool, id, after, limit + 1).await?;
    let show = |one: Version| CommentVersion {
        number: one.number,
        body: one.body,
        written_at: one.written_at,
    };
    Ok(Page::cut(some, limit, |one| one.number, show))
}
