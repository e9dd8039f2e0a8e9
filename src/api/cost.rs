//! What an experiment costs, here and now.

use super::runs::WaitingFor;
use crate::auth::token::ApiAccount;
use crate::db::{data_sets, experiments as table};
use crate::error::{Error, Result};
use crate::extract::Path;
use crate::pace::Pace;
use axum::Json;
use axum::extract::State;
use breakmywork_protocol::id::ExperimentId;
use breakmywork_protocol::spec::Cost;
use serde::Serialize;
use sqlx::PgPool;
use utoipa::ToSchema;

/// What all runs of an experiment cost, and what they would wait for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExperimentCost {
    #[serde(flatten)]
    cost: Cost,
    /// Data sets that its arms need and that no live worker has, with what adds each.
    missing_data_sets: Vec<WaitingFor>,
}

/// Show what all runs of an experiment cost: operations, and seconds on the workers that live now, by what runs took there
/// lately; and the data sets that none of them has.
#[utoipa::path(get, path = "/api/v1/experiments/{id}/cost", tag = "experiments",
    params(("id" = i64, Path, description = "Key")),
    responses((status = 200, body = ExperimentCost), (status = 404, description = "No such experiment, or a sealed one")))]
pub(super) async fn show(
    State(pool): State<PgPool>,
    State(pace): State<Pace>,
    Path(id): Path<ExperimentId>,
    reader: Option<ApiAccount>,
) -> Result<Json<ExperimentCost>> {
    let experiment = table::find(&pool, id, reader.map(|reader| reader.id))
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    experiment.seen()?;
    let spec = experiment.parsed().map_err(Error::internal)?;
    let needed = spec
        .arms
        .iter()
        .filter_map(|arm| arm.setup.task.data.as_deref());
    let missing = data_sets::availability(&pool, needed).await?.missing();
    Ok(Json(ExperimentCost {
        cost: pace.board().cost(&spec),
        missing_data_sets: missing.into_iter().map(WaitingFor::from).collect(),
    }))
}
