//! The statistics behind a verdict, as plain functions on slices.
//!
//! Checked in the tests against scipy 1.17 and statsmodels 0.15.

mod bootstrap;
mod conjunction;
mod e_value;
mod exact;
mod matched;
mod paired;
mod proportion;
mod rank;
mod sign;

pub use bootstrap::{bootstrap, bootstrap_median};
pub use conjunction::partial_conjunction;
pub use e_value::sign_e_value;
pub use exact::{sign_flip, wilcoxon};
pub use matched::paired_shares_below;
pub use paired::{Paired, largest_skewness, paired, skewness, student_quantile};
pub use proportion::{mcnemar, newcombe_paired, wilson};
pub use rank::rank_correlation;
pub use sign::{median, median_bounds, median_bounds_by, sign_test};

/// Share of pairs (a, b) over all combinations with a > b, ties counting half: P(A > B). `None` if one is empty.
pub fn superiority(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let wins: f64 = a
        .iter()
        .flat_map(|x| b.iter().map(move |y| (x, y)))
        .map(|(x, y)| match x.total_cmp(y) {
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Less => 0.0,
        })
        .sum();
    Some(wins / (a.len() * b.len()) as f64)
}

#[cfg(test)]
mod tests;
