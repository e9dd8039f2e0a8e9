//! How this worker's machine is: what went wrong with it several times in a row, and when to try again.

use breakmywork_protocol::jobs::Trouble;
use std::time::{Duration, Instant};

/// Runs in a row that this machine could not train, after which the worker takes no more.
const IN_A_ROW: u32 = 3;
/// Shortest and longest pause before it tries one run.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(600);

/// How the machine is.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Runs in a row that it could not train.
    in_a_row: u32,
    /// Why, the last time.
    reason: String,
    /// When to try one run; `None` while it may take as many as there are slots.
    next_try: Option<Instant>,
    /// Whether that one run is under way.
    trying: bool,
    /// Why no checkpoint can be written.
    no_checkpoints: Option<String>,
}

impl Health {
    /// A run that this machine could not train, or a try that failed. The pause begins with `backoff` and doubles.
    pub(super) fn unable(&mut self, reason: String, backoff: Duration) {
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.reason = reason;
        self.trying = false;
        let Some(tries) = self.in_a_row.checked_sub(IN_A_ROW) else {
            return;
        };
        let pause = backoff.saturating_mul(1 << tries.min(16));
        let pause = pause.clamp(SHORTEST, LONGEST);
        tracing::error!(
            "this worker takes no runs, and tries one again in {} s: {}",
            pause.as_secs(),
            self.reason
        );
        self.next_try = Some(Instant::now() + pause);
    }

    /// A run was trained here, well or ill: the machine can do it.
    pub(super) fn able(&mut self) {
        if self.next_try.take().is_some() {
            tracing::info!("this worker takes runs again");
        }
        (self.in_a_row, self.trying) = (0, false);
    }

    /// The run of the try ended without telling anything about the machine.
    pub(super) fn tried(&mut self) {
        self.trying = false;
    }

    /// Whether a run may be taken now.
    pub(super) fn may_take(&self) -> bool {
        self.next_try
            .is_none_or(|when| !self.trying && when <= Instant::now())
    }

    /// Whether the next run is a try.
    pub(super) fn is_trying(&self) -> bool {
        self.next_try.is_some()
    }

    /// A run is taken.
    pub(super) fn took(&mut self) {
        self.trying = self.is_trying();
    }

    /// Whether checkpoints can be written, or why not.
    pub(super) fn checkpoints(&mut self, trouble: Option<String>) {
        self.no_checkpoints = trouble;
    }

    /// What the board should know.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        if self.is_trying() {
            return Some(Trouble {
                reason: self.reason.clone(),
                pauses: true,
            });
        }
        let why = self.no_checkpoints.as_ref()?;
        Some(Trouble {
            reason: format!(
                "Checkpoints cannot be written ({why}): a run that is interrupted here goes on from an older one. \
                 Make room, or name another folder with --checkpoint-dir."
            ),
            pauses: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Duration = Duration::from_secs(5);

    fn pause(health: &Health) -> u64 {
        let when = health.next_try.expect("a pause");
        (when - Instant::now()).as_secs_f64().round() as u64
    }

    #[test]
    fn the_third_in_a_row_pauses_the_worker_for_longer_and_longer_until_one_run_goes_well() {
        let mut health = Health::default();
        for _ in 0..2 {
            health.unable("the disk".into(), BACKOFF);
            assert!(health.may_take() && health.trouble().is_none());
        }
        for expected in [5, 10, 20, 40, 80, 160, 320, 600, 600] {
            health.unable("the disk".into(), BACKOFF);
            assert_eq!(pause(&health), expected);
            assert!(!health.may_take());
        }
        let told = health.trouble().expect("trouble");
        assert_eq!((told.reason.as_str(), told.pauses), ("the disk", true));
        health.able();
        assert!(health.may_take() && health.trouble().is_none());
    }

    #[test]
    fn one_run_in_between_that_goes_well_starts_the_count_anew() {
        let mut health = Health::default();
        for _ in 0..9 {
            health.unable("the disk".into(), BACKOFF);
            health.unable("the disk".into(), BACKOFF);
            health.able();
            assert!(health.may_take());
        }
    }

    #[test]
    fn only_one_run_at_a_time_is_a_try() {
        let mut health = Health::default();
        for _ in 0..3 {
            health.unable("the disk".into(), Duration::ZERO);
        }
        health.next_try = Some(Instant::now());
        assert!(health.may_take());
        health.took();
        assert!(!health.may_take(), "one is under way");
        health.tried();
        assert!(health.may_take());
    }

    #[test]
    fn a_disk_without_room_for_checkpoints_is_told_and_pauses_nothing() {
        let mut health = Health::default();
        health.checkpoints(Some("No space left on device".into()));
        let told = health.trouble().expect("trouble");
        assert!(told.reason.contains("No space left") && !told.pauses);
        assert!(health.may_take());
        health.checkpoints(None);
        assert_eq!(health.trouble(), None);
    }
}
