//! One listener on the database's change channel, spread to every open stream.

use breakmywork_protocol::{id::ExperimentId, jobs::CHANGES_CHANNEL};
use sqlx::{PgPool, postgres::PgListener};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

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
pub async fn listen(pool: PgPool, changes: Changes, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            end = relay(&pool, &changes) => {
                if let Err(error) = end {
                    tracing::warn!(%error, "listening on {CHANGES_CHANNEL} ended, trying again");
                }
                tokio::time::sleep(RECONNECT).await;
            }
        }
    }
}

async fn relay(pool: &PgPool, changes: &Changes) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANGES_CHANNEL).await?;
    while let Some(note) = listener.try_recv().await? {
        if let Ok(id) = note.payload().parse() {
            changes.announce(id);
        }
    }
    Ok(())
}
