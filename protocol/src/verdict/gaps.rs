//! Runs without a result, and runs that may not be compared: why, in words.

use super::{End, RunOutcome};
use crate::text;

/// Reasons of one kind that the result post gives; the runs' own pages have them all.
pub(super) const REASONS: usize = 5;
/// Seeds that a reason names for an arm.
const SEEDS: usize = 12;

/// A run without a result, for a reason that says nothing about the claim.
pub(super) struct Gap<'a> {
    pub(super) arm: &'a str,
    pub(super) seed: u32,
    pub(super) reason: &'a str,
}

/// Each reason once, with the runs that it ended: one that lies in the specification ends them all.
pub(super) fn in_words(gaps: &[Gap]) -> String {
    let mut reasons: Vec<&str> = Vec::new();
    let mut arms: Vec<&str> = Vec::new();
    for gap in gaps {
        if !reasons.contains(&gap.reason) {
            reasons.push(gap.reason);
        }
        if !arms.contains(&gap.arm) {
            arms.push(gap.arm);
        }
    }
    let runs = |reason: &str, arm: &str| {
        let of_both = |gap: &&Gap| gap.reason == reason && gap.arm == arm;
        let seeds: Vec<String> = gaps
            .iter()
            .filter(of_both)
            .map(|gap| gap.seed.to_string())
            .collect();
        match seeds.as_slice() {
            [] => None,
            [seed] => Some(format!("\"{arm}\" with seed {seed}")),
            many if many.len() > SEEDS => Some(format!(
                "\"{arm}\" with seeds {}",
                text::first_of(many, SEEDS, ", ")
            )),
            [first @ .., last] => Some(format!(
                "\"{arm}\" with seeds {} and {last}",
                first.join(", ")
            )),
        }
    };
    let sentences: Vec<String> = reasons
        .iter()
        .map(|reason| {
            let runs: Vec<String> = arms.iter().filter_map(|arm| runs(reason, arm)).collect();
            format!("{}: {reason}", runs.join(", "))
        })
        .collect();
    text::first_of(&sentences, REASONS, "; ")
}

/// What the treatment's proof says against a run, in words.
pub(super) fn violations(outcomes: &[RunOutcome]) -> Vec<String> {
    outcomes
        .iter()
        .filter_map(|outcome| match &outcome.end {
            End::Finished(result) if !result.treatment.verified => Some(format!(
                "\"{}\" with seed {} did not apply its treatment: {}",
                outcome.arm,
                outcome.seed,
                text::first_of(&result.treatment.violations, REASONS, "; ")
            )),
            _ => None,
        })
        .collect()
}
