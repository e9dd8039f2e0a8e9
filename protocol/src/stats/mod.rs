//! The statistics behind a verdict, as plain functions on slices.
//!
//! Checked in the tests against scipy 1.17 and statsmodels 0.15.

mod exact;
mod paired;
mod proportion;

pub use exact::{sign_flip, wilcoxon};
pub use paired::{Paired, paired};
pub use proportion::{mcnemar, newcombe_paired, wilson};

/// Level for one experiment of a family (Holm 1979).
///
/// `p` is this experiment's p-value, `known` those of the family's experiments that are decided,
/// `undecided` how many are not; the latter could all turn out larger, so they only widen the family.
/// Returns α/(K − rank) if everything smaller passed at its own step; otherwise the level of the first that did not.
pub fn holm_level(p: f64, known: &[f64], undecided: usize, alpha: f64) -> f64 {
    let family = known.len() + undecided + 1;
    let mut smaller: Vec<f64> = known.iter().copied().filter(|other| *other < p).collect();
    smaller.sort_by(f64::total_cmp);
    for (rank, other) in smaller.iter().enumerate() {
        let level = alpha / (family - rank) as f64;
        if *other > level {
            return level;
        }
    }
    alpha / (family - smaller.len()) as f64
}

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
