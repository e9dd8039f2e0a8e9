//! The queue as admins run it: watch, cancel, retry, pause, resume. Each act has a reason, which everybody can read.

use crate::reason;
use crate::{
    db::{
        data_sets::{self, Availability},
        events::{self, Event},
        queue::{self, Control, Counts},
        runs::{self, Run},
        stalled::{self, Stalled},
        workers::{self, Worker},
    },
    error::Result,
    extract::{Admin, Form, Path, Visit},
    pages::{Cache, see_other, show},
    render::{badge, batch, filters, number, progress},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::{
    id::{ExperimentId, RunId},
    jobs,
};
use serde::Deserialize;

/// Lines of each list.
const SHOWN: i64 = 100;

#[derive(Debug, Template)]
#[template(path = "admin_queue.html")]
struct AdminQueue {
    visit: Visit,
    live: Live,
}

/// What changes while one looks.
#[derive(Debug, Template)]
#[template(path = "admin_queue_live.html")]
struct Live {
    control: Control,
    counts: Counts,
    running: Vec<Run>,
    failed: Vec<Run>,
    stalled: Vec<Stalled>,
    waiting: Vec<queue::Waiting>,
    data_sets: Availability,
    workers: Vec<Worker>,
    events: Vec<Event>,
}

impl askama::filters::HtmlSafe for Live {}

/// Longest text of one particular; hashes are cut.
const PARTICULAR_CHARS: usize = 60;

/// What an event says beyond its kind, in words.
fn particulars(data: &serde_json::Value) -> String {
    let parts: Vec<String> = data
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            let cut: String = text.chars().take(PARTICULAR_CHARS).collect();
            let more = if cut.len() < text.len() { "…" } else { "" };
            format!("{} {cut}{more}", key.replace('_', " "))
        })
        .collect();
    parts.join(", ")
}

/// The page.
pub async fn page(State(state): State<AppState>, visit: Visit, _: Admin) -> Result<Response> {
    let live = live(&state).await?;
    show(&AdminQueue { visit, live }, Cache::Never)
}

/// The part that changes, alone: what the page swaps in when the stream of the queue says so.
pub async fn fragment(State(state): State<AppState>, _: Admin) -> Result<Response> {
    show(&live(&state).await?, Cache::Never)
}

async fn live(state: &AppState) -> Result<Live> {
    let pool = &state.pool;
    let waiting = queue::waiting(pool, None, SHOWN).await?;
    Ok(Live {
        control: queue::control(pool).await?,
        counts: queue::counts(pool).await?,
        running: runs::running_for_admins(pool, SHOWN).await?,
        failed: runs::failed_for_admins(pool, SHOWN).await?,
        stalled: stalled::list(pool, SHOWN).await?,
        data_sets: data_sets::of_waiting(pool, &waiting).await?,
        waiting,
        workers: workers::recent(pool).await?,
        events: events::recent(pool, SHOWN).await?,
    })
}

/// Why.
#[derive(Debug, Deserialize)]
pub struct Why {
    #[serde(default)]
    reason: String,
}

const BACK: &str = "/admin/queue";

/// Cancels a run.
pub async fn cancel(
    State(state): State<AppState>,
    Admin(viewer): Admin,
    Path(id): Path<RunId>,
    Form(why): Form<Why>,
) -> Result<Response> {
    let reason = reason::checked(&why.reason)?;
    let mut tx = state.pool.begin().await?;
    jobs::cancel(&mut tx, id, viewer.id, &reason).await?;
    tx.commit().await?;
    Ok(see_other(BACK))
}

/// Queues a failed or cancelled run again.
pub async fn retry(
    State(state): State<AppState>,
    Admin(viewer): Admin,
    Path(id): Path<RunId>,
    Form(why): Form<Why>,
) -> Result<Response> {
    let reason = reason::checked(&why.reason)?;
    let mut tx = state.pool.begin().await?;
    jobs::retry(&mut tx, id, viewer.id, &reason).await?;
    tx.commit().await?;
    Ok(see_other(BACK))
}

/// Queues every failed run of a stalled experiment again.
pub async fn retry_failed(
    State(state): State<AppState>,
    Admin(viewer): Admin,
    Path(id): Path<ExperimentId>,
    Form(why): Form<Why>,
) -> Result<Response> {
    let reason = reason::checked(&why.reason)?;
    let mut tx = state.pool.begin().await?;
    let runs = jobs::retry_failed(&mut tx, id, viewer.id, &reason).await?;
    tx.commit().await?;
    tracing::info!(experiment = %id, account = %viewer.id, runs, "a stalled experiment is tried again");
    Ok(see_other(&format!("/experiments/{id}")))
}

/// Ends a stalled experiment as aborted.
pub async fn give_up(
    State(state): State<AppState>,
    Admin(viewer): Admin,
    Path(id): Path<ExperimentId>,
    Form(why): Form<Why>,
) -> Result<Response> {
    let reason = reason::checked(&why.reason)?;
    let mut tx = state.pool.begin().await?;
    jobs::give_up(&mut tx, id, viewer.id, &reason).await?;
    tx.commit().await?;
    tracing::info!(experiment = %id, account = %viewer.id, "a stalled experiment is given up");
    Ok(see_other(&format!("/experiments/{id}")))
}

/// Stops handing out runs.
pub async fn pause(
    State(state): State<AppState>,
    Admin(viewer): Admin,
    Form(why): Form<Why>,
) -> Result<Response> {
    let reason = reason::checked(&why.reason)?;
    let mut tx = state.pool.begin().await?;
    jobs::pause(&mut tx, viewer.id, &reason).await?;
    tx.commit().await?;
    Ok(see_other(BACK))
}

/// Hands out runs again.
pub async fn resume(State(state): State<AppState>, Admin(viewer): Admin) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    jobs::resume(&mut tx, viewer.id).await?;
    tx.commit().await?;
    Ok(see_other(BACK))
}
