//! Shares of seeds that solve a task, and their paired difference.

use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, Normal};

/// Wilson score interval of `k` successes in `n`, two-sided at level `alpha` (Wilson 1927).
pub fn wilson(k: usize, n: usize, alpha: f64) -> (f64, f64) {
    let z = Normal::standard().inverse_cdf(1.0 - alpha / 2.0);
    let (k, n) = (k as f64, n as f64);
    let p = k / n;
    let denominator = 1.0 + z * z / n;
    let centre = (p + z * z / (2.0 * n)) / denominator;
    let half = z / denominator * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

/// Interval of the difference of two paired shares, two-sided at level `alpha` (Newcombe 1998, method 10).
///
/// `both`, `first`, `second`, `neither` count the pairs by who succeeded; the difference is first − second.
pub fn newcombe_paired(
    both: usize,
    first: usize,
    second: usize,
    neither: usize,
    alpha: f64,
) -> (f64, f64) {
    let n = both + first + second + neither;
    let share = |k: usize| k as f64 / n as f64;
    let (p1, p2) = (share(both + first), share(both + second));
    let difference = share(first) - share(second);
    let (low1, high1) = wilson(both + first, n, alpha);
    let (low2, high2) = wilson(both + second, n, alpha);
    let phi = correlation(both, first, second, neither);
    let reach = |a: f64, b: f64| (a * a - 2.0 * phi * a * b + b * b).max(0.0).sqrt();
    let low = difference - reach(p1 - low1, high2 - p2);
    let high = difference + reach(high1 - p1, p2 - low2);
    (low.max(-1.0), high.min(1.0))
}

/// Newcombe's φ: the correlation of the pairs, with his continuity correction where it is positive.
fn correlation(both: usize, first: usize, second: usize, neither: usize) -> f64 {
    let [a, b, c, d] = [both, first, second, neither].map(|count| count as f64);
    let spread = (a + b) * (c + d) * (a + c) * (b + d);
    if spread == 0.0 {
        return 0.0;
    }
    let product = a * d - b * c;
    let corrected = if product > 0.0 {
        (product - (a + b + c + d) / 2.0).max(0.0)
    } else {
        product
    };
    corrected / spread.sqrt()
}

/// Exact one-sided McNemar p-value of "first is not better": the binomial tail over the discordant pairs.
pub fn mcnemar(first: usize, second: usize) -> f64 {
    let discordant = (first + second) as u64;
    if first == 0 {
        return 1.0;
    }
    Binomial::new(0.5, discordant)
        .expect("a fair coin")
        .sf(first as u64 - 1)
}
