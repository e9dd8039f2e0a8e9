//! The map of what was tried of a claim.

use crate::db;
use crate::error::{Error, Result};
use crate::extract::{Path, Query};
use crate::scope_map::{self, Axis, Map, Spot, Square};
use axum::Json;
use axum::extract::State;
use breakmywork_protocol::id::{ClaimId, ExperimentId};
use breakmywork_protocol::scope::{Field, Value};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};

/// What was tried of a claim, over two fields of the specification.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ScopeMap {
    /// From left to right; null where nothing is registered.
    x: Option<Side>,
    /// From top to bottom.
    y: Option<Side>,
    /// A row for each value of `y`, with a square for each of `x`.
    rows: Vec<Vec<Place>>,
    /// Experiments that are in it.
    experiments: usize,
    /// Experiments whose values have no place of their own.
    left_out: usize,
    /// Whether there may be older ones: only the newest 500 of a claim are drawn.
    more: bool,
}

/// A side of the map.
#[derive(Debug, Serialize, ToSchema)]
struct Side {
    /// Which field.
    field: Field,
    /// Its values, in order.
    values: Vec<Values>,
}

/// A value, or neighbouring ones.
#[derive(Debug, Serialize, ToSchema)]
struct Values {
    /// The least.
    least: Value,
    /// The most; the least where it is one.
    most: Value,
    /// Whether the claim speaks about it.
    inside: bool,
}

/// A square of the map: the experiments there, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct Place {
    /// What weighs most of what was found: falsified, supported, inconclusive, under_way, untried or outside.
    state: &'static str,
    /// That support the claim.
    supported: Vec<ExperimentId>,
    /// That falsified its prediction.
    falsified: Vec<ExperimentId>,
    /// That told nothing.
    inconclusive: Vec<ExperimentId>,
    /// That have not ended.
    under_way: Vec<ExperimentId>,
    /// That do not move the claim: exploratory, disputed, outside what it speaks about, aborted or inadmissible.
    aside: Vec<ExperimentId>,
    /// Where the form for an experiment here is, prefilled; null where one was tried or the claim does not speak about it.
    propose: Option<String>,
}

impl From<&Axis> for Side {
    fn from(axis: &Axis) -> Self {
        let values = axis.places.iter().map(|place| Values {
            least: place.least.clone(),
            most: place.most.clone(),
            inside: place.inside,
        });
        Self {
            field: axis.field,
            values: values.collect(),
        }
    }
}

impl Place {
    fn new(square: Square, propose: Option<String>) -> Self {
        Self {
            state: square.state(),
            propose,
            supported: square.supported,
            falsified: square.falsified,
            inconclusive: square.inconclusive,
            under_way: square.under_way,
            aside: square.aside,
        }
    }
}

/// Which fields.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Sides {
    /// From left to right; if absent, a field over which the experiments vary most.
    x: Option<Field>,
    /// From top to bottom; likewise, and never the same.
    y: Option<Field>,
}

/// Show what was tried of a claim, over two fields.
#[utoipa::path(get, path = "/api/v1/claims/{id}/scope-map", tag = "works",
    params(("id" = i64, Path, description = "Key"), Sides),
    responses((status = 200, body = ScopeMap), (status = 404, description = "No such claim")))]
pub(super) async fn show(
    State(pool): State<PgPool>,
    Path(id): Path<ClaimId>,
    Query(sides): Query<Sides>,
) -> Result<Json<ScopeMap>> {
    let claim = db::claims::find(&pool, id)
        .await?
        .ok_or_else(|| Error::missing("claim", id))?;
    let tried = db::points::newest(&pool, id, scope_map::NEWEST).await?;
    let scope = claim.covers.0.into_inner();
    let map = scope.and_then(|scope| Map::new(&tried, &scope, sides.x, sides.y));
    let row = |spots: Vec<Spot<'_>>| {
        let places = spots.into_iter().map(|spot| {
            let start = spot.start;
            let propose = start.map(|start| format!("/experiments/new?claim={id}&{start}"));
            Place::new(spot.square.clone(), propose)
        });
        places.collect()
    };
    let rows = map.iter().flat_map(Map::lines);
    Ok(Json(ScopeMap {
        rows: rows.map(|(_, spots)| row(spots)).collect(),
        x: map.as_ref().map(|map| Side::from(&map.x)),
        y: map.as_ref().map(|map| Side::from(&map.y)),
        experiments: map.as_ref().map_or(0, |map| map.drawn),
        left_out: map.as_ref().map_or(0, |map| map.left_out),
        more: map.is_some_and(|map| map.more),
    }))
}
