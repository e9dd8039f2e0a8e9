//! Power: how likely an experiment is to find what is there.
//!
//! All of it is estimated from the pairs of an experiment that has ended, so it is rough; the levels, which are exact, do
//! not depend on it.

use super::{Pair, Verdict};
use crate::spec::{CriterionKind, Estimand, limits};
use crate::stats;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// Power that a confirmation is planned with.
const PLANNED: f64 = 0.9;
/// Level of all confirmations of one claim together: the chance that a true claim ever falls.
pub const CLAIM_LEVEL: f64 = 0.05;
/// Imaginary pairs that speak neither for nor against, added to those that were seen: what is seen in the experiment that
/// called for a confirmation is clearer than the truth more often than not.
const IMAGINARY: f64 = 2.0;

/// A confirmation: a repetition of a falsifying experiment on unused seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Confirmation {
    /// Which of its claim's it is, from 1 on.
    pub place: u32,
    /// Its one-sided level. Those of all confirmations of a claim, however many, sum to [`CLAIM_LEVEL`].
    pub level: f64,
    /// Seed pairs.
    pub pairs: u32,
    /// Chance that it falsifies the prediction, if what the first experiment saw is there.
    pub power: f64,
}

impl Confirmation {
    /// Plans the confirmation number `place` of a claim, from the verdict that called for it.
    ///
    /// It has the fewest pairs, six at least, that reach [`PLANNED`]; where no number that is allowed does, the most.
    pub fn plan(verdict: &Verdict, place: u32) -> Self {
        let level = CLAIM_LEVEL / (f64::from(place) * f64::from(place + 1));
        let power = |pairs: usize| power(verdict, pairs, level);
        let most = *limits::SEEDS.end();
        let pairs = (super::FEWEST_PAIRS..=most)
            .find(|pairs| power(*pairs) >= PLANNED)
            .unwrap_or(most);
        Self {
            place,
            level,
            pairs: u32::try_from(pairs).unwrap_or(u32::MAX),
            power: power(pairs),
        }
    }
}

/// Chance that so many pairs like those of the verdict falsify the prediction at the level.
fn power(verdict: &Verdict, pairs: usize, level: f64) -> f64 {
    let differences = differences(&verdict.pairs);
    if verdict.kind == Some(CriterionKind::SolveRate) {
        let [effect, spread] = of_shares(&differences);
        return normal_power((verdict.margin - effect) / spread, pairs, level);
    }
    if verdict.kind == Some(CriterionKind::Cells) {
        return power_of_cells(verdict, pairs, level, |_| verdict.margin);
    }
    let distances: Vec<f64> = match Side::of(verdict, &differences) {
        Side::Below(value) => differences.iter().map(|d| d - value).collect(),
        Side::Above(value) => differences.iter().map(|d| value - d).collect(),
    };
    resampled_power(&[distances], 1, verdict.estimand, pairs, level)
}

/// Chance that the experiment would have falsified the prediction, had there been no effect at all (of `equivalence`: one
/// of twice the margin): the severity with which the prediction was tested. Absent without two pairs.
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
        return Some(power_of_cells(verdict, pairs, level, middle));
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

/// The same of several conditions, each at its share of the level; `bound` is what its differences must be proven to lie
/// below. Seeds are drawn with all that they gave.
fn power_of_cells(
    verdict: &Verdict,
    pairs: usize,
    level: f64,
    bound: impl Fn(&[f64]) -> f64,
) -> f64 {
    let conditions = &verdict.conditions;
    let count = verdict.at_least.map_or(1, |count| count as usize).max(1);
    let against = (conditions.len() + 1).saturating_sub(count).max(1);
    let distances: Vec<Vec<f64>> = (conditions.iter())
        .map(|condition| {
            // Only seeds that are complete in every condition, so that those of all conditions stand side by side.
            let seeds = condition.pairs.iter().zip(&verdict.pairs);
            let seen: Vec<f64> = seeds
                .filter_map(|(pair, whole)| whole.difference.and(pair.difference))
                .collect();
            let bound = bound(&seen);
            seen.iter().map(|difference| difference - bound).collect()
        })
        .collect();
    resampled_power(&distances, against, None, pairs, level / count as f64)
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
    /// The error of a share of 0.9 is 0.01 then.
    const SAMPLES: u32 = 1_000;
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
        drawn.fill_with(|| rng.random_range(0..seeds));
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

fn differences(pairs: &[Pair]) -> Vec<f64> {
    pairs.iter().filter_map(|pair| pair.difference).collect()
}

/// On which side of which value the effect has to be proven to lie.
enum Side {
    Below(f64),
    Above(f64),
}

impl Side {
    fn of(verdict: &Verdict, differences: &[f64]) -> Self {
        let (below, above) = (Self::Below(-verdict.margin), Self::Above(verdict.margin));
        match verdict.kind {
            Some(CriterionKind::Equivalence)
                if below.count(differences) > above.count(differences) =>
            {
                below
            }
            Some(CriterionKind::Equivalence) => above,
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
mod tests;
