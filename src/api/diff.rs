//! What an amendment changed.

use crate::auth::token::ApiAccount;
use crate::diff::{self, Change, Known, TextDiff};
use crate::error::Result;
use crate::extract::{Path, Query};
use axum::Json;
use axum::extract::State;
use breakmywork_protocol::id::ExperimentId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};

/// What changed from one experiment to a later one.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Diff {
    /// The experiment that is compared with.
    before: ExperimentId,
    /// The one that was asked for.
    after: ExperimentId,
    /// Why it amends `before`; null if it does not.
    amend_reason: Option<String>,
    /// What was known of `before` when `after` was registered; of a proposal, what is known now. nothing: none of its runs
    /// had begun; curves: runs were under way; runs: some had ended; everything: it was concluded.
    known: Known,
    /// When the first run of `before` began.
    first_run_began: Option<DateTime<Utc>>,
    /// When its first run ended with a result or a failure.
    first_run_ended: Option<DateTime<Utc>>,
    /// When it was concluded.
    concluded: Option<DateTime<Utc>>,
    /// When `after` was registered; null while it is a proposal.
    registered: Option<DateTime<Utc>>,
    /// Fields of the specification that differ, the criterion's first. Arms are matched by name.
    changes: Vec<Change>,
    /// Title, prediction and rationale, where they differ.
    texts: Vec<TextDiff>,
    /// What `before` amends in turn, the nearest first; at most 10.
    earlier: Vec<ExperimentId>,
}

/// With which other one.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Other {
    /// Another experiment on the same claim; else what it amends.
    with: Option<ExperimentId>,
}

/// Show what changed from the experiment that this one amends, or from another one on its claim.
#[utoipa::path(get, path = "/api/v1/experiments/{id}/diff", tag = "experiments",
    params(("id" = i64, Path, description = "Key"), Other),
    responses((status = 200, body = Diff), (status = 400, description = "The other one is on another claim"),
        (status = 404, description = "No such experiment, or it amends nothing and no other is named")))]
pub(super) async fn show(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
    Query(other): Query<Other>,
    reader: Option<ApiAccount>,
) -> Result<Json<Diff>> {
    let compared = diff::compare(&pool, id, other.with, reader.map(|reader| reader.id)).await?;
    let timing = compared.timing;
    Ok(Json(Diff {
        before: compared.before.id,
        after: compared.after.id,
        amend_reason: compared.after.amend_reason.filter(|_| compared.amends),
        known: timing.known,
        first_run_began: timing.first_run_began,
        first_run_ended: timing.first_run_ended,
        concluded: timing.concluded,
        registered: timing.registered,
        changes: compared.changes,
        texts: compared.texts,
        earlier: compared.earlier.into_iter().map(|one| one.id).collect(),
    }))
}
