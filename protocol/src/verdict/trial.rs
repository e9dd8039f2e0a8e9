//! What a few pairs say at one point of a search: how far against the prediction they lie. Nothing is tested here.

use super::compare::{Compared, compare};
use super::gaps::violations;
use super::learned::nothing_learned;
use super::{End, RunOutcome};
use crate::spec::{Criterion, Spec};

/// What the pairs at one point say.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tally {
    /// Complete pairs, but those both of whose runs diverged: they speak neither for nor against.
    pub(crate) pairs: usize,
    /// Of these, how many lie below the margin.
    pub(crate) below: usize,
    /// The typical pair for ordering points: of an even number the one of the two in the middle that is better for the
    /// claim; infinite where a run diverged. None where nothing can be said.
    pub(crate) order: Option<f64>,
    /// Median of the differences, in which a run that diverged counts as the worst value of the point; finite.
    pub(crate) effect: Option<f64>,
    /// The differences of the complete pairs.
    pub(crate) differences: Vec<f64>,
    /// Runs of the treatment and the control that diverged.
    pub(crate) diverged: [usize; 2],
    /// Pairs without a result, and those of them that people cancelled.
    pub(crate) missing: [usize; 2],
    /// Why the pairs say nothing, in words; empty if they do.
    pub(crate) silent: String,
}

impl Tally {
    /// Whether more than half of the pairs lie below the margin: then the prediction fails here, as far as they can tell.
    pub(crate) fn breaks(&self) -> bool {
        self.order.is_some() && self.below * 2 > self.pairs
    }
}

/// Looks at the runs of one point, a plain difference, on these seeds.
pub(crate) fn tally(
    spec: &Spec,
    criterion: &Criterion,
    seeds: &[u32],
    outcomes: &[RunOutcome],
) -> Tally {
    let compared = compare(spec, seeds, criterion, outcomes);
    let orders: Vec<f64> = (compared.orders.iter().copied())
        .filter(|order| !order.is_nan())
        .collect();
    let silent = match violations(outcomes).into_iter().next() {
        Some(violation) => violation,
        None if orders.is_empty() => "No pair says anything.".to_owned(),
        None => nothing_learned(spec, criterion, outcomes).unwrap_or_default(),
    };
    let speaks = silent.is_empty();
    Tally {
        pairs: orders.len(),
        below: orders
            .iter()
            .filter(|order| **order < criterion.margin)
            .count(),
        order: upper_median(orders).filter(|_| speaks),
        effect: crate::stats::median(&compared.differences).filter(|_| speaks),
        diverged: [0, 1].map(|arm| diverged(&compared, arm, outcomes)),
        missing: missing(&compared, seeds, outcomes),
        differences: compared.differences,
        silent,
    }
}

/// The middle one; of an even number the larger of the two in the middle.
fn upper_median(mut orders: Vec<f64>) -> Option<f64> {
    orders.sort_by(f64::total_cmp);
    orders.get(orders.len() / 2).copied()
}

fn diverged(compared: &Compared, arm: usize, outcomes: &[RunOutcome]) -> usize {
    let Some(term) = compared.terms.get(arm) else {
        return 0;
    };
    let lost = |run: &&RunOutcome| run.arm == term.arm && run.end == End::Diverged;
    outcomes.iter().filter(lost).count()
}

fn missing(compared: &Compared, seeds: &[u32], outcomes: &[RunOutcome]) -> [usize; 2] {
    let lacks = |seed: &&u32| compared.gaps.iter().any(|gap| gap.seed == **seed);
    let cancelled = |seed: &&u32| {
        let mut runs = outcomes.iter();
        runs.any(|run| run.seed == **seed && run.end == End::Cancelled)
    };
    let lacking = seeds.iter().filter(lacks);
    [lacking.clone().count(), lacking.filter(cancelled).count()]
}
