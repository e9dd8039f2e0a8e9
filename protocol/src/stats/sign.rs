//! The sign test: what the pairs say about the typical one, whatever the shape of the noise.

/// Exact one-sided p-value of the sign test: the chance of `count` heads or more in `n` throws of a fair coin.
///
/// With `count` the pairs above a value it tests "the median is at most that value", with those below it "the median
/// is at least that value" (Dixon & Mood 1946). It holds for every distribution, with ties counted against it.
pub fn sign_test(count: usize, n: usize) -> f64 {
    let mut ways = 1.0;
    let mut sum = 0.0;
    // From n heads downwards: C(n, n), C(n, n − 1), …
    for tails in 0..=n.saturating_sub(count) {
        sum += ways;
        ways *= (n - tails) as f64 / (tails + 1) as f64;
    }
    sum / 2_f64.powi(n as i32)
}

/// Chance that `count` or more of `n` draws fall where one does with a chance of `share`.
pub(super) fn sign_tail(count: usize, n: usize, share: f64) -> f64 {
    let mut ways = 1.0;
    let mut sum = 0.0;
    // From all n downwards, as above.
    for others in 0..=n.saturating_sub(count) {
        sum += ways * share.powi((n - others) as i32) * (1.0 - share).powi(others as i32);
        ways *= (n - others) as f64 / (others + 1) as f64;
    }
    sum
}

/// One-sided lower and upper bounds of the median, each at level `alpha`: order statistics.
///
/// Infinite where so few values, or so small a level, bound nothing. `values` may be infinite, and are not empty.
pub fn median_bounds(values: &[f64], alpha: f64) -> (f64, f64) {
    median_bounds_by(values, |count, n| sign_test(count, n) <= alpha)
}

/// The same by any test of signs: `proves` says whether so many of n values above a point prove the median to lie above it.
pub fn median_bounds_by(values: &[f64], proves: impl Fn(usize, usize) -> bool) -> (f64, f64) {
    let sorted = sorted(values);
    let n = sorted.len();
    // The k-th value from either end bounds the median where it is proven although k − 1 lie beyond it.
    let inside = (0..n).take_while(|beyond| proves(n - beyond, n)).count();
    match inside {
        0 => (f64::NEG_INFINITY, f64::INFINITY),
        k => (sorted[k - 1], sorted[n - k]),
    }
}

/// The median; of an even number the mean of the two in the middle. `None` without values.
pub fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let n = sorted.len();
    let upper = *sorted.get(n / 2)?;
    if n % 2 == 1 {
        return Some(upper);
    }
    let lower = sorted[n / 2 - 1];
    // Halved first: the sum of two huge numbers would not be finite.
    Some(if lower == upper {
        lower
    } else {
        lower / 2.0 + upper / 2.0
    })
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}
