//! Exact tests on the signs and ranks of paired differences.

/// Sums closer than this, relative to the largest, are ties: they differ by rounding only.
const TIE: f64 = 1e-12;

/// Exact one-sided sign-flip p-value of "the mean is at most 0": the share of the 2ⁿ sign patterns
/// whose sum is at least the observed one.
///
/// Meets in the middle, so that n = 40 costs 2²⁰ sums twice and not 2⁴⁰. Both halves are in order, so one walk through
/// them counts.
pub fn sign_flip(differences: &[f64]) -> f64 {
    let observed: f64 = differences.iter().sum();
    let scale: f64 = differences.iter().map(|d| d.abs()).sum();
    let bar = observed - TIE * scale;
    // Of differences that are not finite no sum is greater than another.
    if !bar.is_finite() {
        return 1.0;
    }
    let (left, right) = differences.split_at(differences.len() / 2);
    let (left, right) = (signed_sums(left), signed_sums(right));
    // The greater one half's sum, the more of the other half reach the bar with it.
    let mut first = right.len();
    let mut at_least: u64 = 0;
    for sum in &left {
        while first > 0 && sum + right[first - 1] >= bar {
            first -= 1;
        }
        at_least += (right.len() - first) as u64;
    }
    at_least as f64 / 2_f64.powi(differences.len() as i32)
}

/// All 2ⁿ sums of ±dᵢ, the smallest first.
fn signed_sums(differences: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0];
    for step in differences.iter().map(|d| d.abs()) {
        // Both the sums less this one and the sums with it are in order: they are merged.
        let mut merged = Vec::with_capacity(2 * sums.len());
        let (mut less, mut more) = (0, 0);
        while less < sums.len() {
            let (below, above) = (sums[less] - step, sums[more] + step);
            let is_below = below <= above;
            merged.push(if is_below { below } else { above });
            less += usize::from(is_below);
            more += usize::from(!is_below);
        }
        merged.extend(sums[more..].iter().map(|sum| sum + step));
        sums = merged;
    }
    sums
}

/// Exact two-sided Wilcoxon signed-rank p-value; zeros are dropped, tied ranks averaged.
pub fn wilcoxon(differences: &[f64]) -> f64 {
    let mut nonzero: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    if nonzero.is_empty() {
        return 1.0;
    }
    nonzero.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    // Doubled ranks are whole numbers even where ties are averaged.
    let ranks = doubled_ranks(&nonzero);
    let positive: usize = nonzero
        .iter()
        .zip(&ranks)
        .filter(|(d, _)| **d > 0.0)
        .map(|(_, r)| r)
        .sum();
    let total: usize = ranks.iter().sum();
    let extreme = positive.min(total - positive);
    let mut ways = vec![0.0; total + 1];
    ways[0] = 1.0;
    for rank in ranks {
        for sum in (rank..=total).rev() {
            ways[sum] += ways[sum - rank];
        }
    }
    let tail: f64 = ways[..=extreme].iter().sum();
    (2.0 * tail / 2_f64.powi(nonzero.len() as i32)).min(1.0)
}

fn doubled_ranks(sorted: &[f64]) -> Vec<usize> {
    let mut ranks = Vec::with_capacity(sorted.len());
    let mut start = 0;
    while start < sorted.len() {
        let size = sorted[start].abs();
        let tied = sorted[start..]
            .iter()
            .take_while(|d| (d.abs() - size).abs() <= TIE * size)
            .count();
        // Ranks start + 1 … start + tied: their mean, doubled.
        ranks.extend(std::iter::repeat_n(2 * start + tied + 1, tied));
        start += tied;
    }
    ranks
}
