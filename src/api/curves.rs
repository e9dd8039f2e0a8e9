//! Learning curves of an experiment or of what is compared, as they are drawn.

use crate::compare::{self, Group};
use crate::db::runs::Curve;
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

impl From<Curve> for LearningCurve {
    fn from(curve: Curve) -> Self {
        let finite = |value: f64| Some(value).filter(|value| value.is_finite());
        Self {
            run: curve.run,
            arm: curve.arm,
            seed: curve.seed,
            name: curve.name,
            steps: curve.points.iter().map(|point| point.step).collect(),
            values: curve
                .points
                .iter()
                .map(|point| finite(point.value))
                .collect(),
        }
    }
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
    Ok(Json(shown.map(LearningCurve::from).collect()))
}

/// A learning curve of what is compared.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ColumnCurve {
    /// What its column is called on the page: experiment, arm, and trial and seed where each is a column of its own.
    column: String,
    #[serde(flatten)]
    curve: LearningCurve,
}

/// Show the learning curves of experiments or runs that are compared, those of runs that have ended, thinned as on the page; of
/// columns with many runs those of the first.
#[utoipa::path(get, path = "/api/v1/compare/curves", tag = "experiments",
    params(("experiments" = Option<String>, Query, description = "Numbers of at most 6 experiments, with commas between them: all their arms"),
        ("runs" = Option<String>, Query, description = "Numbers of at most 100 runs"),
        ("by" = Option<String>, Query, description = "`run`: each run is a column of its own; else each group that differs in the seed alone"),
        Which),
    responses((status = 200, body = Vec<ColumnCurve>), (status = 400, description = "Nothing to compare"),
        (status = 404, description = "Something of it is not there, or sealed")))]
pub(super) async fn compared(
    State(pool): State<PgPool>,
    Query(fields): Query<Vec<(String, String)>>,
) -> Result<Json<Vec<ColumnCurve>>> {
    let found = super::compare::found(&pool, &fields).await?;
    let drawn = compare::curves(&pool, &found.groups).await?;
    let names: Vec<String> = found.groups.iter().map(Group::name).collect();
    let asked = fields.iter().find(|(field, _)| field == "name");
    let lines = drawn
        .lines
        .into_iter()
        .filter(|(_, curve)| asked.is_none_or(|(_, name)| *name == curve.name));
    let shown = lines.map(|(column, curve)| ColumnCurve {
        column: names[column].clone(),
        curve: curve.into(),
    });
    Ok(Json(shown.collect()))
}
