//! The learning curves of an experiment, as they are drawn.

use crate::db::{curves, experiments};
use crate::error::{Error, Result};
use crate::extract::{Path, Query};
use axum::Json;
use axum::extract::State;
use breakmywork_protocol::id::{ExperimentId, RunId};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};

/// The learning curve of a run, thinned to a few points of each of 64 stretches, so that no spike is lost.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LearningCurve {
    /// Which run.
    run: RunId,
    /// Its arm.
    arm: String,
    /// Its seed.
    seed: i64,
    /// The metric.
    name: String,
    /// Optimizer steps, growing.
    steps: Vec<i32>,
    /// Values at those steps; null where it was no finite number.
    values: Vec<Option<f64>>,
}

/// Which of them.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Only those of this metric.
    name: Option<String>,
}

/// Show the learning curves of the runs that an experiment compares, thinned as on its page. Every point of a run is at
/// `/api/v1/runs/{id}/metrics`.
#[utoipa::path(get, path = "/api/v1/experiments/{id}/curves", tag = "experiments",
    params(("id" = i64, Path, description = "Key"), Which),
    responses((status = 200, body = Vec<LearningCurve>), (status = 404, description = "No such experiment, or it is sealed")))]
pub(super) async fn show(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
    Query(which): Query<Which>,
) -> Result<Json<Vec<LearningCurve>>> {
    let experiment = experiments::find(&pool, id, None)
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    let curves = curves::of_experiment(&pool, experiment.seen()?).await?;
    let asked = |name: &str| which.name.as_deref().is_none_or(|asked| asked == name);
    let shown = curves.into_iter().filter(|curve| asked(&curve.name));
    let shown = shown.map(|curve| LearningCurve {
        run: curve.run,
        arm: curve.arm,
        seed: curve.seed,
        name: curve.name,
        steps: curve.points.iter().map(|point| point.step).collect(),
        values: curve
            .points
            .iter()
            .map(|point| Some(point.value).filter(|value| value.is_finite()))
            .collect(),
    });
    Ok(Json(shown.collect()))
}
