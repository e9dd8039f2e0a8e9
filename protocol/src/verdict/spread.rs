//! The ratio of two spreads over the seeds: how far runs lie from the median of their arm (Brown & Forsythe 1974).

use super::compare::{Compared, LARGEST, advantage};
use super::evidence::{Evidence, finite};
use super::{Checks, Pair, RunOutcome};
use crate::spec::Criterion;
use crate::stats::{self, Paired};

/// Distances of the complete pairs' runs from the median of their arm. An exact sign-flip test of their differences
/// decides; Brown and Forsythe's t, paired, is the second test.
pub(super) struct Spread {
    /// Of treatment and control, in units of the largest.
    distances: Vec<[f64; 2]>,
    /// Mean distances of treatment and control, as they are.
    means: [f64; 2],
    level: f64,
}

impl Spread {
    /// `None` with fewer than two complete pairs.
    pub(super) fn of(compared: &Compared, criterion: &Criterion, level: f64) -> Option<Self> {
        let distances: Vec<[f64; 2]> = distances(&compared.pairs, criterion)
            .into_iter()
            .flatten()
            .collect();
        if distances.len() < 2 {
            return None;
        }
        let largest = distances.iter().flatten().copied().fold(0.0, f64::max);
        let scale = if largest > 0.0 { largest } else { 1.0 };
        let distances: Vec<[f64; 2]> = distances
            .iter()
            .map(|pair| pair.map(|z| z / scale))
            .collect();
        let mean = |arm: usize| {
            let sum: f64 = distances.iter().map(|pair| pair[arm]).sum();
            sum / distances.len() as f64 * scale
        };
        Some(Self {
            means: [mean(0), mean(1)],
            distances,
            level,
        })
    }

    /// By how much the control's run of each seed is farther out than the treatment's, if the ratio of the spreads were
    /// e to the `value`: then both have the same spread.
    fn differences(&self, value: f64) -> Vec<f64> {
        let ratio = value.exp();
        let pairs = self.distances.iter();
        pairs
            .map(|[treatment, control]| control - ratio * treatment)
            .collect()
    }

    fn student(&self, value: f64) -> (f64, f64) {
        let paired = stats::paired(&self.differences(value)).expect("two pairs or more");
        paired.bounds(self.level)
    }
}

impl Evidence for Spread {
    /// The logarithm of the control's mean distance over the treatment's; infinite where one of them is 0.
    fn effect(&self) -> f64 {
        let [treatment, control] = self.means;
        if treatment == control {
            return 0.0;
        }
        (control / treatment).ln()
    }

    /// Fieller's bounds: the ratios to which Student's t does not object.
    fn interval(&self) -> Option<[f64; 2]> {
        let [treatment, control] = [0, 1].map(|arm| {
            let values: Vec<f64> = self.distances.iter().map(|pair| pair[arm]).collect();
            stats::paired(&values).expect("two pairs or more")
        });
        let between = stats::paired(&self.differences(0.0)).expect("two pairs or more");
        fieller(control, treatment, between, self.level)
    }

    fn p_above(&self, value: f64) -> f64 {
        stats::sign_flip(&self.differences(value))
    }

    fn p_below(&self, value: f64) -> f64 {
        let differences = self.differences(value);
        stats::sign_flip(&differences.iter().map(|d| -d).collect::<Vec<_>>())
    }

    fn agrees_above(&self, value: f64) -> bool {
        self.student(value).0 > 0.0
    }

    fn agrees_below(&self, value: f64) -> bool {
        self.student(value).1 < 0.0
    }

    fn second_test(&self) -> &'static str {
        "Brown and Forsythe's t"
    }

    fn doubt(&self) -> Option<String> {
        None
    }

    fn checks(&self, _: &Criterion, _: &[RunOutcome]) -> Checks {
        Checks {
            wilcoxon: Some(stats::wilcoxon(&self.differences(0.0))),
            bootstrap: stats::bootstrap(self.distances.len(), self.level, |drawn| {
                let sum = |arm: usize| -> f64 {
                    drawn.iter().map(|place| self.distances[*place][arm]).sum()
                };
                (sum(1) / sum(0)).ln()
            }),
            spreads: Some(self.means).filter(|means| means.iter().all(|mean| mean.is_finite())),
            ..Checks::default()
        }
    }
}

/// Bounds of the logarithm of a ratio of two paired means, each at `level` (Fieller 1954); nothing where one of them is
/// not finite.
fn fieller(top: Paired, bottom: Paired, difference: Paired, level: f64) -> Option<[f64; 2]> {
    let n = top.n as f64;
    let t = stats::student_quantile(level, top.n);
    let weight = t * t / n;
    let [a, b] = [top, bottom].map(|paired| paired.sd * paired.sd);
    let covariance = (a + b - difference.sd * difference.sd) / 2.0;
    // The ratio ρ at which (x̄ − ρ ȳ)² is t² times its variance.
    let square = bottom.mean * bottom.mean - weight * b;
    let linear = top.mean * bottom.mean - weight * covariance;
    let constant = top.mean * top.mean - weight * a;
    let root = (linear * linear - square * constant).max(0.0).sqrt();
    if square <= 0.0 || constant <= 0.0 {
        return None;
    }
    finite((
        ((linear - root) / square).ln(),
        ((linear + root) / square).ln(),
    ))
}

/// How far the runs of each pair lie from the median of their arm, on the criterion's scale: treatment and control;
/// nothing of a pair that is not complete.
///
/// A run that diverged is as far out as the farthest of both arms.
pub(super) fn distances(pairs: &[Pair], criterion: &Criterion) -> Vec<Option<[f64; 2]>> {
    let complete = |pair: &&Pair| pair.difference.is_some();
    let seen = |pair: &Pair| {
        [pair.treatment, pair.control].map(|value| value.map(|value| advantage(value, criterion)))
    };
    let medians = [0, 1].map(|arm| {
        let values: Vec<f64> = (pairs.iter().filter(complete))
            .filter_map(|pair| seen(pair)[arm])
            .collect();
        stats::median(&values).unwrap_or(0.0)
    });
    let near: Vec<Option<[Option<f64>; 2]>> = pairs
        .iter()
        .map(|pair| {
            let [treatment, control] = seen(pair);
            let from = |value: Option<f64>, median: f64| Some((value? - median).abs().min(LARGEST));
            (pair.difference.is_some())
                .then(|| [from(treatment, medians[0]), from(control, medians[1])])
        })
        .collect();
    let farthest = (near.iter().flatten().flatten().flatten())
        .copied()
        .fold(0.0, f64::max);
    near.into_iter()
        .map(|pair| Some(pair?.map(|distance| distance.unwrap_or(farthest))))
        .collect()
}
