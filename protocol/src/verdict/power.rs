//! Power: how likely an experiment is to find what is there.
//!
//! All of it is estimated from the pairs of an experiment that has ended, so it is rough; the levels, which are exact, do
//! not depend on it.

use super::{Pair, Verdict};
use crate::spec::{CriterionKind, Estimand};
use crate::stats;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// Simulated experiments of each power: the error of a share of 0.9 is 0.01 then.
pub(super) const SAMPLES: u32 = 1_000;
/// Imaginary pairs that speak neither for nor against, added to those that were seen: what few pairs show is clearer than
/// the truth more often than not.
const IMAGINARY: f64 = 2.0;

/// Chance that the experiment would have falsified the prediction, had there been no effect at all (of `equivalence`: one
/// of twice the margin; of `non_inferiority`: a treatment worse by that): the severity with which the prediction was tested. Absent without two pairs.
///
/// The noise is taken to be what the pairs have around their middle.
pub(super) fn severity(verdict: &Verdict, level: f64) -> Option<f64> {
    let differences = differences(&verdict.pairs);
    let pairs = differences.len();
    if pairs < 2 {
        return None;
    }
    if verdict.kind == Some(CriterionKind::SolveRate) {
        let [_, spread] = of_shares(&differences);
        return Some(normal_power(verdict.margin / spread, pairs, level));
    }
    if verdict.kind == Some(CriterionKind::Cells) {
        let middle = |seen: &[f64]| stats::median(seen).unwrap_or(0.0) + verdict.margin;
        let cells = Cells::of(verdict, middle);
        let level = level / cells.count;
        return Some(resampled_power(
            &cells.distances,
            cells.against,
            None,
            pairs,
            level,
        ));
    }
    let middle = match verdict.estimand {
        Some(Estimand::Mean) => stats::paired(&differences)?.mean,
        _ => stats::median(&differences)?,
    };
    let distances: Vec<f64> = differences
        .iter()
        .map(|difference| difference - middle - verdict.margin)
        .collect();
    if let Some(sequential) = &verdict.sequential {
        let cap = sequential.cap;
        return Some(super::sequential::power(
            cap,
            &distances,
            verdict.margin,
            level,
        ));
    }
    Some(resampled_power(
        &[distances],
        1,
        verdict.estimand,
        pairs,
        level,
    ))
}

/// The conditions of `cells`, each as what its differences must be proven to lie below 0.
pub(super) struct Cells {
    /// Of each condition the differences less what they must lie below. Seeds that are complete in every condition stand
    /// side by side.
    pub(super) distances: Vec<Vec<f64>>,
    /// How many of them must lie below.
    pub(super) against: usize,
    /// How many were predicted, by which the level of each is divided.
    pub(super) count: f64,
}

impl Cells {
    /// `bound` is what the differences of a condition must be proven to lie below.
    pub(super) fn of(verdict: &Verdict, bound: impl Fn(&[f64]) -> f64) -> Self {
        let count = verdict.at_least.map_or(1, |count| count as usize).max(1);
        let distances = (verdict.conditions.iter())
            .map(|condition| {
                let seeds = condition.pairs.iter().zip(&verdict.pairs);
                let seen: Vec<f64> = seeds
                    .filter_map(|(pair, whole)| whole.difference.and(pair.difference))
                    .collect();
                let bound = bound(&seen);
                seen.iter().map(|difference| difference - bound).collect()
            })
            .collect();
        Self {
            distances,
            against: (verdict.conditions.len() + 1).saturating_sub(count).max(1),
            count: count as f64,
        }
    }
}

/// [`drawn_power`] of those that were seen and two imaginary ones on either side of 0.
fn resampled_power(
    conditions: &[Vec<f64>],
    needed: usize,
    estimand: Option<Estimand>,
    pairs: usize,
    level: f64,
) -> f64 {
    let all: Vec<Vec<f64>> = conditions.iter().map(|all| with_imaginary(all)).collect();
    drawn_power(&all, needed, estimand, pairs, level)
}

/// Numbers and two imaginary ones, as far from 0 as the farthest, one on either side.
pub(super) fn with_imaginary(numbers: &[f64]) -> Vec<f64> {
    let farthest = numbers.iter().map(|d| d.abs()).fold(0.0, f64::max);
    [numbers, &[-farthest, farthest]].concat()
}

/// Chance that so many pairs, drawn from these, are proven to lie below 0: by the sign test and Student's bound, for a mean
/// by the latter alone. Of several conditions so many as are `needed` must be.
pub(super) fn drawn_power(
    all: &[Vec<f64>],
    needed: usize,
    estimand: Option<Estimand>,
    pairs: usize,
    level: f64,
) -> f64 {
    simulated(all, needed, estimand, pairs, level, Population::Seen)
}

/// From what the seeds of a simulated experiment are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Population {
    /// From the numbers, each as likely as another.
    Seen,
    /// For each experiment from another population that may have given them: their weights are drawn first.
    Uncertain,
}

/// Weights of so many numbers in a population that may have given them (Rubin's Bayesian bootstrap).
pub(super) fn weights(numbers: usize, rng: &mut SmallRng) -> Vec<f64> {
    (0..numbers)
        .map(|_| -(1.0 - rng.random::<f64>()).ln())
        .collect()
}

/// [`drawn_power`] of either population.
pub(super) fn simulated(
    all: &[Vec<f64>],
    needed: usize,
    estimand: Option<Estimand>,
    pairs: usize,
    level: f64,
    population: Population,
) -> f64 {
    // What a seed gave in all conditions is drawn together.
    let Some(seeds) = all.iter().map(Vec::len).min() else {
        return 0.0;
    };
    let Some(least) = (0..=pairs).find(|count| stats::sign_test(*count, pairs) <= level) else {
        return 0.0;
    };
    let Ok(student) = StudentsT::new(0.0, 1.0, pairs as f64 - 1.0) else {
        return 0.0;
    };
    // How many standard errors the mean must lie below 0.
    let apart = student.inverse_cdf(1.0 - level) / (pairs as f64).sqrt();
    // The same numbers whenever it is computed again.
    let mut rng = SmallRng::seed_from_u64(pairs as u64);
    let mut drawn = vec![0; pairs];
    let mut sample = vec![0.0; pairs];
    let mut proven = 0;
    for _ in 0..SAMPLES {
        match population {
            Population::Seen => drawn.fill_with(|| rng.random_range(0..seeds)),
            Population::Uncertain => {
                let mut reached = weights(seeds, &mut rng);
                for place in 1..seeds {
                    reached[place] += reached[place - 1];
                }
                let whole = reached[seeds - 1];
                drawn.fill_with(|| {
                    let at = whole * rng.random::<f64>();
                    reached
                        .partition_point(|reached| *reached <= at)
                        .min(seeds - 1)
                });
            }
        }
        let (mut by_signs, mut by_mean) = (0, 0);
        for distances in all {
            for (place, seed) in sample.iter_mut().zip(&drawn) {
                *place = distances[*seed];
            }
            let below = sample.iter().filter(|distance| **distance < 0.0).count();
            by_signs += usize::from(estimand == Some(Estimand::Mean) || below >= least);
            let summary = stats::paired(&sample);
            let mean = summary.is_some_and(|it| it.mean + apart * it.sd < 0.0);
            by_mean += usize::from(mean);
        }
        proven += u32::from(by_signs >= needed && by_mean >= needed);
    }
    f64::from(proven) / f64::from(SAMPLES)
}

pub(super) fn differences(pairs: &[Pair]) -> Vec<f64> {
    pairs.iter().filter_map(|pair| pair.difference).collect()
}

/// On which side of which value the effect has to be proven to lie.
pub(super) enum Side {
    Below(f64),
    Above(f64),
}

impl Side {
    pub(super) fn of(verdict: &Verdict, differences: &[f64]) -> Self {
        let (below, above) = (Self::Below(-verdict.margin), Self::Above(verdict.margin));
        match verdict.kind {
            Some(CriterionKind::Equivalence)
                if below.count(differences) > above.count(differences) =>
            {
                below
            }
            Some(CriterionKind::Equivalence) => above,
            Some(CriterionKind::NonInferiority) => below,
            _ => Self::Below(verdict.margin),
        }
    }

    fn count(&self, differences: &[f64]) -> usize {
        differences
            .iter()
            .filter(|difference| match self {
                Self::Below(value) => *difference < value,
                Self::Above(value) => *difference > value,
            })
            .count()
    }
}

/// Mean of the differences and of the imaginary ones, which are 0, and standard deviation around it.
fn shrunk(differences: &[f64]) -> [f64; 2] {
    let n = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / (n + IMAGINARY);
    let squares: f64 = differences.iter().map(|d| (d - mean).powi(2)).sum();
    let spread = (squares / (n - 1.0).max(1.0)).sqrt();
    [mean, spread.max(f64::MIN_POSITIVE)]
}

/// The same of pairs that count 1, 0 or −1. Where all are alike, one in so many may still differ.
pub(super) fn of_shares(differences: &[f64]) -> [f64; 2] {
    let [mean, spread] = shrunk(differences);
    let least = 1.0 / (differences.len() as f64 + IMAGINARY);
    [mean, spread.max(least.sqrt())]
}

/// Chance that a normal test is passed when the truth lies so many standard deviations of a pair on that side.
pub(super) fn normal_power(distance: f64, pairs: usize, level: f64) -> f64 {
    let normal = Normal::standard();
    normal.cdf(distance * (pairs as f64).sqrt() - normal.inverse_cdf(1.0 - level))
}

#[cfg(test)]
pub(super) mod tests;
