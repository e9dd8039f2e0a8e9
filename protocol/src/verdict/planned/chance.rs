//! How often a planned experiment finds what is there, by the rule that will decide it.

use super::PairNoise;
use crate::spec::{Criterion, CriterionKind};
use crate::stats;
use crate::verdict::power::{SAMPLES, drawn_power, normal_power, of_shares, with_imaginary};
use crate::verdict::sequential;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use statrs::distribution::{Binomial, DiscreteCDF};

/// Chance that so many pairs falsify the prediction where there is no effect (of `equivalence`: that they support it where
/// there is no difference), for a margin of that size.
pub(super) fn refuted(criterion: &Criterion, noise: &PairNoise, margin: f64, pairs: usize) -> f64 {
    match criterion.kind {
        CriterionKind::Cells => {
            let [of, count] = conditions(criterion);
            in_enough(criterion, noise, margin, pairs, [of, of + 1 - count, count])
        }
        CriterionKind::Dispersion => of_spreads(criterion, noise, margin, pairs),
        _ => of_differences(criterion, noise, margin, pairs),
    }
}

/// Chance that so many pairs prove an effect of that size to be there; of `cells` where all conditions have it.
pub(super) fn seen(criterion: &Criterion, noise: &PairNoise, effect: f64, pairs: usize) -> f64 {
    match criterion.kind {
        CriterionKind::Cells => {
            let [of, count] = conditions(criterion);
            in_enough(criterion, noise, effect, pairs, [of, count, of + 1 - count])
        }
        // The same test from the other side.
        _ => refuted(criterion, noise, effect, pairs),
    }
}

/// How many conditions there are, and in how many of them the effect is predicted.
fn conditions(criterion: &Criterion) -> [usize; 2] {
    let of = criterion.cells().len();
    [of, criterion.count().clamp(1, of)]
}

/// Chance that pairs tell an effect of that size from none.
fn of_differences(criterion: &Criterion, noise: &PairNoise, effect: f64, pairs: usize) -> f64 {
    if criterion.kind == CriterionKind::SolveRate {
        let [_, spread] = of_shares(&noise.differences);
        return normal_power(effect / spread, pairs, criterion.alpha);
    }
    if criterion.stopping.is_some() {
        let distances: Vec<f64> = noise.differences.iter().map(|d| d - effect).collect();
        return sequential::power(pairs, &distances, effect, criterion.alpha);
    }
    let one_side = one_side(criterion, noise, effect, pairs, criterion.alpha);
    match criterion.kind {
        // Both sides have to be proven; each fails that often.
        CriterionKind::Equivalence => (2.0 * one_side - 1.0).max(0.0),
        _ => one_side,
    }
}

/// Chance that pairs are proven to lie on one side of what lies so far from their middle.
fn one_side(
    criterion: &Criterion,
    noise: &PairNoise,
    effect: f64,
    pairs: usize,
    level: f64,
) -> f64 {
    // Few pairs do not show how far others may lie.
    let seen = with_imaginary(&noise.differences);
    let distances: Vec<f64> = seen.iter().map(|d| d - effect).collect();
    drawn_power(&[distances], 1, criterion.estimand, pairs, level)
}

/// Chance that at least `needed` of `of` conditions pass, each at a `share`-th of the level. Conditions have seeds in
/// common, nobody knows how much of their noise: whichever is less, as if it were nothing, or everything.
fn in_enough(
    criterion: &Criterion,
    noise: &PairNoise,
    effect: f64,
    pairs: usize,
    [of, needed, share]: [usize; 3],
) -> f64 {
    let level = criterion.alpha / share as f64;
    let alone = one_side(criterion, noise, effect, pairs, level);
    let Ok(apart) = Binomial::new(alone, of as u64) else {
        return alone;
    };
    alone.min(apart.sf(needed as u64 - 1))
}

/// Chance that so many pairs tell spreads apart that differ by the factor e to the `effect`, by the second test, with
/// which the exact one nearly always agrees. Only the shape of the noise counts for it.
fn of_spreads(criterion: &Criterion, noise: &PairNoise, effect: f64, pairs: usize) -> f64 {
    if pairs < 2 {
        return 0.0;
    }
    let factor = effect.exp();
    let apart = stats::student_quantile(criterion.alpha, pairs) / (pairs as f64).sqrt();
    let drawn = &noise.differences;
    // The same numbers whenever it is computed again.
    let mut rng = SmallRng::seed_from_u64(pairs as u64);
    let mut arms = [vec![0.0; pairs], vec![0.0; pairs]];
    let mut proven = 0;
    for _ in 0..SAMPLES {
        for arm in &mut arms {
            arm.fill_with(|| drawn[rng.random_range(0..drawn.len())]);
            let middle = stats::median(arm).expect("there are pairs");
            arm.iter_mut().for_each(|run| *run = (*run - middle).abs());
        }
        let [wide, narrow] = &arms;
        let differences: Vec<f64> = (wide.iter().zip(narrow))
            .map(|(wide, narrow)| factor * wide - narrow)
            .collect();
        let summary = stats::paired(&differences).expect("two pairs or more");
        proven += u32::from(summary.mean - apart * summary.sd > 0.0);
    }
    f64::from(proven) / f64::from(SAMPLES)
}
