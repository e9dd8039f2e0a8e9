//! How many of several effects are there.

/// p-value of "fewer than `count` of these effects are there": (N − u + 1) · p₍ᵤ₎ with u the count, the partial conjunction
/// by Bonferroni (Benjamini & Heller 2008), which holds however the tests depend on each other.
///
/// `count` is from 1 to the number of p-values.
pub fn partial_conjunction(p_values: &[f64], count: usize) -> f64 {
    let mut sorted = p_values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rest = sorted.len() - count + 1;
    (rest as f64 * sorted[count - 1]).min(1.0)
}
