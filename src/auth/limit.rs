//! How often something may be done, by key, remembered in this process within fixed memory.

use lru::LruCache;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Most keys remembered by one limiter; past that the one unseen for the longest goes.
const KEYS: NonZeroUsize = NonZeroUsize::new(20_000).expect("some");

/// So many times within that time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    /// Times.
    pub(crate) most: u32,
    /// From the first of them.
    pub(crate) window: Duration,
}

/// What a key may do still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Times.
    pub remaining: u32,
    /// Seconds until all of them may be done again.
    pub reset: u32,
}

/// Counts by key.
#[derive(Debug, Clone)]
pub(crate) struct Limiter<K: Hash + Eq> {
    limit: Limit,
    counts: Arc<Mutex<LruCache<K, (u32, Instant)>>>,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    pub(crate) fn new(limit: Limit) -> Self {
        Self {
            limit,
            counts: Arc::new(Mutex::new(LruCache::new(KEYS))),
        }
    }

    /// Counts one more, or says in how many seconds that may be tried again.
    ///
    /// Counted before anything is done, so that of many at once no more than the limit get through.
    pub(crate) fn spend(&self, key: &K) -> Result<(), u32> {
        self.count(key).map(|_| ())
    }

    /// The same, and says what is left.
    pub(crate) fn count(&self, key: &K) -> Result<Left, u32> {
        let mut counts = self.counts();
        let now = Instant::now();
        let (count, since) = counts.get_or_insert_mut_ref(key, || (0, now));
        if since.elapsed() >= self.limit.window {
            (*count, *since) = (0, now);
        }
        let left = self.limit.window.saturating_sub(since.elapsed());
        let reset = u32::try_from(left.as_secs()).unwrap_or(u32::MAX - 1) + 1;
        if *count >= self.limit.most {
            return Err(reset);
        }
        *count += 1;
        Ok(Left {
            remaining: self.limit.most - *count,
            reset,
        })
    }

    /// Takes one back that turned out not to count.
    pub(crate) fn refund(&self, key: &K) {
        if let Some((count, _)) = self.counts().peek_mut(key) {
            *count = count.saturating_sub(1);
        }
    }

    /// Starts from nothing for that key.
    pub(crate) fn forget(&self, key: &K) {
        self.counts().pop(key);
    }

    fn counts(&self) -> MutexGuard<'_, LruCache<K, (u32, Instant)>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(window: Duration) -> Limiter<usize> {
        Limiter::new(Limit { most: 2, window })
    }

    #[test]
    fn no_more_than_the_limit_get_through_and_then_they_hear_when() {
        let limiter = limiter(Duration::from_secs(60));
        let answers: Vec<_> = (0..100).map(|_| limiter.spend(&1)).collect();
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 2);
        assert!(matches!(answers[99], Err(1..=61)), "{:?}", answers[99]);
        assert_eq!(limiter.spend(&2), Ok(()));
        limiter.refund(&1);
        assert_eq!(limiter.spend(&1), Ok(()));
        limiter.forget(&1);
        assert_eq!(limiter.spend(&1), Ok(()));
    }

    #[test]
    fn a_window_ends() {
        let limiter = limiter(Duration::from_millis(20));
        while limiter.spend(&1).is_ok() {}
        std::thread::sleep(Duration::from_millis(25));
        assert_eq!(limiter.spend(&1), Ok(()));
    }

    #[test]
    fn only_what_was_not_seen_for_the_longest_is_forgotten() {
        let limiter = limiter(Duration::from_secs(60));
        while limiter.spend(&0).is_ok() {}
        for key in 1..=3 * KEYS.get() {
            let _ = limiter.spend(&key);
            if key % 1000 == 0 {
                assert!(limiter.spend(&0).is_err(), "forgotten after {key} others");
            }
        }
        assert!(limiter.counts().len() <= KEYS.get());
    }
}
