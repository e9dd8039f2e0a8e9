//! Disputes: a moderator says why an experiment should not count, its author answers, a moderator resolves it.

use super::body::Body;
use super::experiments::{self, Experiment};
use super::idempotency::{self, Stop};
use super::moderation::moderating;
use super::runs::Reason;
use crate::auth::token::{ApiAccount, Scope};
use crate::extract::Path;
use crate::standing;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use breakmywork_protocol::id::ExperimentId;
use serde::Deserialize;
use sqlx::PgPool;
use utoipa::ToSchema;

/// Dispute an experiment (moderator): it keeps its verdict, and does not move its claim's standing until that is resolved.
#[utoipa::path(post, path = "/api/v1/experiments/{id}/dispute", tag = "experiments", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Reason,
    responses((status = 200, body = Experiment), (status = 403, description = "Not a moderator"),
        (status = 409, description = "Not registered, or disputed already")))]
pub(super) async fn dispute(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Reason>,
) -> Result<Response, Stop> {
    let mut call = moderating(&pool, &account, &headers, &body.fingerprint).await?;
    standing::dispute(&mut call.tx, id, account.id, &body.value.reason).await?;
    experiments::done(call, id, &account).await
}

/// Resolve a dispute (moderator): the experiment moves its claim's standing again.
#[utoipa::path(post, path = "/api/v1/experiments/{id}/dispute/resolve", tag = "experiments", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Reason,
    responses((status = 200, body = Experiment), (status = 403, description = "Not a moderator"),
        (status = 409, description = "Not disputed")))]
pub(super) async fn resolve(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Reason>,
) -> Result<Response, Stop> {
    let mut call = moderating(&pool, &account, &headers, &body.fingerprint).await?;
    standing::resolve_dispute(&mut call.tx, id, account.id, &body.value.reason).await?;
    experiments::done(call, id, &account).await
}

/// What an author answers.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    /// In one line of 1 to 2,000 characters, for everybody to read.
    answer: String,
}

/// Answer a dispute (the experiment's author); a later answer takes the place of an earlier one.
#[utoipa::path(post, path = "/api/v1/experiments/{id}/dispute/answer", tag = "experiments", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Answer,
    responses((status = 200, body = Experiment), (status = 403, description = "Not the author's"),
        (status = 409, description = "Not disputed")))]
pub(super) async fn answer(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Answer>,
) -> Result<Response, Stop> {
    account.require(Scope::Propose)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    standing::answer_dispute(&mut call.tx, id, account.id, &body.value.answer).await?;
    experiments::done(call, id, &account).await
}
