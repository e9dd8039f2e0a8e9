//! Work that takes more than a moment, off the threads that answer requests and a few pieces at a time.

use crate::error::{Error, Result};
use tokio::sync::Semaphore;

/// Pieces of heavy work at once. The others wait their turn, so however many are sent, pages that need no such work
/// are answered beside them.
static SLOTS: Semaphore = Semaphore::const_new(2);

/// Runs `work`, which must be bounded by itself: a thread cannot be interrupted.
///
/// # Errors
/// If it panics.
pub async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let slot = SLOTS.acquire().await.map_err(Error::internal)?;
    tokio::task::spawn_blocking(move || {
        // Held by the thread, not by the request: a visitor who leaves does not free it early.
        let _slot = slot;
        work()
    })
    .await
    .map_err(Error::internal)
}
