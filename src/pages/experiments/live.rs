//! The stream that tells an experiment's page when to look again.

use crate::{
    address::Origin,
    db::{
        events::{self, Event as RunEvent},
        experiments,
        visible::Visible,
    },
    error::{Error, Result},
    extract::{Path, Visit},
    pages::stream::{self as streams, RETRY},
    share::Share,
    state::AppState,
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response, sse::Event},
};
use breakmywork_protocol::id::ExperimentId;
use futures_util::{Stream, stream};
use std::{collections::VecDeque, convert::Infallible};
use tokio::sync::broadcast::Receiver;

/// Events sent at once after a long absence; the rest follows.
const BATCH: i64 = 200;

/// `GET /experiments/{id}/events`: server-sent events, resumed by `Last-Event-ID`.
///
/// Each event's id is that of the row in `run_event`; an event without an id
/// says that a run has moved on. 204 tells the browser that nothing more will come.
pub async fn stream(
    State(state): State<AppState>,
    origin: Origin,
    visit: Visit,
    Path(id): Path<ExperimentId>,
    headers: HeaderMap,
) -> Result<Response> {
    let share = streams::place(&state, &origin)?;
    // Before the first look, so that nothing falls in between.
    let changes = state.changes.subscribe();
    let experiment = experiments::find(&state.pool, id, visit.reader())
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    // What is open stays open, so whoever may watch it now may do so to the end.
    let visible = experiment.seen()?;
    let over = ["concluded", "withdrawn"].contains(&experiment.state.as_str());
    let last_seen = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let after = match last_seen {
        Some(after) => after,
        None => events::latest(&state.pool, visible).await?,
    };
    if over
        && events::after(&state.pool, visible, after, 1)
            .await?
            .is_empty()
    {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let watch = Watch {
        state,
        visible,
        changes,
        after,
        waiting: VecDeque::new(),
        over: false,
        _share: share,
    };
    Ok(streams::answer(watch.stream()))
}

struct Watch {
    state: AppState,
    visible: Visible,
    changes: Receiver<ExperimentId>,
    after: i64,
    waiting: VecDeque<Event>,
    over: bool,
    _share: Share<Origin>,
}

impl Watch {
    fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut watch| async move {
            let event = watch.next().await?;
            Some((Ok(event), watch))
        })
    }

    /// The next event; none when the stream ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.over {
                return None;
            }
            let id = self.visible.id();
            let announced = streams::wait(&self.state, &mut self.changes, Some(id)).await?;
            // A database that is away ends the stream; the browser comes back.
            let events = events::after(&self.state.pool, self.visible, self.after, BATCH)
                .await
                .ok()?;
            if events.is_empty() && announced {
                return Some(streams::moved());
            }
            for event in events {
                self.after = event.id;
                self.over |= ["concluded", "withdrawn"].contains(&event.kind.as_str());
                self.waiting.push_back(sent(&event));
            }
        }
    }
}

fn sent(event: &RunEvent) -> Event {
    let data = serde_json::json!({ "kind": event.kind, "run": event.run, "at": event.created_at });
    Event::default()
        .event("change")
        .id(event.id.to_string())
        .data(data.to_string())
        .retry(RETRY)
}
