//! Experiments and runs side by side.

use crate::compare::{self, Choice, Comparison, Group, Metric, Setting};
use crate::error::{Error, Result};
use crate::extract::Query;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use sqlx::PgPool;
use utoipa::ToSchema;

/// Groups of runs that differ in the seed alone, and what they are and measured, column by column.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Columns {
    /// The columns, at most 12.
    groups: Vec<Group>,
    /// What was measured.
    metrics: Vec<Metric>,
    /// Settings that differ between columns.
    differing: Vec<Setting>,
    /// Settings that do not.
    equal: Vec<Setting>,
    /// What of the choice is left out, and why.
    left_out: Vec<String>,
}

/// Compare experiments or runs: mean and spread of what was measured, and the settings, those that differ apart.
#[utoipa::path(get, path = "/api/v1/compare", tag = "experiments",
    params(("experiments" = Option<String>, Query, description = "Numbers of at most 6 experiments, with commas between them: all their arms"),
        ("runs" = Option<String>, Query, description = "Numbers of at most 100 runs"),
        ("by" = Option<String>, Query, description = "`run`: each run is a column of its own; else each group that differs in the seed alone")),
    responses((status = 200, body = Columns), (status = 400, description = "Nothing to compare"),
        (status = 404, description = "Something of it is not there, or sealed")))]
pub(super) async fn show(
    State(pool): State<PgPool>,
    Query(fields): Query<Vec<(String, String)>>,
) -> Result<Json<Columns>> {
    let found = found(&pool, &fields).await?;
    Ok(Json(Columns {
        groups: found.groups,
        metrics: found.metrics,
        differing: found.differing,
        equal: found.equal,
        left_out: found.left_out,
    }))
}

/// What the fields of a query ask to compare.
pub(super) async fn found(pool: &PgPool, fields: &[(String, String)]) -> Result<Comparison> {
    let choice = Choice::read(fields).map_err(Error::BadRequest)?;
    if choice.is_empty() {
        return Err(Error::BadRequest(
            "Name what to compare: ?experiments=1,2 or ?runs=1,2.".into(),
        ));
    }
    compare::compare(pool, &choice).await
}
