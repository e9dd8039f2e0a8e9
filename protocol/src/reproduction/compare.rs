//! What is said of a result and the result of the same plan on another machine.

use crate::metric;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Share of its scale by which a number may differ where machines compute otherwise. Two threads instead of one, which sums in
/// another order as other vector instructions do, move the errors of the ready template by 0.003 at most.
pub const TOLERANCE: f64 = 1e-2;

/// What is said of numbers and of numbers that should be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ReproductionWord))]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// The same to the last bit.
    Identical,
    /// As near as the machines' arithmetic allows.
    WithinTolerance,
    /// Neither.
    Different,
}

impl Word {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Identical, Self::WithinTolerance, Self::Different];

    /// As it is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identical => "identical",
            Self::WithinTolerance => "within_tolerance",
            Self::Different => "different",
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::WithinTolerance => "within tolerance",
            other => other.name(),
        }
    }
}

/// One number of a run, and what it came to again.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ReproducedNumber))]
pub struct Number {
    /// The metric.
    pub metric: String,
    /// The board's number; null if its run diverged.
    pub expected: Option<f64>,
    /// What it came to again; null if that diverged, or has no such number.
    pub got: Option<f64>,
    /// How far apart they are, as a share of the metric's scale: of the larger number, of 1 for shares and correlations, of the
    /// losses that a gap lies between. Null where one of them is missing.
    pub difference: Option<f64>,
    /// What is said of it.
    pub word: Word,
}

/// What is said of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    /// The worst of its numbers' words.
    pub word: Word,
    /// Its numbers.
    pub numbers: Vec<Number>,
}

impl Agreement {
    /// The number that is farthest off.
    pub fn farthest(&self) -> Option<&Number> {
        let off = |number: &&Number| number.difference.unwrap_or(f64::INFINITY);
        let worse = |one: &&Number, other: &&Number| {
            (one.word, off(one))
                .partial_cmp(&(other.word, off(other)))
                .unwrap_or(std::cmp::Ordering::Equal)
        };
        self.numbers.iter().max_by(worse)
    }
}

type Metrics = BTreeMap<String, f64>;

/// Holds the numbers of a run against what they came to again; none of a run that diverged. What describes a run and does not
/// say how good it was (the step at which it was best, a temperature) may be anything within a tolerance: it jumps where a
/// loss is flat.
pub fn agreement(expected: Option<&Metrics>, got: Option<&Metrics>, tolerance: f64) -> Agreement {
    let (Some(expected), Some(got)) = (expected, got) else {
        let word = match (expected, got) {
            (None, None) => Word::Identical,
            _ => Word::Different,
        };
        let metrics = expected.or(got).into_iter().flatten();
        let numbers = metrics.map(|(name, _)| Number {
            metric: name.clone(),
            expected: expected.and_then(|all| all.get(name).copied()),
            got: got.and_then(|all| all.get(name).copied()),
            difference: None,
            word,
        });
        return Agreement {
            word,
            numbers: numbers.collect(),
        };
    };
    let numbers: Vec<Number> = expected
        .iter()
        .map(|(name, value)| match got.get(name) {
            Some(other) => {
                let difference = difference(name, [expected, got], *value, *other);
                let describes = metric::find(name).is_some_and(|metric| !metric.is_outcome());
                let word = match difference {
                    _ if value == other => Word::Identical,
                    near if tolerance > 0.0 && (describes || near <= tolerance) => {
                        Word::WithinTolerance
                    }
                    _ => Word::Different,
                };
                Number {
                    metric: name.clone(),
                    expected: Some(*value),
                    got: Some(*other),
                    difference: Some(difference),
                    word,
                }
            }
            None => Number {
                metric: name.clone(),
                expected: Some(*value),
                got: None,
                difference: None,
                word: Word::Different,
            },
        })
        .collect();
    Agreement {
        word: overall(numbers.iter().map(|number| number.word)),
        numbers,
    }
}

/// The worst of several words.
pub fn overall(words: impl IntoIterator<Item = Word>) -> Word {
    words.into_iter().max().unwrap_or(Word::Identical)
}

/// How far two numbers of a metric are apart, as a share of its scale; always finite.
fn difference(name: &str, runs: [&Metrics; 2], one: f64, other: f64) -> f64 {
    if one == other {
        return 0.0;
    }
    let larger = one.abs().max(other.abs());
    let unit = metric::find(name).map_or("", |metric| metric.unit);
    let scale = match unit {
        "share correct" | "rank correlation" => 1.0,
        // A difference of two losses, which may be next to nothing.
        "loss" => losses(runs).fold(larger, f64::max),
        _ => larger,
    };
    // Halves, since the whole of two numbers of either sign may be infinite.
    (2.0 * (one / scale / 2.0 - other / scale / 2.0).abs()).min(f64::MAX)
}

/// The losses on test and training data that those runs have.
fn losses(runs: [&Metrics; 2]) -> impl Iterator<Item = f64> {
    let names = ["test_mse", "test_nll", "train_mse", "train_nll"];
    let of = move |run: &Metrics| names.map(|name| run.get(name).map_or(0.0, |value| value.abs()));
    runs.map(of).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn metrics(all: &[(&str, f64)]) -> Metrics {
        let named = |(name, value): &(&str, f64)| ((*name).to_owned(), *value);
        all.iter().map(named).collect()
    }

    fn word(one: &[(&str, f64)], other: &[(&str, f64)], tolerance: f64) -> Word {
        agreement(Some(&metrics(one)), Some(&metrics(other)), tolerance).word
    }

    #[test]
    fn one_bit_is_a_difference_and_a_tolerance_is_a_share_of_the_scale() {
        let next = f64::from_bits(0.1_f64.to_bits() + 1);
        let mse = |value| [("test_mse", value)];
        assert_eq!(word(&mse(0.1), &mse(0.1), 0.0), Word::Identical);
        assert_eq!(word(&mse(0.1), &mse(next), 0.0), Word::Different);
        assert_eq!(word(&mse(0.1), &mse(next), 1e-3), Word::WithinTolerance);
        assert_eq!(word(&mse(0.1), &mse(0.10009), 1e-3), Word::WithinTolerance);
        assert_eq!(word(&mse(0.1), &mse(0.1002), 1e-3), Word::Different);
        assert_eq!(word(&mse(0.0), &mse(1e-300), 1e-3), Word::Different);
        // Nobody promises that a board keeps the sign of nothing.
        assert_eq!(word(&mse(0.0), &mse(-0.0), 0.0), Word::Identical);
        // One more right answer in two thousand.
        let share = |value| [("test_accuracy", value)];
        assert_eq!(
            word(&share(0.01), &share(0.0105), 1e-3),
            Word::WithinTolerance
        );
        assert_eq!(word(&share(0.01), &share(0.02), 1e-3), Word::Different);
    }

    #[test]
    fn a_gap_is_held_against_its_losses_and_what_describes_a_run_against_nothing() {
        let run = |gap, at| {
            [
                ("gap", gap),
                ("test_nll", 1.5),
                ("early_stopped_at", at),
                ("temperature", at / 100.0),
            ]
        };
        let one = run(1e-5, 200.0);
        assert_eq!(word(&one, &run(-1e-4, 900.0), 1e-3), Word::WithinTolerance);
        assert_eq!(word(&one, &run(0.1, 200.0), 1e-3), Word::Different);
        assert_eq!(word(&one, &run(1e-5, 900.0), 0.0), Word::Different);
    }

    #[test]
    fn a_run_that_diverged_diverges_again_and_a_missing_number_is_another() {
        let some = metrics(&[("test_mse", 0.1)]);
        assert_eq!(agreement(None, None, 0.0).word, Word::Identical);
        for (expected, got) in [(Some(&some), None), (None, Some(&some))] {
            let found = agreement(expected, got, 1.0);
            assert_eq!(found.word, Word::Different);
            assert_eq!(found.numbers.len(), 1);
        }
        let none = metrics(&[]);
        let found = agreement(Some(&some), Some(&none), 1.0);
        assert_eq!(found.word, Word::Different);
        assert_eq!(found.farthest().map(|number| number.got), Some(None));
    }

    proptest! {
        #[test]
        fn every_difference_is_a_number_of_nothing_or_more_and_the_same_both_ways(
            one in any::<f64>().prop_filter("finite", |x| x.is_finite()),
            other in any::<f64>().prop_filter("finite", |x| x.is_finite()),
            name in prop_oneof![Just("test_mse"), Just("gap"), Just("test_accuracy"), Just("other")],
        ) {
            let (a, b) = (metrics(&[(name, one)]), metrics(&[(name, other)]));
            let there = agreement(Some(&a), Some(&b), 1e-3);
            let back = agreement(Some(&b), Some(&a), 1e-3);
            let far = there.numbers[0].difference.expect("both are there");
            prop_assert!(far.is_finite() && far >= 0.0, "{far}");
            prop_assert_eq!(there.word, back.word);
            prop_assert_eq!(there.word == Word::Identical, one == other);
        }
    }
}
