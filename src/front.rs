//! What the first page shows and takes long to find or to draw: looked up aside, so that no page waits for it.

use crate::{db::claims, error::Result, state::AppState};
use breakmywork_protocol::id::{ClaimId, ExperimentId};
use sqlx::PgPool;
use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

/// Claims that are shown.
const CLAIMS: i64 = 4;
/// A picture of what runs may be that old before it is drawn again.
const FRESH: Duration = Duration::from_secs(2);
/// Pictures that are held at once.
const HELD: usize = 16;

/// What was found and drawn last; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Front {
    claims: Arc<RwLock<Option<Arc<[ClaimId]>>>>,
    pulses: Arc<Mutex<HashMap<ExperimentId, Pulse>>>,
}

/// A picture of what runs.
#[derive(Debug, Clone)]
struct Pulse {
    page: Arc<str>,
    drawn: Instant,
    /// Whether somebody draws it again.
    underway: bool,
}

impl Front {
    /// The claims that survived the severest tests, and behind them those that are tried most, as they were found last; how
    /// each stands is for its reader to ask.
    ///
    /// # Errors
    /// If nobody looked before, and the database is away.
    pub async fn claims(&self, pool: &PgPool) -> sqlx::Result<Arc<[ClaimId]>> {
        let known = self
            .claims
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match known {
            Some(known) => Ok(known),
            None => self.look(pool).await,
        }
    }

    /// Looks again.
    ///
    /// # Errors
    /// If the database is away; then what was found before stays.
    pub async fn look(&self, pool: &PgPool) -> sqlx::Result<Arc<[ClaimId]>> {
        let found = claims::severest(pool, CLAIMS).await?;
        let found: Arc<[ClaimId]> = found.iter().map(|claim| claim.id).collect();
        *self.claims.write().unwrap_or_else(PoisonError::into_inner) = Some(found.clone());
        Ok(found)
    }

    /// A picture of a running experiment: as it was drawn last, while `draw` makes the next one if that is old.
    ///
    /// # Errors
    /// As `draw`, if there is none yet.
    pub async fn pulse<F>(&self, experiment: ExperimentId, draw: F) -> Result<Arc<str>>
    where
        F: Future<Output = Result<String>> + Send + 'static,
    {
        let known = {
            let mut pulses = self.lock();
            pulses.get_mut(&experiment).map(|pulse| {
                let old = pulse.drawn.elapsed() > FRESH && !pulse.underway;
                pulse.underway |= old;
                (pulse.page.clone(), old)
            })
        };
        let Some((page, old)) = known else {
            let page = draw.await?.into();
            self.keep(experiment, Arc::clone(&page));
            return Ok(page);
        };
        if old {
            let front = self.clone();
            tokio::spawn(async move {
                match draw.await {
                    Ok(page) => front.keep(experiment, page.into()),
                    // Drawn anew when it is asked for next.
                    Err(_) => drop(front.lock().remove(&experiment)),
                }
            });
        }
        Ok(page)
    }

    fn keep(&self, experiment: ExperimentId, page: Arc<str>) {
        let mut pulses = self.lock();
        if pulses.len() >= HELD {
            pulses.clear();
        }
        let pulse = Pulse {
            page,
            drawn: Instant::now(),
            underway: false,
        };
        pulses.insert(experiment, pulse);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ExperimentId, Pulse>> {
        self.pulses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks again, and says so if that fails.
pub async fn look_again(state: &AppState) {
    if let Err(error) = state.front.look(&state.pool).await {
        tracing::warn!("could not look for the severest tests: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[tokio::test]
    async fn a_picture_is_shown_at_once_and_drawn_again_aside() {
        let front = Front::default();
        let id = ExperimentId(1);
        let drawn = |text: &'static str| async move { Ok(text.to_owned()) };
        let shown = async |text| front.pulse(id, drawn(text)).await.expect("a page");
        assert_eq!(&*shown("first").await, "first");
        assert_eq!(&*shown("second").await, "first", "it is fresh");
        let ago = Instant::now() - FRESH * 2;
        front.lock().get_mut(&id).expect("held").drawn = ago;
        assert_eq!(&*shown("third").await, "first", "nobody waits");
        while front.lock().get(&id).is_none_or(|pulse| pulse.underway) {
            tokio::task::yield_now().await;
        }
        assert_eq!(&*shown("fourth").await, "third");
        let other = front.pulse(ExperimentId(2), async {
            Err(Error::missing("experiment", 2))
        });
        assert!(other.await.is_err());
    }
}
