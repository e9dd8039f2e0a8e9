//! Hiding comments and proposals, and appeals against that.

use super::body::Body;
use super::experiments::{self, Experiment};
use super::idempotency::{self, IdempotentCall, Stop};
use super::moderation::moderating;
use super::runs::Reason;
use super::threads::{Comment, found};
use crate::auth::token::{ApiAccount, Scope};
use crate::extract::Path;
use crate::hiding::{self, Hideable, Step};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::id::{CommentId, ExperimentId};
use serde::Deserialize;
use sqlx::PgPool;
use utoipa::ToSchema;

/// What an author says against hiding a comment or a proposal.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Appeal {
    /// In one line of 1 to 1,000 characters, for everybody to read.
    #[schema(min_length = 1, max_length = 1_000)]
    words: String,
}

/// Does it, and answers with what it was done to.
async fn act(
    mut call: IdempotentCall,
    account: &ApiAccount,
    what: impl Into<Hideable>,
    step: Step<'_>,
) -> Result<Response, Stop> {
    let what = what.into();
    hiding::act(&mut call.tx, what, account.id, step).await?;
    match what {
        Hideable::Comment(id) => {
            let comment = found(&mut call.tx, id).await?;
            call.finish(StatusCode::OK, &comment).await
        }
        Hideable::Proposal(id) => experiments::done(call, id, account).await,
    }
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
    let call = moderating(&pool, &account, &headers, &body.fingerprint).await?;
    act(call, &account, id, Step::Hide(&body.value.reason)).await
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
    let call = moderating(&pool, &account, &headers, &body.fingerprint).await?;
    act(call, &account, id, Step::Unhide(&body.value.reason)).await
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
    let call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    act(call, &account, id, Step::Appeal(&body.value.words)).await
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
    let call = moderating(&pool, &account, &headers, &body.fingerprint).await?;
    act(call, &account, id, Step::Decline(&body.value.reason)).await
}

/// Hide a proposal (moderator): everybody but its author and moderators reads the reason alone, and it is in no list. What was
/// registered is evidence, and stays.
#[utoipa::path(post, path = "/api/v1/experiments/{id}/hide", tag = "experiments", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Reason,
    responses((status = 200, body = Experiment), (status = 403, description = "Not a moderator"),
        (status = 409, description = "Hidden already, sealed, or registered")))]
pub(super) async fn hide_proposal(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Reason>,
) -> Result<Response, Stop> {
    let call = moderating(&pool, &account, &headers, &body.fingerprint).await?;
    act(call, &account, id, Step::Hide(&body.value.reason)).await
}

/// Show a hidden proposal again (moderator).
#[utoipa::path(post, path = "/api/v1/experiments/{id}/unhide", tag = "experiments", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Reason,
    responses((status = 200, body = Experiment), (status = 403, description = "Not a moderator"),
        (status = 409, description = "Not hidden")))]
pub(super) async fn unhide_proposal(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Reason>,
) -> Result<Response, Stop> {
    let call = moderating(&pool, &account, &headers, &body.fingerprint).await?;
    act(call, &account, id, Step::Unhide(&body.value.reason)).await
}

/// Appeal against hiding one's own proposal, once each time that it is hidden.
#[utoipa::path(post, path = "/api/v1/experiments/{id}/appeal", tag = "experiments", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Appeal,
    responses((status = 200, body = Experiment), (status = 403, description = "Not yours"),
        (status = 409, description = "Not hidden, or appealed against already")))]
pub(super) async fn appeal_proposal(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Appeal>,
) -> Result<Response, Stop> {
    account.require(Scope::Propose)?;
    let call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    act(call, &account, id, Step::Appeal(&body.value.words)).await
}

/// Leave a proposal hidden against its author's appeal (moderator). To follow the appeal, show it again.
#[utoipa::path(post, path = "/api/v1/experiments/{id}/appeal/decline", tag = "experiments", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Reason,
    responses((status = 200, body = Experiment), (status = 403, description = "Not a moderator"),
        (status = 409, description = "No appeal waits")))]
pub(super) async fn decline_proposal(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Reason>,
) -> Result<Response, Stop> {
    let call = moderating(&pool, &account, &headers, &body.fingerprint).await?;
    act(call, &account, id, Step::Decline(&body.value.reason)).await
}
