//! Streams that tell an open page when to look again.

use crate::{
    address::Origin,
    error::{Error, Result},
    share::Share,
    state::AppState,
};
use axum::{
    http::{HeaderName, header},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use breakmywork_protocol::id::ExperimentId;
use futures_util::Stream;
use std::{convert::Infallible, time::Duration};
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// How long a browser waits before it connects again.
pub(super) const RETRY: Duration = Duration::from_secs(3);

/// A comment now and then keeps proxies from closing the stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Looks at the database this often even without an announcement: those may get lost.
const POLL: Duration = Duration::from_secs(10);

/// A place among the streams of an address, held as long as one is open.
///
/// # Errors
/// If that address has as many as it may.
pub(super) fn place(state: &AppState, origin: &Origin) -> Result<Share<Origin>> {
    state.streams.take(origin).ok_or_else(|| Error::TooMany {
        detail: "Too many pages with live updates are open from your address. Close some, or reload this one to see what is new.".to_owned(),
        retry_after: 60,
    })
}

/// Until something may have happened, to `experiment` or to any: true if it was announced, none at shutdown.
pub(super) async fn wait(
    state: &AppState,
    changes: &mut Receiver<ExperimentId>,
    experiment: Option<ExperimentId>,
) -> Option<bool> {
    let poll = tokio::time::sleep(POLL);
    tokio::pin!(poll);
    loop {
        tokio::select! {
            () = state.shutdown.cancelled() => return None,
            () = &mut poll => return Some(false),
            change = changes.recv() => match change {
                Ok(id) if experiment.is_none_or(|wanted| wanted == id) => return Some(true),
                Ok(_) => {}
                // Fell behind: look, whatever was missed.
                Err(RecvError::Lagged(_)) => return Some(true),
                Err(RecvError::Closed) => return None,
            },
        }
    }
}

/// Says that something has moved on; without an id, as there is no row to go on from.
pub(super) fn moved() -> Event {
    Event::default().event("change").data("{}").retry(RETRY)
}

/// The events as an answer. A proxy that gathers or packs an answer before it passes it on would hold them back.
pub(super) fn answer(
    events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static,
) -> Response {
    let unbuffered = [
        (header::CACHE_CONTROL, "no-cache, no-transform"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let events = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    (unbuffered, events).into_response()
}
