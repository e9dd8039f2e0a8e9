//! The bootstrap: what an estimate would have been on other draws of the same seeds (Efron 1979), by percentiles.

use super::sign::sign_tail;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Resamples of what cannot be counted. The error of a bound is about a fiftieth of the estimate's standard error then.
const RESAMPLES: usize = 10_000;

/// One-sided lower and upper bootstrap bounds of the median, each at level `alpha`: all nⁿ resamples, counted. `None` without
/// values.
///
/// The k-th smallest of a resample is at most the i-th smallest value if k or more of its n draws are among the first i.
pub fn bootstrap_median(values: &[f64], alpha: f64) -> Option<[f64; 2]> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let half = n.div_ceil(2);
    // Chance that the value in the lower middle of a resample is at most the i-th.
    let at_most = |i: usize| sign_tail(half, n, i as f64 / n as f64);
    let alone = |i: usize| at_most(i) - at_most(i - 1);
    let mut medians: Vec<(f64, f64)> = Vec::with_capacity(n * (n + 1) / 2);
    for i in 1..=n {
        let mut same = alone(i);
        // Of an even number the upper middle may be another value: half the draws are among the first i, half from j on.
        for j in (i + 1..=n).filter(|_| n.is_multiple_of(2)) {
            let chance = split(n, i, j);
            same -= chance;
            medians.push((sorted[i - 1] / 2.0 + sorted[j - 1] / 2.0, chance));
        }
        medians.push((sorted[i - 1], same));
    }
    medians.sort_by(|a, b| a.0.total_cmp(&b.0));
    let low = quantile(medians.iter(), alpha)?;
    Some([low, quantile(medians.iter().rev(), alpha)?])
}

/// Chance that of n draws the lower half has the i-th smallest value at its upper end and the upper half the j-th at its
/// lower end, i below j.
fn split(n: usize, i: usize, j: usize) -> f64 {
    let half = (n / 2) as i32;
    let share = |count: usize| (count as f64 / n as f64).powi(half);
    let ways: f64 = (1..=half)
        .map(|k| f64::from(half + k) / f64::from(k))
        .product();
    ways * (share(i) - share(i - 1)) * (share(n + 1 - j) - share(n - j))
}

/// The first value by which so much of the chance is spent.
fn quantile<'a>(values: impl Iterator<Item = &'a (f64, f64)>, share: f64) -> Option<f64> {
    let mut spent = 0.0;
    let mut last = None;
    for (value, chance) in values {
        spent += chance;
        last = Some(*value);
        if spent >= share {
            break;
        }
    }
    last
}

/// One-sided lower and upper bootstrap bounds, each at level `alpha`, of what `estimate` makes of n draws from n seeds, given
/// by their places; the same whenever it is computed again. `None` where a bound is not finite.
pub fn bootstrap(n: usize, alpha: f64, estimate: impl Fn(&[usize]) -> f64) -> Option<[f64; 2]> {
    if n == 0 {
        return None;
    }
    let mut rng = SmallRng::seed_from_u64(n as u64);
    let mut drawn = vec![0; n];
    let mut estimates: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            drawn.fill_with(|| rng.random_range(0..n));
            estimate(&drawn)
        })
        .collect();
    estimates.sort_by(f64::total_cmp);
    let beyond = ((alpha * RESAMPLES as f64) as usize).min(RESAMPLES - 1);
    let bounds = [estimates[beyond], estimates[RESAMPLES - 1 - beyond]];
    bounds
        .iter()
        .all(|bound| bound.is_finite())
        .then_some(bounds)
}
