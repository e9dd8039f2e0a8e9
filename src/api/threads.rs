//! Discussion.

use super::body::Body;
use super::idempotency::{self, Stop};
use super::page::{Cursor, Page};
use crate::auth::token::{ApiAccount, Scope};
use crate::db::comments as table;
use crate::discussion;
use crate::error::{Error, Result};
use crate::extract::Path;
use crate::render::markdown;
use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::id::{CommentId, ExperimentId, ThreadId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::ToSchema;

/// A post: by a person, or the result of an experiment.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Comment {
    /// Key.
    id: CommentId,
    /// Who wrote it; null for a result.
    author: Option<String>,
    /// The experiment whose result this is.
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
            experiment: comment.experiment,
            outcome: comment.outcome,
            html: body.as_deref().map(|body| markdown::html(body).to_string()),
            body,
            hidden_reason: comment.hidden_reason,
            created_at: comment.created_at,
        }
    }
}

/// List the posts of a thread, oldest first.
#[utoipa::path(get, path = "/api/v1/threads/{id}/comments", tag = "threads",
    params(("id" = i64, Path, description = "Key"), Cursor),
    responses((status = 200, body = Page<Comment>), (status = 404, description = "No such thread")))]
pub(super) async fn list(
    State(pool): State<PgPool>,
    Path(id): Path<ThreadId>,
    Query(cursor): Query<Cursor>,
) -> Result<Json<Page<Comment>>> {
    let limit = cursor.limit()?;
    let after = CommentId(cursor.position()?.unwrap_or(0));
    if table::subject(&pool, id).await?.is_none() {
        return Err(Error::missing("thread", id));
    }
    let rows = table::list(&pool, id, after, limit + 1).await?;
    Ok(Json(Page::cut(rows, limit, |row| row.id.0, Comment::from)))
}

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
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    let comment = discussion::post(&mut call.tx, id, account.id, &body.value.body).await?;
    let posted = table::list(&mut *call.tx, id, CommentId(comment.0 - 1), 1)
        .await?
        .pop()
        .map(Comment::from)
        .ok_or_else(|| Error::missing("comment", comment))?;
    call.finish(StatusCode::CREATED, &posted).await
}
