//! Discussion.

use super::body::Body;
use super::idempotency::{self, Stop};
use super::page::{Cursor, Page};
use crate::auth::token::{ApiAccount, Scope};
use crate::db::comments::{self as table, Limits, Place};
use crate::discussion;
use crate::error::{Error, Result};
use crate::extract::{Path, Query};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::id::{CommentId, ExperimentId, ThreadId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::ToSchema;

/// A post: by a person, or of an experiment by the machine.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Comment {
    /// Key.
    id: CommentId,
    /// Who wrote it; null for a result.
    author: Option<String>,
    /// comment by a person; result, or opening of what was sealed, by the machine.
    kind: String,
    /// The experiment whose result this is, or that was opened.
    experiment: Option<ExperimentId>,
    /// That result's outcome.
    outcome: Option<String>,
    /// Markdown as typed; null if a moderator hid it.
    body: Option<String>,
    /// The same as sanitised HTML.
    html: Option<String>,
    /// Why a moderator hid it.
    hidden_reason: Option<String>,
    /// When it was posted.
    created_at: DateTime<Utc>,
}

impl From<table::Comment> for Comment {
    fn from(comment: table::Comment) -> Self {
        let body = comment.hidden_at.is_none().then_some(comment.body);
        Self {
            id: comment.id,
            author: comment.author,
            kind: comment.kind,
            experiment: comment.experiment,
            outcome: comment.outcome,
            html: comment.html.filter(|_| body.is_some()),
            body,
            hidden_reason: comment.hidden_reason,
            created_at: comment.created_at,
        }
    }
}

/// List the posts of a thread, oldest first. A page of long posts may hold fewer than `limit`; `next` goes on.
#[utoipa::path(get, path = "/api/v1/threads/{id}/comments", tag = "threads",
    params(("id" = i64, Path, description = "Key"), Cursor),
    responses((status = 200, body = Page<Comment>), (status = 404, description = "No such thread")))]
pub(super) async fn list(
    State(pool): State<PgPool>,
    Path(id): Path<ThreadId>,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Comment>> {
    let limits = Limits {
        posts: cursor.limit()?,
        bytes: PAGE_BYTES,
    };
    let after = CommentId(cursor.position()?.unwrap_or(0));
    if table::subject(&pool, id).await?.is_none() {
        return Err(Error::missing("thread", id));
    }
    let page = discussion::read(&pool, id, Place::After(after), limits).await?;
    let last = page.comments.last().filter(|_| page.later);
    Ok(Page {
        next: last.map(|last| last.id.to_string()),
        items: page.comments.into_iter().map(Comment::from).collect(),
    })
}

/// HTML on one page, in bytes: a page ends early where its posts are long, and `next` goes on from there.
const PAGE_BYTES: i64 = 1_000_000;

/// A comment to post.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewComment {
    /// Markdown, at most 20,000 characters.
    body: String,
}

/// Post a comment.
#[utoipa::path(post, path = "/api/v1/threads/{id}/comments", tag = "threads", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = NewComment,
    responses((status = 201, body = Comment), (status = 404, description = "No such thread"), (status = 422, description = "Empty or too long")))]
pub(super) async fn post(
    State(pool): State<PgPool>,
    Path(id): Path<ThreadId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<NewComment>,
) -> Result<Response, Stop> {
    account.require(Scope::Write)?;
    let written = discussion::written(&pool, id, &body.value.body).await?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    let written = written.map_err(|detail| Error::field("/body", detail))?;
    let comment = discussion::post(&mut call.tx, id, account.id, &written).await?;
    let posted = table::rows(&mut *call.tx, &[comment])
        .await?
        .pop()
        .map(Comment::from)
        .ok_or_else(|| Error::missing("comment", comment))?;
    call.finish(StatusCode::CREATED, &posted).await
}
