//! Experiments that wait for an admin: try again, or give up.

use super::body::Body;
use super::experiments::{self, Experiment};
use super::idempotency::{self, Stop};
use super::runs::Reason;
use crate::auth::token::{ApiAccount, Scope};
use crate::extract::Path;
use crate::reason;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use breakmywork_protocol::id::ExperimentId;
use breakmywork_protocol::jobs;
use sqlx::PgPool;

/// Run every failed run of a stalled experiment again (admin).
#[utoipa::path(post, path = "/api/v1/experiments/{id}/retry", tag = "experiments", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Reason,
    responses((status = 200, body = Experiment), (status = 409, description = "It is not stalled, or nothing of it failed")))]
pub(super) async fn retry(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Reason>,
) -> Result<Response, Stop> {
    account.require(Scope::Admin)?;
    let reason = reason::checked(&body.value.reason)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    jobs::retry_failed(&mut call.tx, id, account.id, &reason).await?;
    experiments::done(call, id, &account).await
}

/// Give a stalled experiment up: its verdict, aborted, is posted (admin).
#[utoipa::path(post, path = "/api/v1/experiments/{id}/give-up", tag = "experiments", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Reason,
    responses((status = 200, body = Experiment), (status = 409, description = "It is not stalled")))]
pub(super) async fn give_up(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Reason>,
) -> Result<Response, Stop> {
    account.require(Scope::Admin)?;
    let reason = reason::checked(&body.value.reason)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    jobs::give_up(&mut call.tx, id, account.id, &reason).await?;
    experiments::done(call, id, &account).await
}
