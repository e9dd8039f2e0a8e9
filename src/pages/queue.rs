//! The public queue: what runs, what waits, and in which order; and what was ended by people.

pub mod cancelled;

use super::{Cache, html_page, show, stream as streams};
use crate::{
    address::Origin,
    db::{
        data_sets::{self, Availability},
        queue::{self, Control, Load, Waiting},
        runs::{self, Run},
        workers::{self, Crew},
    },
    error::{Error, Result},
    extract::Visit,
    redraws::Watched,
    render::{batch, filters, number, progress},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use futures_util::stream;
use std::{convert::Infallible, time::Duration};

/// Lines of each list.
const SHOWN: i64 = 200;

/// Shortest pause between two words of a stream: on a busy board something changes all the time.
const PAUSE: Duration = Duration::from_secs(2);

/// What changes while one looks.
#[derive(Debug, Template)]
#[template(path = "queue_live.html")]
struct Live {
    control: Control,
    counts: Load,
    running: Vec<Run>,
    waiting: Vec<Waiting>,
    data_sets: Availability,
    crew: Crew,
}

impl askama::filters::HtmlSafe for Live {}

#[derive(Debug, Template)]
#[template(path = "queue.html")]
struct Queue {
    visit: Visit,
    live: Live,
}

/// Where the queue stands, in a sentence that changes seldom: it is read out when it does.
pub(super) fn state_words(control: &Control, running: &i64, queued: &i64) -> &'static str {
    match (control.paused_at.is_some(), *running, *queued) {
        (true, _, _) => "The queue is paused.",
        (false, 0, 0) => "Nothing runs and nothing waits.",
        (false, 0, _) => "Runs wait, and none is under way.",
        (false, _, _) => "Runs are under way.",
    }
}

/// The queue.
pub async fn queue(State(state): State<AppState>, visit: Visit) -> Result<Response> {
    let live = live(&state).await?;
    show(&Queue { visit, live }, Cache::Fresh)
}

/// The part that changes, alone: what the page swaps in when the stream says so. It is the same for everybody.
pub async fn fragment(State(state): State<AppState>) -> Result<Response> {
    let draw = async { live(&state).await?.render().map_err(Error::from) };
    let html = state.redraws.share(Watched::Queue, draw).await?;
    Ok(html_page(StatusCode::OK, html.to_string(), Cache::Never))
}

async fn live(state: &AppState) -> Result<Live> {
    let pool = &state.pool;
    let waiting = queue::waiting(pool, None, SHOWN).await?;
    Ok(Live {
        control: queue::control(pool).await?,
        counts: queue::load(pool).await?,
        running: runs::running(pool, SHOWN).await?,
        data_sets: data_sets::of_waiting(pool, &waiting).await?,
        waiting,
        crew: workers::crew(pool).await?,
    })
}

/// `GET /queue/events`: says that the queue has moved on, and now and then that it may have.
pub async fn events(State(state): State<AppState>, origin: Origin) -> Result<Response> {
    let share = streams::place(&state, &origin)?;
    let changes = state.changes.subscribe();
    let watch = stream::unfold(
        (state, changes, share),
        |(state, mut changes, share)| async {
            streams::wait(&state, &mut changes, None).await?;
            tokio::time::sleep(PAUSE).await;
            // What else was announced meanwhile is in what is looked up now.
            changes = changes.resubscribe();
            Some((
                Ok::<_, Infallible>(streams::moved()),
                (state, changes, share),
            ))
        },
    );
    Ok(streams::answer(watch))
}
