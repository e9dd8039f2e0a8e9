//! What a narrower claim makes of the experiments on the earlier one.

use super::Scope;
use crate::spec::{Spec, TunedSettings};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What became of an experiment when its claim was narrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Sorting {
    /// It was decided, and lies in the narrower scope: what it found is evidence about the narrower claim. It was seen
    /// before that claim was made, so it does not move its standing.
    StillApplies,
    /// The narrower claim says nothing about it.
    OutOfScope,
    /// It lies in the narrower scope, and nothing was decided there about what the claim says.
    MustRerun,
}

/// What else there is to know of an earlier experiment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Earlier<'a> {
    /// Whether it never carries a verdict.
    pub exploratory: bool,
    /// Whether a moderator disputes it.
    pub disputed: bool,
    /// The verdict in a word; none before its end.
    pub outcome: Option<&'a str>,
    /// What its arms chose before they were compared, where it was tuned: it lies where it ran.
    pub chosen: Option<&'a BTreeMap<String, TunedSettings>>,
}

impl Scope {
    /// Where an experiment on the earlier claim belongs, and why; nothing is to be said of one that still applies.
    pub fn resort(&self, spec: &Spec, earlier: Earlier<'_>) -> (Sorting, Vec<String>) {
        let outside = match earlier.chosen {
            Some(chosen) => self.beyond_region(&spec.settled(chosen)),
            None => self.beyond_region(spec),
        };
        if !outside.is_empty() {
            return (Sorting::OutOfScope, outside);
        }
        let mut reasons = self.beside(spec);
        if earlier.exploratory {
            reasons.push("It is exploratory and carries no verdict.".into());
        } else {
            match earlier.outcome {
                Some("supported" | "falsified") => {}
                Some(outcome) => {
                    reasons.push(format!("It ended as {outcome}, which decides nothing."));
                }
                None => reasons.push("It had not ended when the claim was narrowed.".into()),
            }
        }
        if earlier.disputed {
            reasons.push("A moderator disputed it.".into());
        }
        match reasons.is_empty() {
            true => (Sorting::StillApplies, reasons),
            false => (Sorting::MustRerun, reasons),
        }
    }
}
