//! Claims.

use super::page::{Cursor, Page};
use crate::auth::token::ApiAccount;
use crate::db;
use crate::db::claims::Standing;
use crate::error::{Error, Result};
use crate::extract::{Path, Query};
use axum::Json;
use axum::extract::State;
use breakmywork_protocol::id::{ClaimId, ThreadId};
use breakmywork_protocol::scope::Scope;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};

/// A sentence about a work that could be false.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Claim {
    /// Key.
    id: ClaimId,
    /// The work it is about.
    work: String,
    /// Short name within the work.
    label: String,
    /// The claim.
    sentence: String,
    /// For what it is said to hold (Markdown).
    scope: String,
    /// Where in the work it is said; empty if nobody told.
    said_at: String,
    /// What was found elsewhere (Markdown).
    evidence: String,
    /// Its author, who accepts proposals as tests of it: the account that put it here, else whom a moderator named.
    author: Option<String>,
    /// The claim it narrows.
    revises: Option<ClaimId>,
    /// Why that one was narrowed.
    revision_reason: Option<String>,
    /// Over what it speaks and how small an effect counts; null where what is stored cannot be read. An experiment that
    /// lies outside does not move the standing.
    covers: Option<Scope>,
    /// Where it stands: untested, standing (it survived what was tried), challenged (a prediction of it was falsified, and
    /// the confirmation has not ended) or falsified (that was confirmed).
    standing: &'static str,
    /// Chance that one of the experiments that it survived would have falsified it, had there been no effect. A question counts
    /// once, with the mean over all attempts at it; who stopped n registered experiments on the claim adds an n-th.
    severity: f64,
    /// The experiment that challenges it.
    challenged_by: Option<i64>,
    /// The experiment whose falsification was confirmed.
    falsified_by: Option<i64>,
    /// The wider claim that this one fell with: the experiment is on that one, and lies in the scope of this one, too.
    falsified_with: Option<ClaimId>,
    /// Experiments by outcome.
    tally: Tally,
    /// shown to everybody; or waiting for a moderator, or declined by one: then only its author and moderators get it, and
    /// nothing tests it.
    moderation: String,
    /// What a moderator said of it.
    moderation_reason: Option<String>,
    /// Its last edit; 0 where there was none.
    version: i64,
    /// Its discussion.
    thread: ThreadId,
    /// When it came onto the board.
    created_at: DateTime<Utc>,
    /// Its page.
    url: String,
}

/// Experiments on a claim by outcome.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Tally {
    /// All but withdrawn ones, as far as they are counted: 1,001 stands for more than a thousand.
    experiments: i64,
    /// That supported it.
    supported: i64,
    /// That falsified a prediction of it.
    falsified: i64,
    /// That told nothing.
    inconclusive: i64,
    /// That would have moved it, and that their authors stopped after they were registered.
    stopped: i64,
    /// That are registered or running, of the newest thousand.
    open: i64,
}

impl From<db::claims::Claim> for Claim {
    fn from(claim: db::claims::Claim) -> Self {
        Self {
            id: claim.id,
            standing: match claim.standing() {
                Standing::Untested => "untested",
                Standing::Standing(_) => "standing",
                Standing::Challenged => "challenged",
                Standing::Falsified => "falsified",
            },
            severity: claim.severity,
            challenged_by: claim.challenged_by,
            falsified_by: claim.fell_by,
            falsified_with: claim.fell_with,
            covers: claim.covers.0.into_inner(),
            url: format!("/claims/{}", claim.id),
            work: claim.work_slug,
            label: claim.label,
            sentence: claim.sentence,
            scope: claim.scope,
            said_at: claim.said_at,
            evidence: claim.evidence,
            moderation: claim.moderation,
            moderation_reason: claim.moderation_reason,
            version: claim.version,
            author: claim.author.or(claim.named_author),
            revises: claim.revises,
            revision_reason: claim.revision_reason,
            tally: Tally {
                experiments: claim.experiments,
                supported: claim.supported,
                falsified: claim.falsified,
                inconclusive: claim.inconclusive,
                stopped: claim.stopped,
                open: claim.open,
            },
            thread: claim.thread,
            created_at: claim.created_at,
        }
    }
}

/// Which claims.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ClaimFilter {
    /// Of this work only.
    work: Option<String>,
    /// With this label only; without `work` there may be one in each work.
    label: Option<String>,
    /// number, or severity: those that survived tests, the severest first, of all works and labels.
    #[serde(default)]
    order: ClaimOrder,
}

/// In which order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ClaimOrder {
    /// All of them by their numbers.
    #[default]
    Number,
    /// Those that survived tests, the severest first.
    Severity,
}

/// List claims, in the order of their numbers, or those that survived the severest tests first.
#[utoipa::path(get, path = "/api/v1/claims", tag = "works", params(ClaimFilter, Cursor),
    responses((status = 200, body = Page<Claim>), (status = 404, description = "No such work"),
        (status = 422, description = "By severity, of one work or label")))]
pub(super) async fn list(
    State(pool): State<PgPool>,
    account: Option<ApiAccount>,
    Query(filter): Query<ClaimFilter>,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Claim>> {
    let reader = account.as_ref().into();
    let limit = cursor.limit()?;
    if filter.order == ClaimOrder::Severity {
        if filter.work.is_some() || filter.label.is_some() {
            return Err(Error::field(
                "/order",
                "By severity all claims are listed together: leave `work` and `label` out.",
            ));
        }
        let behind = cursor.position()?.map(ClaimId);
        let claims = db::claims::by_severity(&pool, behind, limit + 1).await?;
        return Ok(Page::cut(claims, limit, |claim| claim.id.0, Claim::from));
    }
    let after = ClaimId(cursor.position()?.unwrap_or(0));
    let label = filter.label.as_deref();
    let claims = match filter.work {
        None => db::claims::after(&pool, after, label, limit + 1).await?,
        Some(slug) => {
            let work = db::works::seen(&pool, &slug, reader)
                .await?
                .ok_or_else(|| Error::missing("work", &slug))?;
            db::claims::of_work_after(&pool, work.id, reader, after, label, limit + 1).await?
        }
    };
    Ok(Page::cut(claims, limit, |claim| claim.id.0, Claim::from))
}

/// Show a claim.
#[utoipa::path(get, path = "/api/v1/claims/{id}", tag = "works",
    params(("id" = i64, Path, description = "Key")),
    responses((status = 200, body = Claim), (status = 404, description = "No such claim")))]
pub(super) async fn show(
    State(pool): State<PgPool>,
    Path(id): Path<ClaimId>,
    account: Option<ApiAccount>,
) -> Result<Json<Claim>> {
    let claim = db::claims::seen(&pool, id, account.as_ref().into())
        .await?
        .ok_or_else(|| Error::missing("claim", id))?;
    Ok(Json(claim.into()))
}
