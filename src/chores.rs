//! What every web process does on the side. Any number of processes may do so at once.

use crate::auth::session;
use crate::state::AppState;
use breakmywork_protocol::jobs::{self, Timing};
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval};

/// Rows that are merely over harm nobody.
const CLEAN_UP: Duration = Duration::from_secs(60 * 60);

/// How often what is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chores {
    /// Limits that the job table applies.
    pub timing: Timing,
    /// Pause between two searches for lost workers.
    pub reap_every: Duration,
}

/// Takes leases away from lost workers, and removes sessions and idempotency keys that are over, until shutdown.
pub async fn run(state: AppState, chores: Chores) {
    let mut reap = interval(chores.reap_every);
    let mut clean_up = interval(CLEAN_UP);
    // After a pause (a laptop that slept) one sweep is enough.
    reap.set_missed_tick_behavior(MissedTickBehavior::Delay);
    clean_up.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Right after the database was away every lease looks late: live workers get the time to beat first.
    let grace = Duration::from_secs(u64::from(chores.timing.lease_s.unsigned_abs())) / 3;
    let mut back_since = Instant::now();
    loop {
        tokio::select! {
            () = state.shutdown.cancelled() => return,
            _ = reap.tick() => {
                if back_since.elapsed() >= grace && !take_back(&state, chores.timing).await {
                    back_since = Instant::now();
                }
            }
            _ = clean_up.tick() => forget(&state).await,
        }
    }
}

/// Takes leases away from lost workers; false if the database was away.
async fn take_back(state: &AppState, timing: Timing) -> bool {
    match jobs::reap(&state.pool, timing).await {
        Ok(reaped) => {
            if reaped.lost + reaped.timed_out > 0 {
                tracing::info!(
                    lost = reaped.lost,
                    timed_out = reaped.timed_out,
                    "took runs back"
                );
            }
            true
        }
        Err(error) => {
            tracing::warn!("could not look for lost workers: {error}");
            false
        }
    }
}

/// Removes rows that are over. What fails now is removed the next time.
async fn forget(state: &AppState) {
    if let Err(error) = session::clean_up(&state.pool).await {
        tracing::warn!("could not remove old sessions: {error}");
    }
    if let Err(error) = crate::api::forget_old(&state.pool).await {
        tracing::warn!("could not remove old idempotency keys: {error}");
    }
}
