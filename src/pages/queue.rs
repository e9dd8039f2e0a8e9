//! The public queue: what runs, what waits, and in which order.

use super::{Cache, show};
use crate::{
    db::{
        queue::{self, Control, Counts, Waiting},
        runs::{self, Run},
    },
    error::Result,
    extract::Visit,
    render::{filters, number},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};

/// Lines of each list.
const SHOWN: i64 = 200;

#[derive(Debug, Template)]
#[template(path = "queue.html")]
struct Queue {
    visit: Visit,
    control: Control,
    counts: Counts,
    running: Vec<Run>,
    waiting: Vec<Waiting>,
    workers: usize,
}

/// The queue.
pub async fn queue(State(state): State<AppState>, visit: Visit) -> Result<Response> {
    let pool = &state.pool;
    let workers = queue::workers(pool).await?;
    let page = Queue {
        visit,
        control: queue::control(pool).await?,
        counts: queue::counts(pool).await?,
        running: runs::running(pool, SHOWN).await?,
        waiting: queue::waiting(pool, None, SHOWN).await?,
        workers: workers
            .iter()
            .filter(|worker| worker.stopped_at.is_none())
            .count(),
    };
    show(&page, Cache::Fresh)
}
