//! The verdict: what the registered criterion says about the runs.
//!
//! Rule (per pair i, δᵢ signed so that positive is as the claim predicts; m the smallest effect of
//! interest; LB and UB one-sided bounds at the level left after Holm):
//!
//! - supported if LB > 0 and mean δ ≥ m;
//! - falsified if UB < m (*reversed* if UB < 0, *negligible* if also LB > −m);
//! - inconclusive otherwise, with fewer than 6 pairs, with more than a fifth of an arm diverged,
//!   or where the exact test disagrees with the bounds;
//! - inadmissible if a run did not apply its treatment; aborted if too many runs are missing.
//!
//! Every number of a verdict is finite or absent: JSON knows no others, and what is stored must read back.

mod decide;
mod explain;

use crate::result::RunResult;
use crate::spec::{CriterionKind, Scale};
use serde::{Deserialize, Serialize};

pub use decide::{decide, decision};
pub(crate) use explain::escape;

/// Fewest pairs that can decide anything: with five the smallest exact two-sided p-value is .0625.
pub const FEWEST_PAIRS: usize = crate::spec::limits::SEEDS_REGISTERED;
/// Largest share of an arm's runs that may diverge, or be missing, in a decisive verdict.
pub const LARGEST_FAILED_SHARE: f64 = 0.2;

/// How a run ended, as far as the verdict is concerned.
#[derive(Debug, Clone, PartialEq)]
pub struct RunOutcome {
    /// Its arm.
    pub arm: String,
    /// Its seed.
    pub seed: u32,
    /// Its end.
    pub end: End,
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// It has a result.
    Finished(Box<RunResult>),
    /// Loss or gradient left the finite numbers: the worst of all outcomes, never dropped.
    Diverged,
    /// It has no result, for a reason that says nothing about the claim.
    Missing(String),
    /// A person ended it before it had one.
    Cancelled,
}

/// A verdict, and what it was decided by.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The verdict.
    pub verdict: Verdict,
    /// The reason, in words, where something else than the plain rule decided; empty otherwise.
    pub reason: String,
    /// Whether the runs that people cancelled are already too many for a verdict: nothing that is done about the other
    /// missing runs would bring one.
    pub by_people: bool,
}

impl Decision {
    /// On an experiment that the infrastructure could not carry through.
    pub fn aborted(reason: String) -> Self {
        Self {
            verdict: Verdict::aborted(reason.clone()),
            reason,
            by_people: false,
        }
    }
}

/// What else was tried on the same claim.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Family {
    /// Other registered experiments of the claim.
    pub others: usize,
    /// The p-values of those that are decided.
    pub known: Vec<f64>,
}

/// What the machine concluded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Verdict {
    /// The conclusion.
    pub outcome: Outcome,
    /// A finer word for falsified.
    pub label: Option<Label>,
    /// Mean paired difference, positive as the claim predicts.
    pub effect: Option<f64>,
    /// One-sided lower and upper bounds of the effect at `level`.
    pub interval: Option<[f64; 2]>,
    /// Unit of effect and interval.
    pub unit: String,
    /// How the arms were compared.
    pub kind: Option<CriterionKind>,
    /// The metric compared.
    pub metric: String,
    /// The scale of differences.
    pub scale: Option<Scale>,
    /// Smallest effect of interest.
    pub margin: f64,
    /// Registered one-sided level.
    pub alpha: f64,
    /// Level after Holm's adjustment over the claim's registered experiments.
    pub level: f64,
    /// Registered experiments of the claim, this one included.
    pub family: usize,
    /// The smaller of the two one-sided p-values.
    pub p_value: Option<f64>,
    /// One-sided p-value of "there is no effect".
    pub p_support: Option<f64>,
    /// One-sided p-value of "the effect is at least the margin".
    pub p_falsify: Option<f64>,
    /// Checks beside the rule.
    pub checks: Option<Checks>,
    /// Every seed pair.
    pub pairs: Vec<Pair>,
    /// Runs of the treatment and the control that diverged.
    pub diverged: [usize; 2],
    /// The verdict in words, as Markdown.
    pub explanation: String,
}

/// Robustness checks stored beside a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Checks {
    /// Exact one-sided test of "no effect": sign-flip, or McNemar for solve rates.
    pub exact_support: f64,
    /// Exact one-sided sign-flip test of "the effect is at least the margin"; absent for solve rates.
    pub exact_falsify: Option<f64>,
    /// Exact two-sided Wilcoxon signed-rank p-value; absent for solve rates.
    pub wilcoxon: Option<f64>,
    /// P(treatment better than control) over all pairs of runs, ties counting half; a diverged run is worse than
    /// every other. Absent if an arm has no run that counts.
    pub superiority: Option<f64>,
    /// Standard deviation of the paired differences.
    pub sd: Option<f64>,
}

/// One seed: the treatment's and the control's run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Pair {
    /// The seed.
    pub seed: u32,
    /// Metric of the treatment; null if it diverged or is missing.
    pub treatment: Option<f64>,
    /// Metric of the control; null if it diverged or is missing.
    pub control: Option<f64>,
    /// Signed difference, positive as the claim predicts; null if the pair is not complete.
    pub difference: Option<f64>,
    /// What is unusual about the pair, in words; empty if nothing is.
    pub note: String,
}

/// The conclusion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The effect is there and large enough.
    Supported,
    /// The effect is too small to matter, or reversed.
    Falsified,
    /// The runs cannot tell.
    Inconclusive,
    /// The treatment was not applied as specified.
    Inadmissible,
    /// Too many runs are missing for reasons that say nothing about the claim.
    Aborted,
}

impl Outcome {
    /// Its name in tables, API and pages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Falsified => "falsified",
            Self::Inconclusive => "inconclusive",
            Self::Inadmissible => "inadmissible",
            Self::Aborted => "aborted",
        }
    }
}

/// A finer word for falsified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// The effect points the other way.
    Reversed,
    /// The arms are equivalent within the margin.
    Negligible,
}

impl Label {
    /// Its name in API and pages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reversed => "reversed",
            Self::Negligible => "negligible",
        }
    }
}

impl Verdict {
    /// A verdict on an experiment that a person stopped when so many of its runs had ended.
    pub fn stopped(by: &str, author: bool, [ended, runs]: [i64; 2], reason: &str) -> Self {
        let who = if author { "its author" } else { "an admin" };
        Self::aborted(format!(
            "Stopped by {who}, {}, when {ended} of its {runs} runs had ended. The reason: {}",
            explain::escape(by),
            explain::escape(reason)
        ))
    }

    /// A verdict on an experiment that the infrastructure could not carry through.
    pub fn aborted(reason: String) -> Self {
        Self {
            outcome: Outcome::Aborted,
            label: None,
            effect: None,
            interval: None,
            unit: String::new(),
            kind: None,
            metric: String::new(),
            scale: None,
            margin: 0.0,
            alpha: 0.0,
            level: 0.0,
            family: 1,
            p_value: None,
            p_support: None,
            p_falsify: None,
            checks: None,
            pairs: Vec::new(),
            diverged: [0, 0],
            explanation: format!("**Aborted.** {reason}"),
        }
    }
}

#[cfg(test)]
mod tests;
