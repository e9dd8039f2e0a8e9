//! The author of a claim accepts proposals as tests of it, or declines; which ones wait; and who that author is.

use super::body::Body;
use super::claims::Claim;
use super::experiments::{self, Experiment};
use super::idempotency::{self, Stop};
use super::moderation::moderating;
use super::page::{Cursor, Page};
use crate::acceptance::{self, Said};
use crate::auth::token::{ApiAccount, Scope};
use crate::db::{self, acceptance as table, accounts};
use crate::error::{Error, Result};
use crate::extract::{Path, Query};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::id::{ClaimId, ExperimentId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::ToSchema;

/// Whether the author of a claim has accepted an experiment as a test of it. Nothing follows from it for verdict and standing.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Acceptance {
    /// The claim.
    claim: ClaimId,
    /// own: by the claim's author; accepted or declined: by that person, before it was registered; unilateral: neither. Of a
    /// registered experiment it is fixed; of a confirmation it is that of what it repeats. Null of exploratory experiments, and
    /// where it was registered before a test could be accepted. Each claim of one that tests a rival, too, has its own.
    status: Option<String>,
    /// The claim's author today, if an account on the board is.
    claim_author: Option<String>,
    /// SHA-256 of the proposal as it stands, which an answer names: of the canonical JSON of `claim`, `prediction`, `rationale`,
    /// `spec` and `title`, and of `rival` where it names one. Null of the test of a rival, of which nobody is asked apart: that of
    /// the experiment whose runs it shares was answered.
    proposal_sha256: Option<String>,
    /// The last answer.
    answer: Option<Answered>,
}

/// What a claim's author answered to a proposal.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Answered {
    /// Who.
    by: String,
    /// Whether it was accepted as a test.
    accepts: bool,
    /// What was said with it.
    words: Option<String>,
    /// SHA-256 of the proposal that was answered.
    proposal_sha256: String,
    /// When.
    at: DateTime<Utc>,
    /// When the proposal was changed after that, so that the answer counts no more.
    lapsed_at: Option<DateTime<Utc>>,
}

impl Acceptance {
    /// As it is of one of the claims that an experiment tests; its author answers to what has that hash, if anybody is asked.
    pub(super) fn of(
        experiment: &db::experiments::Experiment,
        asked: &db::experiments::Acceptance,
        proposal_sha256: Option<&str>,
    ) -> Self {
        Self {
            claim: asked.claim,
            status: asked.status.clone().filter(|_| !experiment.exploratory),
            claim_author: asked.author.clone(),
            proposal_sha256: proposal_sha256.map(str::to_owned),
            answer: asked.answer.clone().map(|answer| Answered {
                by: answer.by,
                accepts: answer.accepts,
                words: answer.words,
                proposal_sha256: answer.proposal_sha256,
                at: answer.answered_at,
                lapsed_at: answer.lapsed_at,
            }),
        }
    }
}

/// An answer to a proposal.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAnswer {
    /// Whether it is accepted as a test of the claim.
    accepts: bool,
    /// What to say with it, in one line of at most 300 characters, for everybody to read; needed to decline.
    #[serde(default)]
    words: String,
    /// `acceptance.proposal_sha256` of the proposal that was read.
    proposal_sha256: String,
    /// For which claim: the experiment's own, or the rival that it tests, too. Its own, if left out.
    #[serde(default)]
    claim: Option<ClaimId>,
}

/// Accept a proposal as a test of one's claim, or decline (the claim's author), until it is registered.
#[utoipa::path(post, path = "/api/v1/experiments/{id}/answer", tag = "experiments", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = NewAnswer,
    responses((status = 200, body = Experiment), (status = 403, description = "Not the claim's author"),
        (status = 409, description = "Changed since it was read, not proposed any more, or the claim's author's own"),
        (status = 422, description = "Declined without a reason, or for a claim that it does not test")))]
pub(super) async fn answer(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<NewAnswer>,
) -> Result<Response, Stop> {
    account.require(Scope::Propose)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    let new = body.value;
    let said = Said {
        claim: new.claim,
        accepts: new.accepts,
        words: &new.words,
        proposal_sha256: &new.proposal_sha256,
    };
    acceptance::answer(&mut call.tx, id, account.id, said).await?;
    experiments::done(call, id, &account).await
}

/// List the proposals that test a person's claims and wait for an answer, newest first: never answered, or changed after it.
#[utoipa::path(get, path = "/api/v1/people/{name}/unanswered", tag = "experiments",
    params(("name" = String, Path, description = "Public name"), Cursor),
    responses((status = 200, body = Page<Experiment>), (status = 404, description = "No such person")))]
pub(super) async fn unanswered(
    State(pool): State<PgPool>,
    Path(name): Path<String>,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Experiment>> {
    let limit = cursor.limit()?;
    let person = accounts::find(&pool, &name)
        .await?
        .ok_or_else(|| Error::missing("person called", &name))?;
    let before = ExperimentId(cursor.position()?.unwrap_or(i64::MAX));
    // A proposal waits for somebody twice at most: for a claim of theirs, and for its rival.
    let waiting = table::waiting(&pool, person.id, None, before, 2 * (limit + 1)).await?;
    let mut ids: Vec<ExperimentId> = waiting.into_iter().map(|waiting| waiting.id).collect();
    ids.dedup();
    ids.truncate(usize::try_from(limit + 1).unwrap_or(usize::MAX));
    let rows = db::experiments::all_of(&pool, &ids).await?;
    Ok(Page::cut(rows, limit, |row| row.id.0, Experiment::from))
}

/// Whose a claim is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAuthor {
    /// The public name of an account; null for nobody again.
    author: Option<String>,
    /// Why, in one line of 1 to 300 characters, for everybody to read.
    reason: String,
}

/// Name the author of a claim that no account put on the board (moderator): who then accepts proposals as tests of it.
#[utoipa::path(post, path = "/api/v1/claims/{id}/author", tag = "works", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = NewAuthor,
    responses((status = 200, body = Claim), (status = 403, description = "Not a moderator"),
        (status = 409, description = "An account put it on the board, or it is so already"),
        (status = 422, description = "No such person, or no reason")))]
pub(super) async fn name_author(
    State(pool): State<PgPool>,
    Path(id): Path<ClaimId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<NewAuthor>,
) -> Result<Response, Stop> {
    let mut call = moderating(&pool, &account, &headers, &body.fingerprint).await?;
    let new = body.value;
    let author = new.author.unwrap_or_default();
    acceptance::name_author(&mut call.tx, id, account.id, &author, &new.reason).await?;
    let claim = db::claims::find(&mut *call.tx, id)
        .await?
        .ok_or_else(|| Error::missing("claim", id))?;
    call.finish(StatusCode::OK, &Claim::from(claim)).await
}
