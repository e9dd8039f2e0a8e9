//! Runs that people ended: who, when and why.

use crate::{
    db::cancelled::{self, Cancelled},
    error::Result,
    extract::{Query, Visit},
    pages::{Cache, show},
    render::filters,
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::id::RunId;
use serde::Deserialize;

/// Runs on one page.
const SHOWN: i64 = 100;

#[derive(Debug, Template)]
#[template(path = "queue_cancelled.html")]
struct Page {
    visit: Visit,
    runs: Vec<Cancelled>,
    /// Whether it is the first page.
    first: bool,
    older: Option<RunId>,
}

/// Where the list starts.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Start {
    before: Option<RunId>,
}

/// The list.
pub async fn list(
    State(state): State<AppState>,
    visit: Visit,
    Query(start): Query<Start>,
) -> Result<Response> {
    let mut runs = cancelled::newest(&state.pool, start.before, SHOWN + 1).await?;
    let more = runs.len() as i64 > SHOWN;
    runs.truncate(SHOWN as usize);
    let page = Page {
        visit,
        first: start.before.is_none(),
        older: runs.last().filter(|_| more).map(|last| last.run),
        runs,
    };
    show(&page, Cache::Fresh)
}
