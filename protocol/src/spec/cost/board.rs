//! How fast a board works: its live workers, and what runs really took on them.

use super::super::types::{Setup, Spec};
use super::{card_run_seconds, in_all, run_seconds};

/// Hours that an experiment may take of the workers, unless the board's settings say otherwise.
pub const USUAL_HOURS: u32 = 24;

/// Live workers of one machine and device.
#[derive(Debug, Clone, PartialEq)]
pub struct Kind {
    /// Name of the machine.
    pub host: String,
    /// Its device, as the workers say it.
    pub device: String,
    /// Whether the device is a card.
    pub card: bool,
    /// Runs that these workers work on at once.
    pub slots: u32,
    /// Runs that ended well on them lately.
    pub past: Vec<Past>,
}

/// A run that ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Past {
    /// Seconds that were estimated, before anything was known of the worker.
    pub estimated: f64,
    /// Seconds that it took, from taking to its end.
    pub took: f64,
}

/// The live workers of a board and the limit on an experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct Board {
    /// What works here; nothing where no worker lives, and then one core like the one that was measured is assumed.
    pub kinds: Vec<Kind>,
    /// Hours of the workers that an experiment may take.
    pub hours: f64,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            kinds: Vec::new(),
            hours: f64::from(USUAL_HOURS),
        }
    }
}

impl Kind {
    /// Seconds that a run of the setup takes on one of its slots.
    pub fn run_seconds(&self, setup: &Setup) -> f64 {
        let estimated = if self.card {
            card_run_seconds(setup)
        } else {
            run_seconds(setup)
        };
        estimated * self.pace(estimated)
    }

    /// Seconds from the first run's start to the last one's end on these workers alone.
    pub fn seconds(&self, spec: &Spec) -> f64 {
        let all = in_all(spec, |setup| self.run_seconds(setup));
        in_rounds(spec, self.slots, all)
    }

    /// How long runs really take beside their estimate: the geometric mean over past ones, those of about the same
    /// length counting most. The estimate itself counts as half a run, so that a single odd run does not decide.
    fn pace(&self, estimated: f64) -> f64 {
        const ESTIMATE_COUNTS: f64 = 0.5;
        let (mut weights, mut sum) = (ESTIMATE_COUNTS, 0.0);
        for past in self
            .past
            .iter()
            .filter(|past| past.estimated > 0.0 && past.took > 0.0)
        {
            let weight = 1.0 / (1.0 + (estimated / past.estimated).ln().powi(2));
            weights += weight;
            sum += weight * (past.took / past.estimated).ln();
        }
        (sum / weights).exp()
    }
}

impl Board {
    /// Runs that are worked on at once.
    pub fn slots(&self) -> u32 {
        self.kinds.iter().map(|kind| kind.slots).sum::<u32>().max(1)
    }

    /// Seconds of one slot that a run of the setup takes in the mean, the faster ones taking more of them.
    pub fn run_seconds(&self, setup: &Setup) -> f64 {
        if self.kinds.iter().all(|kind| kind.slots == 0) {
            return run_seconds(setup);
        }
        let rate = |kind: &Kind| f64::from(kind.slots) / kind.run_seconds(setup);
        f64::from(self.slots()) / self.kinds.iter().map(rate).sum::<f64>()
    }

    /// Seconds of the workers that all runs of the experiment take together; of a search the most that they may.
    pub fn worker_seconds(&self, spec: &Spec) -> f64 {
        in_all(spec, |setup| self.run_seconds(setup))
    }

    /// Seconds from the first run's start to the last one's end, if nobody else's runs are in between.
    pub fn seconds(&self, spec: &Spec) -> f64 {
        in_rounds(spec, self.slots(), self.worker_seconds(spec))
    }
}

/// Seconds that runs take which take so many one after the other, so many of them at once.
fn in_rounds(spec: &Spec, slots: u32, all: f64) -> f64 {
    let slots = f64::from(slots.max(1));
    let [tuning, compared] = [spec.tuning_runs(), spec.runs()].map(|runs| runs as f64);
    // The last runs leave slots idle, and what is compared waits for what is chosen.
    let rounds = (tuning / slots).ceil() + (compared / slots).ceil();
    all / (tuning + compared).max(1.0) * rounds
}
