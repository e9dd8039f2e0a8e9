//! Redraws of what changes, shared by all who watch: at most one a moment for each thing that is watched.

use breakmywork_protocol::id::ExperimentId;
use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Shortest pause between two redraws of one thing.
const PAUSE: Duration = Duration::from_secs(1);

/// A redraw that takes long happens more seldom: it has a tenth of the time, while that is within [`LONGEST_PAUSE`].
const SHARE: u32 = 10;

/// Longest wait for a redraw, well under the limit of a request.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Pages that are held at once; the oldest go first.
const HELD: usize = 64;

/// What is watched, and the same for all who may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Watched {
    /// The part of an experiment's page that changes.
    Experiment(ExperimentId),
    /// The public queue.
    Queue,
}

/// The latest redraw of each thing that is watched.
#[derive(Debug, Clone, Default)]
pub struct Redraws(Arc<Mutex<HashMap<Watched, Slot>>>);

type Slot = Arc<tokio::sync::Mutex<Option<Drawn>>>;

#[derive(Debug, Clone)]
struct Drawn {
    begun: Instant,
    took: Duration,
    page: Arc<str>,
}

impl Redraws {
    /// A page that was begun after this was asked for, so that no change is missed: made by `draw`, or by whoever
    /// asked at the same time.
    ///
    /// # Errors
    /// As `draw`.
    pub async fn share<E>(
        &self,
        watched: Watched,
        draw: impl Future<Output = Result<String, E>>,
    ) -> Result<Arc<str>, E> {
        let asked = Instant::now();
        let slot = self.slot(watched);
        let mut held = slot.lock().await;
        if let Some(drawn) = held.as_ref() {
            if drawn.begun >= asked {
                return Ok(drawn.page.clone());
            }
            let pause = (drawn.took * SHARE).clamp(PAUSE, LONGEST_PAUSE);
            tokio::time::sleep_until((drawn.begun + pause).into()).await;
        }
        let begun = Instant::now();
        let page: Arc<str> = draw.await?.into();
        *held = Some(Drawn {
            begun,
            took: begun.elapsed(),
            page: page.clone(),
        });
        Ok(page)
    }

    fn slot(&self, watched: Watched) -> Slot {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= HELD && !slots.contains_key(&watched) {
            // Those that nobody waits for; each costs one more redraw, later.
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        slots.entry(watched).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn many_who_watch_share_a_redraw_and_none_is_older_than_its_question() {
        let redraws = Redraws::default();
        let drawn = AtomicUsize::new(0);
        let ask = || {
            redraws.share(Watched::Experiment(ExperimentId(1)), async {
                let number = drawn.fetch_add(1, Ordering::Relaxed);
                Ok::<_, ()>(number.to_string())
            })
        };
        assert_eq!(&*ask().await.expect("drawn"), "0");
        let started = Instant::now();
        let pages = futures_util::future::join_all((0..200).map(|_| ask())).await;
        // They asked after the first was begun: all get the second, a moment later.
        assert!(pages.iter().all(|page| page.as_deref() == Ok("1")));
        assert_eq!(drawn.load(Ordering::Relaxed), 2);
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}
