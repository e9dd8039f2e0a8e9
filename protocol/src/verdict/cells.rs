//! An effect in at least k of N conditions: the k-th largest of their effects, by a partial conjunction of sign tests.

use super::compare::Compared;
use super::evidence::{Evidence, Typical, finite};
use super::{Checks, ConditionVerdict, RunOutcome};
use crate::spec::Criterion;
use crate::stats::{self, Paired};

/// The conditions, each with its typical pair. Student's bounds of the means, at the same levels, are the second test.
pub(super) struct Cells<'a> {
    conditions: Vec<(&'a Compared<'a>, Paired)>,
    /// How many of them must hold.
    count: usize,
    level: f64,
}

impl<'a> Cells<'a> {
    /// `None` where a condition has fewer than two pairs.
    pub(super) fn of(
        compared: &'a Compared<'a>,
        criterion: &Criterion,
        level: f64,
    ) -> Option<Self> {
        let conditions: Option<Vec<_>> = (compared.conditions.iter())
            .map(|condition| Some((condition, stats::paired(&condition.differences)?)))
            .collect();
        let conditions = conditions?;
        let count = criterion.count();
        (1..=conditions.len()).contains(&count).then_some(Self {
            conditions,
            count,
            level,
        })
    }

    /// The `count`-th largest.
    fn ranked(&self, value: impl Fn(&(&Compared, Paired)) -> f64) -> f64 {
        let mut values: Vec<f64> = self.conditions.iter().map(value).collect();
        values.sort_by(|a, b| b.total_cmp(a));
        values[self.count - 1]
    }

    /// How many must lie below a value for fewer than `count` to be above it.
    fn against(&self) -> usize {
        self.conditions.len() - self.count + 1
    }

    /// Levels of a single condition: for "above" and for "below".
    fn levels(&self) -> [f64; 2] {
        [self.against(), self.count].map(|times| self.level / times as f64)
    }
}

/// One-sided sign tests of a condition: "at most `value`" and "at least `value`".
fn sign_tests(condition: &Compared, value: f64) -> [f64; 2] {
    let n = condition.orders.len();
    [condition.above(value), condition.below(value)].map(|count| stats::sign_test(count, n))
}

fn median(condition: &Compared) -> f64 {
    stats::median(&condition.differences).expect("there are pairs")
}

impl<'a> Evidence for Cells<'a> {
    fn effect(&self) -> f64 {
        self.ranked(|(condition, _)| median(condition))
    }

    fn interval(&self) -> Option<[f64; 2]> {
        let [above, below] = self.levels();
        finite((
            self.ranked(|(condition, _)| stats::median_bounds(&condition.differences, above).0),
            self.ranked(|(condition, _)| stats::median_bounds(&condition.differences, below).1),
        ))
    }

    fn p_above(&self, value: f64) -> f64 {
        let conditions = self.conditions.iter();
        let p: Vec<f64> = conditions
            .map(|(one, _)| sign_tests(one, value)[0])
            .collect();
        stats::partial_conjunction(&p, self.count)
    }

    fn p_below(&self, value: f64) -> f64 {
        let conditions = self.conditions.iter();
        let p: Vec<f64> = conditions
            .map(|(one, _)| sign_tests(one, value)[1])
            .collect();
        stats::partial_conjunction(&p, self.against())
    }

    fn agrees_above(&self, value: f64) -> bool {
        let [level, _] = self.levels();
        self.ranked(|(_, summary)| summary.bounds(level).0) > value
    }

    fn agrees_below(&self, value: f64) -> bool {
        let [_, level] = self.levels();
        self.ranked(|(_, summary)| summary.bounds(level).1) < value
    }

    fn second_test(&self) -> &'static str {
        "Student's bound of the means"
    }

    fn doubt(&self) -> Option<String> {
        let few = (self.conditions.iter())
            .find(|(condition, _)| condition.differences.len() < super::FEWEST_PAIRS)?;
        Some(format!(
            "Of \"{}\" and \"{}\" there are {} complete pairs; fewer than {} cannot decide.",
            few.0.terms[0].arm,
            few.0.terms[1].arm,
            few.0.differences.len(),
            super::FEWEST_PAIRS
        ))
    }

    fn checks(&self, _: &Criterion, _: &[RunOutcome]) -> Checks {
        Checks::default()
    }

    fn checks_of_conditions(&self, criterion: &Criterion, outcomes: &[RunOutcome]) -> Vec<Checks> {
        let of = |(condition, summary): &(&'a Compared<'a>, Paired)| {
            let alone = Typical {
                compared: condition,
                summary: *summary,
                level: self.level,
            };
            alone.checks(criterion, outcomes)
        };
        self.conditions.iter().map(of).collect()
    }

    fn conditions(&self, margin: f64) -> Vec<ConditionVerdict> {
        let [above, below] = self.levels();
        let of = |(condition, _): &(&Compared, Paired)| {
            let [low, high] =
                [above, below].map(|level| stats::median_bounds(&condition.differences, level));
            ConditionVerdict {
                treatment: condition.terms[0].arm.to_owned(),
                control: condition.terms[1].arm.to_owned(),
                effect: median(condition),
                interval: finite((low.0, high.1)),
                p_support: sign_tests(condition, 0.0)[0],
                p_falsify: sign_tests(condition, margin)[1],
                checks: None,
                pairs: condition.pairs.clone(),
            }
        };
        self.conditions.iter().map(of).collect()
    }
}
