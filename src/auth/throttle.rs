//! Slows down guessing: after some wrong passwords for a name, sign-in waits.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Wrong passwords for one name within the window before sign-in pauses.
const WRONG: u32 = 10;

/// The window, and so the longest pause: long for a guesser, bearable for its victim.
const WINDOW: Duration = Duration::from_secs(5 * 60);

/// Most names remembered; past that the oldest windows go first.
const NAMES: usize = 10_000;

/// Counts wrong passwords by name, in this process.
#[derive(Debug, Clone, Default)]
pub struct Throttle(Arc<Mutex<HashMap<String, (u32, Instant)>>>);

impl Throttle {
    /// Seconds to wait before that name may try again, if it must.
    pub fn wait(&self, name: &str) -> Option<u32> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (wrong, since) = counts.get(name)?;
        let left = WINDOW.checked_sub(since.elapsed())?;
        (*wrong >= WRONG).then(|| left.as_secs() as u32 + 1)
    }

    /// Notes a wrong password. Unknown names count alike, so the pause tells nothing.
    pub fn wrong(&self, name: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= NAMES {
            counts.retain(|_, (_, since)| since.elapsed() < WINDOW);
        }
        if counts.len() >= NAMES {
            counts.clear();
        }
        let entry = counts.entry(name.to_owned()).or_insert((0, Instant::now()));
        if entry.1.elapsed() >= WINDOW {
            *entry = (0, Instant::now());
        }
        entry.0 += 1;
    }

    /// Forgets the name after it signed in.
    pub fn right(&self, name: &str) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_has_to_wait() {
        let throttle = Throttle::default();
        for _ in 0..WRONG {
            assert_eq!(throttle.wait("ada"), None);
            throttle.wrong("ada");
        }
        assert!(throttle.wait("ada").is_some());
        assert_eq!(throttle.wait("bob"), None);
        throttle.right("ada");
        assert_eq!(throttle.wait("ada"), None);
    }
}
