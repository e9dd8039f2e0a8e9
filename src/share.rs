//! What only so many may have at once, by key: a queue's places, open streams.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts who has a share at this moment.
#[derive(Debug, Clone)]
pub struct Shares<K: Hash + Eq> {
    most: usize,
    held: Arc<Mutex<HashMap<K, usize>>>,
}

/// One share; given back when dropped.
#[derive(Debug)]
pub struct Share<K: Hash + Eq> {
    key: K,
    of: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K: Hash + Eq + Clone> Shares<K> {
    /// At most that many for each key.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            held: Arc::default(),
        }
    }

    /// A share, unless the key has as many as it may.
    pub fn take(&self, key: &K) -> Option<Share<K>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(key.clone()).or_insert(0);
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Share {
            key: key.clone(),
            of: Arc::clone(&self.held),
        })
    }
}

impl<K: Hash + Eq> Drop for Share<K> {
    fn drop(&mut self) {
        let mut held = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_comes_back_and_nothing_is_kept_of_it() {
        let shares = Shares::new(2);
        let first = shares.take(&"a");
        let second = shares.take(&"a");
        assert!(first.is_some() && second.is_some());
        assert!(shares.take(&"a").is_none());
        assert!(shares.take(&"b").is_some());
        drop(first);
        assert!(shares.take(&"a").is_some());
        drop(second);
        assert!(shares.held.lock().expect("held").is_empty());
    }
}
