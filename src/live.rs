//! One listener on the database's change channel, spread to every open stream.

use crate::state::AppState;
use breakmywork_protocol::id::ExperimentId;
use sqlx::postgres::PgListener;
use std::time::Duration;
use tokio::sync::broadcast;

/// Channel on which the job table announces the id of a changed experiment.
pub const CHANNEL: &str = "breakmywork_changes";

/// Announcements a slow stream may fall behind before it is told to look anew.
const BACKLOG: usize = 256;

/// Pause before the listener connects again after the database went away.
const RECONNECT: Duration = Duration::from_secs(2);

/// Which experiment changed, for whoever wants to know.
#[derive(Debug, Clone)]
pub struct Changes(broadcast::Sender<ExperimentId>);

impl Changes {
    pub(crate) fn new() -> Self {
        Self(broadcast::channel(BACKLOG).0)
    }

    /// Announcements from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<ExperimentId> {
        self.0.subscribe()
    }

    /// Announces a change; nobody listening is fine.
    pub fn announce(&self, experiment: ExperimentId) {
        let _ = self.0.send(experiment);
    }
}

/// Listens until shutdown, through any number of lost connections.
///
/// Streams also poll slowly, so an announcement that is lost while the
/// connection is down delays a page and loses nothing.
pub async fn listen(state: AppState) {
    loop {
        tokio::select! {
            () = state.shutdown.cancelled() => return,
            end = relay(&state) => {
                if let Err(error) = end {
                    tracing::warn!(%error, "listening on {CHANNEL} ended, trying again");
                }
                tokio::time::sleep(RECONNECT).await;
            }
        }
    }
}

async fn relay(state: &AppState) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(&state.pool).await?;
    listener.listen(CHANNEL).await?;
    while let Some(note) = listener.try_recv().await? {
        if let Ok(id) = note.payload().parse() {
            state.changes.announce(id);
        }
    }
    Ok(())
}
