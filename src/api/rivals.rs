//! Claims that deny each other, and experiments that test both.

use super::body::Body;
use super::claims::Claim;
use super::experiments::{self, Experiment};
use super::idempotency::{self, Stop};
use super::page::{Cursor, Page};
use super::runs::Reason;
use crate::auth::token::{ApiAccount, Scope};
use crate::board::Writer;
use crate::db::{self, rivals as table};
use crate::error::{Error, Result};
use crate::extract::{Path, Query};
use crate::rival::{self, Who};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::id::{ClaimId, ExperimentId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};
use utoipa::ToSchema;

/// A rival of a claim: both cannot be true.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Rival {
    /// Key of the other claim.
    claim: ClaimId,
    /// Its short name.
    label: String,
    /// Its sentence.
    sentence: String,
    /// Who said that they deny each other.
    declared_by: String,
    /// Why.
    reason: String,
    /// Who agreed for the other claim; null until then, and no experiment tests both.
    agreed_by: Option<String>,
    /// When.
    agreed_at: Option<DateTime<Utc>>,
}

async fn listed(db: &mut PgConnection, claim: ClaimId, cursor: &Cursor) -> Result<Page<Rival>> {
    let rivals = table::of_claim(db, claim).await?;
    let show = |rival: table::Rival| Rival {
        claim: rival.id,
        label: rival.label,
        sentence: rival.sentence,
        declared_by: rival.declared_by,
        reason: rival.reason,
        agreed_by: rival.agreed_by,
        agreed_at: rival.agreed_at,
    };
    Page::within(rivals, cursor, |rival| rival.id, show)
}

fn who(account: &ApiAccount) -> Who {
    Writer::from(account).into()
}

/// List the rivals of a claim, agreed or only declared.
#[utoipa::path(get, path = "/api/v1/claims/{id}/rivals", tag = "works",
    params(("id" = i64, Path, description = "Key"), Cursor),
    responses((status = 200, body = Page<Rival>), (status = 404, description = "No such claim")))]
pub(super) async fn list(
    State(pool): State<PgPool>,
    Path(id): Path<ClaimId>,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Rival>> {
    if db::claims::find(&pool, id).await?.is_none() {
        return Err(Error::missing("claim", id));
    }
    let mut connection = pool.acquire().await?;
    listed(&mut connection, id, &cursor).await
}

/// A rival to declare.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRival {
    /// The other claim. Its treatment is this one's control, and the other way round.
    rival: ClaimId,
    /// Why they deny each other, in one line of 1 to 300 characters, for everybody to read.
    reason: String,
}

/// Declare a rival of a claim (the author of one of them, or a moderator): they deny each other. The author of the other one
/// agrees; a moderator needs nobody to.
#[utoipa::path(post, path = "/api/v1/claims/{id}/rivals", tag = "works", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = NewRival,
    responses((status = 201, body = Page<Rival>), (status = 403, description = "Author of neither, and no moderator"),
        (status = 409, description = "Declared already"), (status = 422, description = "They do not deny each other")))]
pub(super) async fn declare(
    State(pool): State<PgPool>,
    Path(id): Path<ClaimId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<NewRival>,
) -> Result<Response, Stop> {
    account.require(Scope::Propose)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    let new = body.value;
    rival::declare(&mut call.tx, id, new.rival, who(&account), &new.reason).await?;
    let rivals = listed(&mut call.tx, id, &Cursor::default()).await?;
    call.finish(StatusCode::CREATED, &rivals).await
}

/// Agree that two claims deny each other (the author of the one that did not declare it, or a moderator).
#[utoipa::path(post, path = "/api/v1/claims/{id}/rivals/{rival}/agree", tag = "works", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("rival" = i64, Path, description = "Key of the other claim"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    responses((status = 200, body = Page<Rival>), (status = 403, description = "Not the other claim's author and no moderator"),
        (status = 409, description = "Nothing waits for that")))]
pub(super) async fn agree(
    State(pool): State<PgPool>,
    Path((id, other)): Path<(ClaimId, ClaimId)>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<super::experiments::EmptyBody>,
) -> Result<Response, Stop> {
    account.require(Scope::Propose)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    rival::agree(&mut call.tx, id, other, who(&account)).await?;
    let rivals = listed(&mut call.tx, id, &Cursor::default()).await?;
    call.finish(StatusCode::OK, &rivals).await
}

/// Say that two claims are no rivals, or not any more (the author of one of them, or a moderator). What was registered stays.
#[utoipa::path(post, path = "/api/v1/claims/{id}/rivals/{rival}/end", tag = "works", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("rival" = i64, Path, description = "Key of the other claim"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Reason,
    responses((status = 200, body = Page<Rival>), (status = 403, description = "Author of neither, and no moderator"),
        (status = 409, description = "They are no rivals")))]
pub(super) async fn end(
    State(pool): State<PgPool>,
    Path((id, other)): Path<(ClaimId, ClaimId)>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Reason>,
) -> Result<Response, Stop> {
    account.require(Scope::Propose)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    rival::end(&mut call.tx, id, other, who(&account), &body.value.reason).await?;
    let rivals = listed(&mut call.tx, id, &Cursor::default()).await?;
    call.finish(StatusCode::OK, &rivals).await
}

/// A denial to put on the board.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewDenial {
    /// The denial, in one sentence of at most 500 characters.
    sentence: String,
    /// Why it is put here, in one line of 1 to 300 characters, for everybody to read.
    reason: String,
}

/// Put the denial of a claim on the board (the claim's author, or a moderator): of the same two arms the other one is no worse,
/// or better, by the smallest effect that counts. Both are rivals at once.
#[utoipa::path(post, path = "/api/v1/claims/{id}/denial", tag = "works", security(("token" = [])),
    params(("id" = i64, Path, description = "Key of the claim that is denied"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = NewDenial,
    responses((status = 201, body = Claim), (status = 403, description = "Not the claim's author and no moderator"),
        (status = 409, description = "The claim does not say which arms it compares or is denied already, the work has too many claims, or you are a newcomer"),
        (status = 422, description = "Without a sentence or a reason, or a claim of that work already"),
        (status = 429, description = "Too many within a day")))]
pub(super) async fn deny(
    State(pool): State<PgPool>,
    Path(id): Path<ClaimId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<NewDenial>,
) -> Result<Response, Stop> {
    account.require(Scope::Propose)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    let new = body.value;
    let writer = Writer::from(&account);
    let denial = rival::deny(&mut call.tx, id, writer, &new.sentence, &new.reason).await?;
    let claim = db::claims::find(&mut *call.tx, denial)
        .await?
        .ok_or_else(|| Error::missing("claim", denial))?;
    call.finish(StatusCode::CREATED, &Claim::from(claim)).await
}

/// Which rival an experiment tests, too.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChosenRival {
    /// An agreed rival of its claim; null for none.
    rival: Option<ClaimId>,
}

/// Let a proposal test a rival of its claim, too (its author): the same runs, and a verdict for each claim by a criterion of its
/// own.
#[utoipa::path(post, path = "/api/v1/experiments/{id}/rival", tag = "experiments", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = ChosenRival,
    responses((status = 200, body = Experiment), (status = 409, description = "Not proposed any more"),
        (status = 422, description = "No agreed rival, or a criterion that cannot test it")))]
pub(super) async fn choose(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<ChosenRival>,
) -> Result<Response, Stop> {
    account.require(Scope::Propose)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    rival::choose(&mut call.tx, id, account.id, body.value.rival).await?;
    experiments::done(call, id, &account).await
}
