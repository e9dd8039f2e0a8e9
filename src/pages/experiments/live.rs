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
    share::Share,
    state::AppState,
};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use breakmywork_protocol::id::ExperimentId;
use futures_util::{Stream, stream};
use std::{collections::VecDeque, convert::Infallible, time::Duration};
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// How long a browser waits before it connects again.
const RETRY: Duration = Duration::from_secs(3);

/// A comment now and then keeps proxies from closing the stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Looks at the table this often even without an announcement: those may get lost.
const POLL: Duration = Duration::from_secs(10);

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
    let share = state
        .streams
        .take(&origin)
        .ok_or_else(|| Error::TooMany {
            detail: "Too many pages with live updates are open from your address. Close some, or reload this one to see what is new.".to_owned(),
            retry_after: 60,
        })?;
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
    let stream = watch.stream();
    // A proxy that gathers or packs an answer before it passes it on would hold events back.
    let unbuffered = [
        (header::CACHE_CONTROL, "no-cache, no-transform"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let events = Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    Ok((unbuffered, events).into_response())
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
            let announced = self.wait().await?;
            // A database that is away ends the stream; the browser comes back.
            let events = events::after(&self.state.pool, self.visible, self.after, BATCH)
                .await
                .ok()?;
            if events.is_empty() && announced {
                return Some(Event::default().event("change").data("{}").retry(RETRY));
            }
            for event in events {
                self.after = event.id;
                self.over |= ["concluded", "withdrawn"].contains(&event.kind.as_str());
                self.waiting.push_back(sent(&event));
            }
        }
    }

    /// Until something may have happened: true if it was announced, none at shutdown.
    async fn wait(&mut self) -> Option<bool> {
        let shutdown = self.state.shutdown.clone();
        let poll = tokio::time::sleep(POLL);
        tokio::pin!(poll);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return None,
                () = &mut poll => return Some(false),
                change = self.changes.recv() => match change {
                    Ok(id) if id == self.visible.id() => return Some(true),
                    Ok(_) => {}
                    // Fell behind: look, whatever was missed.
                    Err(RecvError::Lagged(_)) => return Some(true),
                    Err(RecvError::Closed) => return None,
                },
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
