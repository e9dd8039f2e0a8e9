//! Serves the site on a socket until it is told to stop.

use crate::chores::{self, Chores};
use crate::state::AppState;
use crate::{app, live};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Open requests get this long to finish. Live streams end at once, by themselves.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves until `state.shutdown` is cancelled, then stops accepting and lets open requests finish, but not for ever.
///
/// # Errors
/// If the socket fails.
pub async fn serve(listener: TcpListener, state: AppState, chores: Chores) -> io::Result<()> {
    // Dropped at the end, which ends what has not ended by itself.
    let mut background = JoinSet::new();
    background.spawn(live::listen(state.clone()));
    background.spawn(chores::run(state.clone(), chores));

    let shutdown = state.shutdown.clone();
    // The rate limits need the address of the peer.
    let service = app(state).into_make_service_with_connect_info::<SocketAddr>();
    let server =
        axum::serve(listener, service).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    let drained = async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN_TIMEOUT).await;
    };
    tokio::select! {
        result = server => result,
        () = drained => {
            tracing::warn!("requests were still open after {} s and were dropped", DRAIN_TIMEOUT.as_secs());
            Ok(())
        }
    }
}
