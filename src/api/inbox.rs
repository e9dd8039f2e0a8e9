//! What the owner of the token was told of what they follow.

use super::body::Body;
use super::experiments::EmptyBody;
use super::idempotency::{self, Stop};
use super::page::{Cursor, Page};
use crate::auth::token::{ApiAccount, Scope};
use crate::db::news as table;
use crate::error::{Error, Result};
use crate::extract::{Path, Query};
use crate::render::news_words;
use crate::state::AppState;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::id::{ClaimId, CommentId, ExperimentId, NewsId};
use breakmywork_protocol::news::Kind;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};

/// Something that happened to what its reader follows.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Notice {
    /// Key.
    id: NewsId,
    /// What happened.
    kind: Kind,
    /// The same as a line of text.
    text: String,
    /// Where it is to be seen.
    url: String,
    /// The claim that it is about, or that its experiment tests.
    claim: ClaimId,
    /// The experiment that it is about.
    experiment: Option<ExperimentId>,
    /// The post that it tells of.
    comment: Option<CommentId>,
    /// Who did it.
    actor: Option<String>,
    /// Of a result: the verdict in one word; null of an exploratory experiment.
    outcome: Option<String>,
    /// What the claim's standing became: untested, standing, challenged or falsified.
    standing: Option<String>,
    /// Whether the post names the reader.
    mentioned: bool,
    /// When it happened.
    created_at: DateTime<Utc>,
    /// When it was marked as read.
    read_at: Option<DateTime<Utc>>,
}

impl Notice {
    fn new(state: &AppState, notice: table::Notice) -> Self {
        let news = notice.news;
        Self {
            text: news_words::sentence(&news),
            url: state.settings.address(&news_words::address(&news)),
            id: news.id,
            kind: news.kind,
            claim: news.claim,
            experiment: news.experiment,
            comment: news.comment,
            actor: news.actor,
            outcome: news.outcome,
            standing: news.standing,
            mentioned: notice.mentioned,
            created_at: news.created_at,
            read_at: notice.read_at,
        }
    }
}

/// Which part of the inbox.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Part {
    /// Only what is unread.
    #[serde(default)]
    unread: bool,
}

/// List what the owner of the token was told, newest first. It is kept for half a year.
#[utoipa::path(get, path = "/api/v1/inbox", tag = "following", security(("token" = [])),
    params(Part, Cursor), responses((status = 200, body = Page<Notice>)))]
pub(super) async fn list(
    State(state): State<AppState>,
    account: ApiAccount,
    Query(part): Query<Part>,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Notice>> {
    let limit = cursor.limit()?;
    let before = NewsId(cursor.position()?.unwrap_or(i64::MAX));
    let rows = table::inbox(&state.pool, account.id, part.unread, before, limit + 1).await?;
    let id = |row: &table::Notice| row.news.id.0;
    Ok(Page::cut(rows, limit, id, |row| Notice::new(&state, row)))
}

/// How much is unread after that.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Unread {
    /// Unread notices, counted up to a hundred.
    unread: i64,
}

/// Up to where everything was read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadUntil {
    /// The newest notice that was read: it and the ones before it are marked, ten thousand at most.
    until: NewsId,
}

/// Mark everything up to a notice as read.
#[utoipa::path(post, path = "/api/v1/inbox/read", tag = "following", security(("token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = ReadUntil, responses((status = 200, body = Unread)))]
pub(super) async fn read_until(
    State(pool): State<PgPool>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<ReadUntil>,
) -> Result<Response, Stop> {
    account.require(Scope::Follow)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    table::read_until(&mut *call.tx, account.id, body.value.until).await?;
    let unread = table::unread(&mut *call.tx, account.id).await?;
    call.finish(StatusCode::OK, &Unread { unread }).await
}

/// Mark a notice as read.
#[utoipa::path(post, path = "/api/v1/inbox/{id}/read", tag = "following", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    responses((status = 200, body = Unread), (status = 404, description = "Nothing that you were told")))]
pub(super) async fn read_one(
    State(pool): State<PgPool>,
    Path(id): Path<NewsId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<EmptyBody>,
) -> Result<Response, Stop> {
    account.require(Scope::Follow)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    if !table::read_these(&mut *call.tx, account.id, &[id]).await? {
        return Err(Error::missing("notice", id).into());
    }
    let unread = table::unread(&mut *call.tx, account.id).await?;
    call.finish(StatusCode::OK, &Unread { unread }).await
}
