//! Agreement of two orders.

use statrs::statistics::{Data, OrderStatistics, RankTieBreaker};

/// Spearman's rank correlation of pairs, ties at their mean rank: 1 if both grow together, 0 if neither says anything of
/// the other, which holds too where all values of one are alike. Not a number if a value is none.
pub fn rank_correlation(pairs: &[[f64; 2]]) -> f64 {
    if pairs.iter().flatten().any(|value| !value.is_finite()) {
        return f64::NAN;
    }
    let ranks = |side: usize| -> Vec<f64> {
        let values: Vec<f64> = pairs.iter().map(|pair| pair[side]).collect();
        // From the middle rank, so that their sum is 0.
        let middle = (pairs.len() + 1) as f64 / 2.0;
        let ranks = Data::new(values).ranks(RankTieBreaker::Average);
        ranks.into_iter().map(|rank| rank - middle).collect()
    };
    let (a, b) = (ranks(0), ranks(1));
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let spread = (product(&a, &a) * product(&b, &b)).sqrt();
    if spread > 0.0 {
        product(&a, &b) / spread
    } else {
        0.0
    }
}
