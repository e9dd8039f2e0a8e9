//! How sure the runner is of its lease, by its own clock.
//!
//! The database decides who holds a lease and refuses every report of a stale worker. This is the other half: a worker
//! that is cut off from the database stops using the device before somebody else may have taken the run.

use crate::cli::WorkArgs;
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Time since the machine started, suspended or not: a lease runs out while a laptop sleeps.
pub(super) fn now() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// When the lease was last confirmed, and whether training is halted for want of it.
#[derive(Debug)]
pub(super) struct Hold {
    /// When the last beat that was accepted had been sent: the lease was extended then or later.
    beaten: Duration,
    /// How long after that the lease surely holds.
    sure: Duration,
    halted: bool,
}

impl Hold {
    /// A lease that was given just now. It counts as sure until a tenth of it is left.
    pub(super) fn new(args: &WorkArgs) -> Self {
        Self {
            beaten: now(),
            sure: Duration::from_secs_f64(f64::from(args.lease_seconds) * 0.9),
            halted: false,
        }
    }

    /// Notes that a beat was accepted which had been sent at that time.
    pub(super) fn beaten(&mut self, sent: Duration) {
        self.beaten = sent;
    }

    /// Whether training is halted.
    pub(super) fn halted(&self) -> bool {
        self.halted
    }

    /// Whether training is to halt (true) or to go on (false) from now; `None` as long as nothing changes.
    pub(super) fn changed(&mut self) -> Option<bool> {
        self.changed_at(now())
    }

    fn changed_at(&mut self, now: Duration) -> Option<bool> {
        let unsure = now.saturating_sub(self.beaten) > self.sure;
        (unsure != self.halted).then(|| {
            self.halted = unsure;
            unsure
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn training_halts_once_the_lease_is_unsure_and_goes_on_with_the_next_beat() {
        let at = Duration::from_secs;
        let mut hold = Hold {
            beaten: at(100),
            sure: at(81),
            halted: false,
        };
        assert_eq!(hold.changed_at(at(181)), None);
        assert_eq!(hold.changed_at(at(182)), Some(true));
        assert_eq!(hold.changed_at(at(500)), None);
        assert!(hold.halted());
        hold.beaten(at(499));
        assert_eq!(hold.changed_at(at(500)), Some(false));
        assert_eq!(hold.changed_at(at(501)), None);
    }

    #[test]
    fn the_clock_runs() {
        let before = now();
        std::thread::sleep(Duration::from_millis(2));
        assert!(now() > before);
    }
}
