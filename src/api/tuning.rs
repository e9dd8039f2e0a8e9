//! What the arms of an experiment tried and chose before they were compared.

use crate::db::experiments as table;
use crate::error::{Error, Result};
use crate::extract::Path;
use crate::tuning::{self, ExperimentTuning};
use axum::Json;
use axum::extract::State;
use breakmywork_protocol::id::ExperimentId;
use sqlx::PgPool;

/// Show what each arm tried before it was compared, what it chose, and how flat its optimum is; null where nothing is tuned,
/// and before registration.
#[utoipa::path(get, path = "/api/v1/experiments/{id}/tuning", tag = "experiments",
    params(("id" = i64, Path, description = "Key")),
    responses((status = 200, body = Option<ExperimentTuning>), (status = 404, description = "No such experiment")))]
pub(super) async fn show(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
) -> Result<Json<Option<ExperimentTuning>>> {
    let experiment = table::find(&pool, id, None)
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    let visible = experiment.seen()?;
    let spec = experiment.parsed().map_err(Error::internal)?;
    let salt = experiment.seed_salt.as_deref();
    Ok(Json(tuning::of(&pool, visible, &spec, salt).await?))
}
