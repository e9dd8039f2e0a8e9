//! What the owner of the token follows.

use super::body::Body;
use super::idempotency::{self, Stop};
use super::page::{Cursor, Page};
use crate::auth::token::{ApiAccount, Scope};
use crate::db::follows::{self as table, Level, Subject};
use crate::db::works;
use crate::error::{Error, Result};
use crate::extract::Query;
use crate::following::{self, Wish};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::id::{ClaimId, ExperimentId, FollowId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};
use utoipa::ToSchema;

/// Something that is followed: an experiment, a claim or a work.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Followed {
    /// The experiment, if it is one.
    experiment: Option<ExperimentId>,
    /// The claim, if it is one.
    claim: Option<ClaimId>,
    /// The work's part of its address, if it is one.
    work: Option<String>,
    /// What it is called.
    title: String,
    /// all; verdicts (and what becomes of the claim) only; or muted: nothing, whatever else is followed.
    level: Level,
    /// Since when.
    since: DateTime<Utc>,
}

impl From<table::Followed> for Followed {
    fn from(followed: table::Followed) -> Self {
        Self {
            experiment: followed.experiment,
            claim: followed.claim,
            work: followed.work,
            title: followed.title,
            level: followed.level,
            since: followed.since,
        }
    }
}

/// List what the owner of the token follows, the latest first: by default what they proposed, and where they commented.
#[utoipa::path(get, path = "/api/v1/follows", tag = "following", security(("token" = [])),
    params(Cursor), responses((status = 200, body = Page<Followed>)))]
pub(super) async fn list(
    State(pool): State<PgPool>,
    account: ApiAccount,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Followed>> {
    let limit = cursor.limit()?;
    let before = FollowId(cursor.position()?.unwrap_or(i64::MAX));
    let rows = table::list(&pool, account.id, before, limit + 1).await?;
    Ok(Page::cut(rows, limit, |row| row.id.0, Followed::from))
}

/// What to follow, and how: one of `experiment`, `claim` and `work`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewFollow {
    /// An experiment.
    experiment: Option<ExperimentId>,
    /// A claim, and the verdicts on it.
    claim: Option<ClaimId>,
    /// A work, by its part of the address: the verdicts on its claims.
    work: Option<String>,
    /// all, verdicts, muted; or none, to follow it no longer.
    level: Wish,
}

/// How something is followed now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Following {
    /// all, verdicts or muted; null if it is not followed.
    level: Option<Level>,
}

impl NewFollow {
    async fn subject(&self, db: &mut PgConnection) -> Result<Subject> {
        match (self.experiment, self.claim, &self.work) {
            (Some(id), None, None) => Ok(Subject::Experiment(id)),
            (None, Some(id), None) => Ok(Subject::Claim(id)),
            (None, None, Some(slug)) => works::find(db, slug)
                .await?
                .map(|work| Subject::Work(work.id))
                .ok_or_else(|| Error::missing("work called", slug)),
            _ => Err(Error::field(
                "",
                "Name one thing to follow: `experiment`, `claim` or `work`.",
            )),
        }
    }
}

/// Follow an experiment, a claim or a work, or do so no longer.
#[utoipa::path(post, path = "/api/v1/follows", tag = "following", security(("token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = NewFollow,
    responses((status = 200, body = Following), (status = 404, description = "No such thing"),
        (status = 409, description = "Too many things are followed"),
        (status = 422, description = "Not one thing, or no such level")))]
pub(super) async fn set(
    State(pool): State<PgPool>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<NewFollow>,
) -> Result<Response, Stop> {
    account.require(Scope::Follow)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    let subject = body.value.subject(&mut call.tx).await?;
    following::follow(&mut call.tx, account.id, subject, body.value.level).await?;
    let level = table::level(&mut *call.tx, account.id, subject).await?;
    call.finish(StatusCode::OK, &Following { level }).await
}
