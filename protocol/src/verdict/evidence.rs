//! What the pairs say about the advantage of the treatment: how sure it is that it lies above, or below, a value.

use super::compare::{Compared, LARGEST};
use super::{Checks, ConditionVerdict, RunOutcome};
use crate::spec::{Criterion, Estimand};
use crate::stats::{self, Paired};

/// Tests of one quantity. The rules ask for nothing else, so they are the same for every quantity.
pub(super) trait Evidence {
    /// The estimate.
    fn effect(&self) -> f64;
    /// One-sided bounds at the level; absent where a bound is not finite.
    fn interval(&self) -> Option<[f64; 2]>;
    /// One-sided p-value of "it is at most `value`".
    fn p_above(&self, value: f64) -> f64;
    /// One-sided p-value of "it is at least `value`".
    fn p_below(&self, value: f64) -> f64;
    /// Whether the second test does not object to "above `value`".
    fn agrees_above(&self, value: f64) -> bool;
    /// Whether the second test does not object to "below `value`".
    fn agrees_below(&self, value: f64) -> bool;
    /// What the second test is called.
    fn second_test(&self) -> &'static str;
    /// Why no conclusion should be drawn from these numbers, if so.
    fn doubt(&self) -> Option<String>;
    /// The checks beside the rule.
    fn checks(&self, criterion: &Criterion, outcomes: &[RunOutcome]) -> Checks;
    /// The same of each condition, where there are several.
    fn checks_of_conditions(&self, _: &Criterion, _: &[RunOutcome]) -> Vec<Checks> {
        Vec::new()
    }
    /// What each condition says alone, where there are several.
    fn conditions(&self, _margin: f64) -> Vec<ConditionVerdict> {
        Vec::new()
    }
}

/// The typical pair: the median of the differences, by the exact sign test, which holds for noise of any shape. Student's
/// bounds of the mean are its second test.
pub(super) struct Typical<'a> {
    pub(super) compared: &'a Compared<'a>,
    pub(super) summary: Paired,
    pub(super) level: f64,
}

impl Evidence for Typical<'_> {
    fn effect(&self) -> f64 {
        stats::median(&self.compared.differences).expect("there are pairs")
    }

    fn interval(&self) -> Option<[f64; 2]> {
        finite(stats::median_bounds(&self.compared.differences, self.level))
    }

    fn p_above(&self, value: f64) -> f64 {
        stats::sign_test(self.compared.above(value), self.compared.orders.len())
    }

    fn p_below(&self, value: f64) -> f64 {
        stats::sign_test(self.compared.below(value), self.compared.orders.len())
    }

    fn agrees_above(&self, value: f64) -> bool {
        self.summary.bounds(self.level).0 > value
    }

    fn agrees_below(&self, value: f64) -> bool {
        self.summary.bounds(self.level).1 < value
    }

    fn second_test(&self) -> &'static str {
        "Student's bound of the mean"
    }

    fn doubt(&self) -> Option<String> {
        None
    }

    fn checks(&self, criterion: &Criterion, outcomes: &[RunOutcome]) -> Checks {
        Checks {
            bootstrap: stats::bootstrap_median(&self.compared.differences, self.level),
            misleading: self.compared.misleading(self.effect(), criterion),
            ..checks(self.compared, self.summary, self.level, criterion, outcomes)
        }
    }
}

/// The mean of the differences, by Student's t; the exact sign-flip test is its second test. Both assume that the noise
/// is not skewed.
pub(super) struct Mean<'a> {
    pub(super) compared: &'a Compared<'a>,
    pub(super) summary: Paired,
    pub(super) level: f64,
}

impl Evidence for Mean<'_> {
    fn effect(&self) -> f64 {
        self.summary.mean
    }

    fn interval(&self) -> Option<[f64; 2]> {
        finite(self.summary.bounds(self.level))
    }

    fn p_above(&self, value: f64) -> f64 {
        self.summary.p_greater(value)
    }

    fn p_below(&self, value: f64) -> f64 {
        self.summary.p_less(value)
    }

    fn agrees_above(&self, value: f64) -> bool {
        stats::sign_flip(&shifted(&self.compared.differences, |d| d - value)) <= self.level
    }

    fn agrees_below(&self, value: f64) -> bool {
        stats::sign_flip(&shifted(&self.compared.differences, |d| value - d)) <= self.level
    }

    fn second_test(&self) -> &'static str {
        "the exact sign-flip test"
    }

    fn doubt(&self) -> Option<String> {
        let differences = &self.compared.differences;
        let (skewness, largest) = (
            stats::skewness(differences)?,
            stats::largest_skewness(differences.len())?,
        );
        (skewness.abs() > largest).then(|| {
            format!(
                "The differences are skewed ({skewness:.2}, where noise without skew stays within ±{largest:.2} nine \
                 times in ten), and then a test of the mean does not keep its level."
            )
        })
    }

    fn checks(&self, criterion: &Criterion, outcomes: &[RunOutcome]) -> Checks {
        Checks {
            bootstrap: bootstrap_mean(&self.compared.differences, self.level),
            misleading: self.compared.misleading(self.effect(), criterion),
            ..checks(self.compared, self.summary, self.level, criterion, outcomes)
        }
    }
}

/// Bootstrap bounds of the mean.
pub(super) fn bootstrap_mean(differences: &[f64], level: f64) -> Option<[f64; 2]> {
    let n = differences.len();
    stats::bootstrap(n, level, |drawn| {
        drawn.iter().map(|place| differences[*place]).sum::<f64>() / n as f64
    })
}

/// The evidence about what the criterion estimates; `None` without two pairs.
pub(super) fn of_differences<'a>(
    compared: &'a Compared<'a>,
    criterion: &Criterion,
    level: f64,
) -> Option<Box<dyn Evidence + 'a>> {
    let summary = stats::paired(&compared.differences)?;
    Some(match criterion.estimand {
        Some(Estimand::Median) | None => Box::new(Typical {
            compared,
            summary,
            level,
        }),
        Some(Estimand::Mean) => Box::new(Mean {
            compared,
            summary,
            level,
        }),
    })
}

fn shifted(differences: &[f64], by: impl Fn(f64) -> f64) -> Vec<f64> {
    differences
        .iter()
        .map(|d| by(*d).clamp(-LARGEST, LARGEST))
        .collect()
}

fn checks(
    compared: &Compared,
    summary: Paired,
    level: f64,
    criterion: &Criterion,
    outcomes: &[RunOutcome],
) -> Checks {
    Checks {
        mean: Some(summary.mean),
        mean_interval: finite(summary.bounds(level)),
        sd: Some(summary.sd),
        sign_flip: Some(stats::sign_flip(&compared.differences)),
        wilcoxon: Some(stats::wilcoxon(&compared.differences)),
        // Of four arms, or of a slope, two say little.
        superiority: (compared.terms.len() == 2)
            .then(|| super::compare::superiority(&compared.terms, criterion, outcomes))
            .flatten(),
        ..Checks::default()
    }
}

pub(super) fn finite((low, high): (f64, f64)) -> Option<[f64; 2]> {
    (low.is_finite() && high.is_finite()).then_some([low, high])
}
