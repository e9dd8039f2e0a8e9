//! What an experiment costs, here and now.

use crate::auth::token::ApiAccount;
use crate::db::experiments as table;
use crate::error::{Error, Result};
use crate::extract::Path;
use crate::pace::Pace;
use axum::Json;
use axum::extract::State;
use breakmywork_protocol::id::ExperimentId;
use breakmywork_protocol::spec::Cost;
use sqlx::PgPool;

/// Show what all runs of an experiment cost: operations, and seconds on the workers that live now, by what runs took there
/// lately.
#[utoipa::path(get, path = "/api/v1/experiments/{id}/cost", tag = "experiments",
    params(("id" = i64, Path, description = "Key")),
    responses((status = 200, body = Cost), (status = 404, description = "No such experiment, or a sealed one")))]
pub(super) async fn show(
    State(pool): State<PgPool>,
    State(pace): State<Pace>,
    Path(id): Path<ExperimentId>,
    reader: Option<ApiAccount>,
) -> Result<Json<Cost>> {
    let experiment = table::find(&pool, id, reader.map(|reader| reader.id))
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    experiment.seen()?;
    let spec = experiment.parsed().map_err(Error::internal)?;
    Ok(Json(pace.board().cost(&spec)))
}
