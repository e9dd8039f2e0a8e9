//! How a search for settings at which a claim fails goes, or what it came to.

use crate::db::{experiments, search as table};
use crate::error::{Error, Result};
use crate::extract::Path;
use crate::search;
use axum::Json;
use axum::extract::State;
use breakmywork_protocol::id::ExperimentId;
use breakmywork_protocol::search::Course;
use serde::Serialize;
use sqlx::PgPool;
use utoipa::ToSchema;

/// A search, stage by stage.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SearchState {
    /// Its stages that have ended, and what was found. Null of what is no registered search, and where it was stopped, given up or
    /// cannot be read.
    course: Option<Course>,
    /// The experiment that was proposed at the counterexample: an ordinary one, which its author may register. Null until the
    /// search has ended, where nothing was found, and where its author had too many open proposals.
    proposed: Option<ExperimentId>,
}

/// Show how a search goes, or what it came to. Nothing in it counts for or against the claim.
#[utoipa::path(get, path = "/api/v1/experiments/{id}/search", tag = "experiments",
    params(("id" = i64, Path, description = "Key")),
    responses((status = 200, body = SearchState), (status = 404, description = "No such experiment")))]
pub(super) async fn show(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
) -> Result<Json<SearchState>> {
    let experiment = experiments::find(&pool, id, None)
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    experiment.seen()?;
    let result = table::result(&pool, id).await?;
    Ok(Json(SearchState {
        course: search::course(&pool, &experiment, result.as_ref()).await?,
        proposed: result.and_then(|result| result.proposed),
    }))
}
