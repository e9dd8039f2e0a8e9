//! Exact test of the difference of two shares over matched pairs.

use statrs::function::factorial::ln_factorial;

/// Steps of the search for the least favourable share of discordant pairs.
const STEPS: u32 = 200;
/// Scores closer than this are equal: they differ by rounding only.
const TIE: f64 = 1e-9;

/// Exact one-sided p-value of "the difference of two paired shares, first − second, is at least `null`".
///
/// `first` and `second` of `pairs` pairs succeeded in one of the two alone. Tables are ordered by Tango's score (1998);
/// the tail is that of the least favourable share of discordant pairs, so the level holds whatever that share is (Berger
/// & Sidik 2003). `null` lies between −1 and 1.
pub fn paired_shares_below(first: usize, second: usize, pairs: usize, null: f64) -> f64 {
    let bar = score(first, second, pairs, null) + TIE;
    let tables: Vec<Table> = (0..=pairs)
        .flat_map(|first| (0..=pairs - first).map(move |second| (first, second)))
        .filter(|&(first, second)| score(first, second, pairs, null) <= bar)
        .map(|(first, second)| Table::new(first, second, pairs))
        .collect();
    let tail = |discordant: f64| -> f64 {
        let shares =
            [discordant + null, discordant - null].map(|twice| (twice / 2.0).clamp(0.0, 1.0));
        tables.iter().map(|table| table.chance(shares)).sum()
    };
    // No fewer pairs can differ than the difference itself needs.
    let fewest = null.abs();
    let place = |step: u32| fewest + (1.0 - fewest) * f64::from(step) / f64::from(STEPS);
    let (best, mut largest) = (0..=STEPS)
        .map(|step| (step, tail(place(step))))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .expect("there are steps");
    // The maximum lies between the neighbours of the best place: thirds of that stretch close in on it.
    let (mut low, mut high) = (place(best.saturating_sub(1)), place((best + 1).min(STEPS)));
    for _ in 0..30 {
        let (left, right) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
        let (at_left, at_right) = (tail(left), tail(right));
        largest = largest.max(at_left).max(at_right);
        if at_left < at_right {
            low = left;
        } else {
            high = right;
        }
    }
    largest.min(1.0)
}

/// A way in which the pairs can come out, with the number of orders that give it.
struct Table {
    first: i32,
    second: i32,
    others: i32,
    ln_orders: f64,
}

impl Table {
    fn new(first: usize, second: usize, pairs: usize) -> Self {
        let others = pairs - first - second;
        let ln = |count: usize| ln_factorial(count as u64);
        Self {
            first: first as i32,
            second: second as i32,
            others: others as i32,
            ln_orders: ln(pairs) - ln(first) - ln(second) - ln(others),
        }
    }

    fn chance(&self, [first, second]: [f64; 2]) -> f64 {
        let others = (1.0 - first - second).max(0.0);
        self.ln_orders.exp()
            * first.powi(self.first)
            * second.powi(self.second)
            * others.powi(self.others)
    }
}

/// Tango's score of a table against a difference of `null`: its distance in standard errors, the share of pairs that
/// only the second solves estimated under that difference.
fn score(first: usize, second: usize, pairs: usize, null: f64) -> f64 {
    let [b, c, n] = [first, second, pairs].map(|count| count as f64);
    let distance = b - c - n * null;
    let linear = (2.0 * n - b + c) * null - b - c;
    let root = (linear * linear + 8.0 * n * c * null * (1.0 - null))
        .max(0.0)
        .sqrt();
    let only_second = (root - linear) / (4.0 * n);
    let variance = n * (2.0 * only_second + null * (1.0 - null));
    if variance <= 0.0 {
        return if distance == 0.0 {
            0.0
        } else {
            distance.signum() * f64::INFINITY
        };
    }
    distance / variance.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tail at a true difference inside the hypothesis, not only at its edge.
    fn tail_inside(
        first: usize,
        second: usize,
        pairs: usize,
        null: f64,
        truth: f64,
        discordant: f64,
    ) -> f64 {
        let bar = score(first, second, pairs, null) + TIE;
        let shares = [(discordant + truth) / 2.0, (discordant - truth) / 2.0];
        (0..=pairs)
            .flat_map(|b| (0..=pairs - b).map(move |c| (b, c)))
            .filter(|&(b, c)| score(b, c, pairs, null) <= bar)
            .map(|(b, c)| Table::new(b, c, pairs).chance(shares))
            .sum()
    }

    #[test]
    fn no_truth_within_the_hypothesis_is_less_favourable_than_its_edge() {
        for (first, second, pairs, null) in [
            (0, 0, 16, 0.1),
            (1, 4, 20, 0.1),
            (0, 2, 6, 0.1),
            (3, 5, 12, -0.2),
            (0, 8, 8, 0.0),
        ] {
            let p = paired_shares_below(first, second, pairs, null);
            for step in 0..=20 {
                let truth = null + (1.0 - null) * f64::from(step) / 20.0;
                for place in 0..=20 {
                    let discordant = truth.abs() + (1.0 - truth.abs()) * f64::from(place) / 20.0;
                    let inside = tail_inside(first, second, pairs, null, truth, discordant);
                    assert!(
                        inside <= p + 1e-9,
                        "{first} {second} {pairs} {null}: {inside} > {p} at {truth}, {discordant}"
                    );
                }
            }
        }
    }
}
