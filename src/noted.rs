//! Where the record ends, as the foot of every page says: whoever keeps a page keeps an anchor of the record with it.

use crate::state::AppState;
use breakmywork_protocol::record::{self, Head};
use sqlx::PgPool;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Lines of the log that tell of a new head are at least that far apart.
const LOGGED_EVERY: Duration = Duration::from_secs(60 * 60);

/// The head as it was seen last; cheap to clone. Pages need no query of their own.
#[derive(Debug, Clone, Default)]
pub struct Noted(Arc<RwLock<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    head: Option<Head>,
    logged: Option<(Head, Instant)>,
}

impl Noted {
    /// The head as it was seen last; none before the first look.
    pub fn head(&self) -> Option<Head> {
        let seen = self.0.read().unwrap_or_else(PoisonError::into_inner);
        seen.head.clone()
    }

    /// Looks again. Once an hour at most the log is told, so that it holds anchors, too.
    ///
    /// # Errors
    /// If the database is away; then what was seen before stays.
    pub async fn look(&self, pool: &PgPool) -> sqlx::Result<()> {
        let head = record::head(pool).await?;
        let mut seen = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let told = seen
            .logged
            .as_ref()
            .is_some_and(|(logged, when)| *logged == head || when.elapsed() < LOGGED_EVERY);
        if !told && head.seq > 0 {
            tracing::info!("the record ends with {head}");
            seen.logged = Some((head.clone(), Instant::now()));
        }
        seen.head = Some(head);
        Ok(())
    }
}

/// Looks again, and says so if that fails.
pub async fn look_again(state: &AppState) {
    if let Err(error) = state.noted.look(&state.pool).await {
        tracing::warn!("could not look where the record ends: {error}");
    }
}
