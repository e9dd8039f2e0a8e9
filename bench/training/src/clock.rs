//! When a measurement begins and ends; `contenders.py` has the same rule.

use serde::{Deserialize, Serialize};
use std::time::Instant;

/// How long to warm up and to measure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Timing {
    /// Seconds that are not counted, at least.
    pub(crate) warm_seconds: f64,
    /// Steps that are not counted, at least; the worker inspects the masks of the first two.
    pub(crate) warm_steps: u64,
    /// Seconds that are counted, at least.
    pub(crate) seconds: f64,
    /// Steps that are counted, at least.
    pub(crate) least_steps: u64,
}

impl Timing {
    /// The usual warm-up, then so many seconds.
    pub(crate) fn of(seconds: f64) -> Self {
        Self {
            warm_seconds: 1.0,
            warm_steps: 2,
            seconds,
            least_steps: 3,
        }
    }
}

/// Takes the time of steps.
pub(crate) struct Clock {
    timing: Timing,
    began: Instant,
    start: Option<(u64, Instant)>,
    end: Option<(u64, Instant)>,
}

impl Clock {
    /// A clock that begins now.
    pub(crate) fn new(timing: Timing) -> Self {
        Self {
            timing,
            began: Instant::now(),
            start: None,
            end: None,
        }
    }

    /// Notes that so many steps are done; says whether that is enough.
    pub(crate) fn tick(&mut self, step: u64) -> bool {
        let now = Instant::now();
        let seconds = |since: Instant| (now - since).as_secs_f64();
        let Some((first, start)) = self.start else {
            let warm = step >= self.timing.warm_steps;
            if warm && seconds(self.began) >= self.timing.warm_seconds {
                self.start = Some((step, now));
            }
            return false;
        };
        self.end = Some((step, now));
        step - first >= self.timing.least_steps && seconds(start) >= self.timing.seconds
    }

    /// Steps counted and the seconds they took; `None` if there were none.
    pub(crate) fn counted(&self) -> Option<(u64, f64)> {
        let ((first, start), (last, end)) = self.start.zip(self.end)?;
        Some((last - first, (end - start).as_secs_f64()))
    }
}
