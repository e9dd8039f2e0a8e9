//! The public queue: what runs, what waits, and in which order.

use super::{Cache, show};
use crate::{
    db::{
        data_sets::{self, Availability},
        queue::{self, Control, Load, Waiting},
        runs::{self, Run},
        workers::{self, Crew},
    },
    error::Result,
    extract::Visit,
    render::{batch, filters, number, progress},
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
    counts: Load,
    running: Vec<Run>,
    waiting: Vec<Waiting>,
    data_sets: Availability,
    crew: Crew,
}

/// The queue.
pub async fn queue(State(state): State<AppState>, visit: Visit) -> Result<Response> {
    let pool = &state.pool;
    let waiting = queue::waiting(pool, None, SHOWN).await?;
    let page = Queue {
        visit,
        control: queue::control(pool).await?,
        counts: queue::load(pool).await?,
        running: runs::running(pool, SHOWN).await?,
        data_sets: data_sets::of_waiting(pool, &waiting).await?,
        waiting,
        crew: workers::crew(pool).await?,
    };
    show(&page, Cache::Fresh)
}
