//! Hashes of registered proposals: a list of experiments has one for each, and each takes reading the whole specification.

use super::Experiment;
use lru::LruCache;
use sha2::{Digest, Sha256};
use std::{
    num::NonZero,
    sync::{LazyLock, Mutex, PoisonError},
};

/// Hashes that are remembered: half a megabyte of them.
const MOST: NonZero<usize> = NonZero::new(4096).expect("not zero");

static KNOWN: LazyLock<Mutex<LruCache<[u8; 32], String>>> =
    LazyLock::new(|| Mutex::new(LruCache::new(MOST)));

/// The hash, if it was found before.
pub(super) fn known(experiment: &Experiment) -> Option<String> {
    let content = content(experiment)?;
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.get(&content).cloned()
}

/// Keeps the hash, if nothing that it follows from can change any more.
pub(super) fn remember(experiment: &Experiment, hash: &str) {
    let Some(content) = content(experiment) else {
        return;
    };
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.put(content, hash.to_owned());
}

/// All that the hash follows from, the specification by its own; nothing of what is not registered.
fn content(experiment: &Experiment) -> Option<[u8; 32]> {
    let mut content = Sha256::new();
    let ids = [Some(experiment.claim), experiment.rival].map(|id| id.map_or(0, |claim| claim.0));
    for id in ids {
        content.update(id.to_be_bytes());
    }
    let texts = [
        experiment.spec_sha256.as_ref()?,
        &experiment.title,
        &experiment.prediction,
        &experiment.rationale,
    ];
    for text in texts {
        content.update(text.len().to_be_bytes());
        content.update(text);
    }
    Some(content.finalize().into())
}
