//! Who computes: the workers, what they run on and what they have done. No host is named.

use super::{Cache, show};
use crate::{
    db::workers::{self, Worker},
    error::Result,
    extract::Visit,
    render::{filters, time},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};

#[derive(Debug, Template)]
#[template(path = "workers.html")]
struct Workers {
    visit: Visit,
    workers: Vec<Worker>,
}

/// The list.
pub async fn list(State(state): State<AppState>, visit: Visit) -> Result<Response> {
    let workers = workers::recent(&state.pool).await?;
    show(&Workers { visit, workers }, Cache::Fresh)
}
