//! Confirmations: how many pairs repeat a falsifying experiment, and how likely they are to falsify again.
//!
//! The pairs of the experiment that called for one are few and were lucky: of eight, one seed in seven that learns what
//! the others do not is missing in three experiments of ten, and just these are falsified. So the pairs are not taken for
//! all that there is. Each simulated confirmation draws a population first, by the Bayesian bootstrap (Rubin 1981) of the
//! pairs and two imaginary ones, one of which lies far out on the side that would save the claim. The share of
//! confirmations that falsify, over all these populations, is an *assurance* (O'Hagan et al. 2005): a chance that what
//! is not known has been taken out of.

use super::power::{
    Cells, Population, SAMPLES, Side, differences, normal_power, simulated, weights,
};
use super::{FEWEST_PAIRS, Verdict};
use crate::spec::{CriterionKind, limits};
use rand::SeedableRng;
use rand::rngs::SmallRng;

/// Power that a confirmation is planned with, where so many pairs as may run have it.
pub const PLANNED: f64 = 0.9;
/// Level of all confirmations of one claim together: the chance that a true claim ever falls.
const CLAIM_LEVEL: f64 = 0.05;
/// How much farther than a pair does on average the imaginary one lies that would save the claim: as far as one seed in
/// seven that gains three margins where the others gain nothing, in `bench/verdict`, and a little more.
const FARTHER: f64 = 3.0;

/// A confirmation: a repetition of a falsifying experiment on unused seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Confirmation {
    /// Which of its claim's it is, from 1 on.
    pub place: u32,
    /// Its one-sided level. Those of all confirmations of a claim, however many, sum to 0.05.
    pub level: f64,
    /// Seed pairs.
    pub pairs: u32,
    /// Chance that it falsifies the prediction, if what the first experiment saw is there: at least that, since rare seeds
    /// that speak for the claim, and that its pairs cannot show, are allowed for.
    pub power: f64,
}

impl Confirmation {
    /// Plans the confirmation number `place` of a claim, from the verdict that called for it.
    ///
    /// It has the fewest pairs, six at least, that reach [`PLANNED`]; where no number that is allowed does, the most.
    pub fn plan(verdict: &Verdict, place: u32) -> Self {
        let level = CLAIM_LEVEL / (f64::from(place) * f64::from(place + 1));
        let power = |pairs: usize| assurance(verdict, pairs, level);
        let most = *limits::SEEDS.end();
        let with_most = power(most);
        // Mostly not even the most are enough; then nobody needs to try fewer.
        let found = (with_most >= PLANNED)
            .then(|| (FEWEST_PAIRS..most).map(|pairs| (pairs, power(pairs))))
            .and_then(|mut tried| tried.find(|(_, power)| *power >= PLANNED));
        let (pairs, power) = found.unwrap_or((most, with_most));
        Self {
            place,
            level,
            pairs: u32::try_from(pairs).unwrap_or(u32::MAX),
            power,
        }
    }
}

/// Chance that so many pairs falsify the prediction at the level, over all that the pairs of the verdict leave open.
fn assurance(verdict: &Verdict, pairs: usize, level: f64) -> f64 {
    let seen = differences(&verdict.pairs);
    if verdict.kind == Some(CriterionKind::SolveRate) {
        return of_shares(&seen, verdict.margin, pairs, level);
    }
    let uncertain = |conditions: &[Vec<f64>], needed: usize, level: f64| {
        let all = with_imaginary(conditions);
        let population = Population::Uncertain;
        simulated(&all, needed, verdict.estimand, pairs, level, population)
    };
    if verdict.kind == Some(CriterionKind::Cells) {
        let cells = Cells::of(verdict, |_| verdict.margin);
        return uncertain(&cells.distances, cells.against, level / cells.count);
    }
    let distances = match Side::of(verdict, &seen) {
        Side::Below(value) => seen.iter().map(|d| d - value).collect(),
        Side::Above(value) => seen.iter().map(|d| value - d).collect(),
    };
    uncertain(&[distances], 1, level)
}

/// Distances of each condition, of which those below 0 speak against the claim, and imaginary seeds: for each condition one
/// that lies [`FARTHER`] above, while those of the others are below, as far as they are on average. A condition that is
/// alone has one below as well.
fn with_imaginary(conditions: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let imaginary = conditions.len().max(2);
    conditions
        .iter()
        .enumerate()
        .map(|(condition, distances)| {
            let sum: f64 = distances.iter().map(|distance| distance.abs()).sum();
            let usual = sum / distances.len().max(1) as f64;
            let mut all = distances.clone();
            all.extend((0..imaginary).map(|seed| match seed == condition {
                true => FARTHER * usual,
                false => -usual,
            }));
            all
        })
        .collect()
}

/// The same of a difference of shares, by the normal approximation: pairs count 1, 0 or −1. No pair lies farther than 1, so
/// in place of one that lies [`FARTHER`] there are so many.
fn of_shares(seen: &[f64], margin: f64, pairs: usize, level: f64) -> f64 {
    let all = [seen, &[-1.0], &[1.0; FARTHER as usize]].concat();
    let mut rng = SmallRng::seed_from_u64(pairs as u64);
    let sum: f64 = (0..SAMPLES)
        .map(|_| {
            let weights = weights(all.len(), &mut rng);
            let whole: f64 = weights.iter().sum();
            let mean = |of: fn(f64) -> f64| -> f64 {
                let parts = weights.iter().zip(&all);
                parts
                    .map(|(weight, value)| weight * of(*value))
                    .sum::<f64>()
                    / whole
            };
            let effect = mean(|value| value);
            let spread = (mean(|value| value * value) - effect * effect).sqrt();
            normal_power((margin - effect) / spread, pairs, level)
        })
        .sum();
    sum / f64::from(SAMPLES)
}

#[cfg(test)]
mod tests;
