//! The verdicts that members expected least, for the first page.

use crate::db::forecasts::{self, Seasoned, Surprise};
use crate::state::AppState;
use sqlx::PgPool;
use std::sync::{Arc, PoisonError, RwLock};

/// Fewer forecasters are no crowd.
const FORECASTERS: i64 = 3;
/// Whose forecasts count: accounts are made in a minute, and a record takes weeks.
const SEASONED: Seasoned = Seasoned {
    days: 7,
    resolved: 5,
    people: 3,
};
/// How many are shown.
const SHOWN: i64 = 3;

/// As they were looked up last; cheap to clone. It takes all forecasts to find them, so no page waits for that.
#[derive(Debug, Clone, Default)]
pub struct Surprises(Arc<RwLock<Arc<[Surprise]>>>);

impl Surprises {
    /// The greatest first; none before the first look.
    pub fn all(&self) -> Arc<[Surprise]> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks again.
    ///
    /// # Errors
    /// If the database is away; then what was seen before stays.
    pub async fn look(&self, pool: &PgPool) -> sqlx::Result<()> {
        let found = forecasts::surprises(pool, FORECASTERS, SEASONED, SHOWN).await?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = found.into();
        Ok(())
    }
}

/// Looks again, and says so if that fails.
pub async fn look_again(state: &AppState) {
    if let Err(error) = state.surprises.look(&state.pool).await {
        tracing::warn!("could not look for surprises: {error}");
    }
}
