//! Revisions: a claim narrowed, and what became of the experiments on the earlier one.

use super::body::Body;
use super::claims::Claim;
use super::idempotency::{self, Stop};
use super::page::{Cursor, Page};
use crate::auth::token::{ApiAccount, Scope};
use crate::board::Writer;
use crate::db;
use crate::error::{Error, Result};
use crate::extract::{Path, Query};
use crate::lineage;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::id::{ClaimId, ExperimentId};
use breakmywork_protocol::scope::{Narrower, Sorting};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::ToSchema;

/// A narrower claim.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRevision {
    /// The claim, in one sentence of at most 500 characters; another one than the earlier claim's.
    sentence: String,
    /// Where it is said to hold (Markdown), at most 5,000 characters. What counts is `narrower`.
    #[serde(default)]
    scope: String,
    /// Why the earlier claim is narrowed, in one line of 1 to 300 characters, for everybody to read.
    reason: String,
    /// Over what it speaks. Every field must lie within what the earlier claim speaks about, one of them must leave
    /// something out, and what falsified the earlier claim must lie outside.
    narrower: Narrower,
}

/// An experiment on the earlier claim, under the narrower one.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Resorted {
    /// The experiment.
    experiment: ExperimentId,
    /// still_applies: decided within the narrower scope, which its standing does not count; out_of_scope; must_rerun:
    /// within it, and undecided.
    sorting: Sorting,
    /// Why it does not apply.
    reasons: Vec<String>,
    /// Its verdict in a word, as it is now.
    outcome: Option<String>,
    /// Whether it challenges the earlier claim: open, confirmed or not_confirmed.
    challenge: Option<String>,
}

impl From<lineage::Resorted> for Resorted {
    fn from(resorted: lineage::Resorted) -> Self {
        Self {
            experiment: resorted.id,
            sorting: resorted.sorting,
            reasons: resorted.reasons,
            outcome: resorted.outcome,
            challenge: resorted.challenge,
        }
    }
}

/// Narrow a claim (who put it here, or a moderator): a new claim that says less and starts untested; the earlier one keeps
/// its standing.
#[utoipa::path(post, path = "/api/v1/claims/{id}/revisions", tag = "works", security(("token" = [])),
    params(("id" = i64, Path, description = "Key of the earlier claim"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = NewRevision,
    responses((status = 201, body = Claim), (status = 403, description = "Not the claim's author and no moderator"),
        (status = 404, description = "No such claim"), (status = 409, description = "No label is left, or the work has too many claims"),
        (status = 422, description = "Not narrower, reaching beyond the earlier claim, holding on to what falsified it, or a claim of that work already"),
        (status = 429, description = "Too many within a day")))]
pub(super) async fn revise(
    State(pool): State<PgPool>,
    Path(id): Path<ClaimId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<NewRevision>,
) -> Result<Response, Stop> {
    account.require(Scope::Propose)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    let claim = db::claims::find(&mut *call.tx, id)
        .await?
        .ok_or_else(|| Error::missing("claim", id))?;
    lineage::may_narrow(&claim, &account.name, account.acting().is_moderator())?;
    let new = body.value;
    let revision = lineage::Revision {
        sentence: new.sentence,
        scope: new.scope,
        reason: new.reason,
        to: new.narrower,
    };
    let (_, checked) = lineage::check(&mut call.tx, &claim, revision).await?;
    let checked = checked.map_err(Error::Invalid)?;
    let revision = lineage::revise(&mut call.tx, &claim, Writer::from(&account), &checked).await?;
    let made = db::claims::find(&mut *call.tx, revision)
        .await?
        .ok_or_else(|| Error::missing("claim", revision))?;
    call.finish(StatusCode::CREATED, &Claim::from(made)).await
}

/// List what a revision made of the experiments on the earlier claim; none of a claim that is no revision.
#[utoipa::path(get, path = "/api/v1/claims/{id}/resorted", tag = "works",
    params(("id" = i64, Path, description = "Key of the revision"), Cursor),
    responses((status = 200, body = Page<Resorted>), (status = 404, description = "No such claim")))]
pub(super) async fn resorted(
    State(pool): State<PgPool>,
    Path(id): Path<ClaimId>,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Resorted>> {
    let limit = cursor.limit()?;
    let before = ExperimentId(cursor.position()?.unwrap_or(i64::MAX));
    if db::claims::find(&pool, id).await?.is_none() {
        return Err(Error::missing("claim", id));
    }
    let resorted = db::lineage::resorted(&pool, id, before, limit + 1).await?;
    Ok(Page::cut(resorted, limit, |one| one.id.0, Resorted::from))
}
