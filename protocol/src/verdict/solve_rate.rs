//! The difference of the shares of seeds that solve the task.

use super::compare::{Compared, solves};
use super::evidence::{Evidence, bootstrap_mean, finite};
use super::{Checks, RunOutcome};
use crate::spec::Criterion;
use crate::stats;

/// Pairs by who solved the task. Exact tests of paired shares decide; Newcombe's interval is the second test.
pub(super) struct SolveRate {
    both: usize,
    first: usize,
    second: usize,
    neither: usize,
    level: f64,
}

impl SolveRate {
    /// Counts the complete pairs; `None` without any.
    pub(super) fn of(compared: &Compared, criterion: &Criterion, level: f64) -> Option<Self> {
        let complete = compared
            .pairs
            .iter()
            .filter(|pair| pair.difference.is_some());
        let outcomes: Vec<[bool; 2]> = complete
            // A diverged run has no value and has not solved anything.
            .map(|pair| {
                [pair.treatment, pair.control].map(|v| v.is_some_and(|v| solves(v, criterion)))
            })
            .collect();
        let count = |wanted: [bool; 2]| outcomes.iter().filter(|pair| **pair == wanted).count();
        (!outcomes.is_empty()).then(|| Self {
            both: count([true, true]),
            first: count([true, false]),
            second: count([false, true]),
            neither: count([false, false]),
            level,
        })
    }

    fn pairs(&self) -> usize {
        self.both + self.first + self.second + self.neither
    }

    fn bounds(&self) -> (f64, f64) {
        // A two-sided interval at 2α is made of two one-sided bounds at α.
        stats::newcombe_paired(
            self.both,
            self.first,
            self.second,
            self.neither,
            2.0 * self.level,
        )
    }
}

impl Evidence for SolveRate {
    fn effect(&self) -> f64 {
        (self.first as f64 - self.second as f64) / self.pairs() as f64
    }

    fn interval(&self) -> Option<[f64; 2]> {
        finite(self.bounds())
    }

    fn p_above(&self, value: f64) -> f64 {
        if value == 0.0 {
            return stats::mcnemar(self.first, self.second);
        }
        stats::paired_shares_below(self.second, self.first, self.pairs(), -value)
    }

    fn p_below(&self, value: f64) -> f64 {
        if value == 0.0 {
            return stats::mcnemar(self.second, self.first);
        }
        stats::paired_shares_below(self.first, self.second, self.pairs(), value)
    }

    fn agrees_above(&self, value: f64) -> bool {
        self.bounds().0 > value
    }

    fn agrees_below(&self, value: f64) -> bool {
        self.bounds().1 < value
    }

    fn second_test(&self) -> &'static str {
        "Newcombe's bound"
    }

    fn doubt(&self) -> Option<String> {
        None
    }

    fn checks(&self, _: &Criterion, _: &[RunOutcome]) -> Checks {
        let (effect, pairs) = (self.effect(), self.pairs() as f64);
        let against = match effect {
            0.0 => None,
            effect if effect > 0.0 => Some(self.second),
            _ => Some(self.first),
        };
        let alike = self.both + self.neither;
        let counts = [(self.first, 1.0), (self.second, -1.0), (alike, 0.0)];
        let differences: Vec<f64> = counts
            .into_iter()
            .flat_map(|(count, difference)| std::iter::repeat_n(difference, count))
            .collect();
        Checks {
            superiority: Some(0.5 + effect / 2.0),
            bootstrap: bootstrap_mean(&differences, self.level),
            misleading: against.map(|count| count as f64 / pairs),
            ..Checks::default()
        }
    }
}
