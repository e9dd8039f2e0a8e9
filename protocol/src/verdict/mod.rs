//! The verdict: what the registered criterion says about the runs.
//!
//! It follows from the specification, a level that is known before the first run, and the ends of the runs, and from
//! nothing else: whoever has these gets the same verdict. Per pair i, δᵢ is signed so that positive is as the claim
//! predicts, and m is the smallest effect of interest. What is estimated is the typical pair, the median of δ, unless the
//! mean is registered:
//!
//! - supported if δ is proven above 0 and its estimate is at least m;
//! - falsified if it is proven below m (*negligible* if also above −m, else *reversed* if below 0);
//! - of `interaction` and `trend` the same, where δ is the difference of two advantages, or a slope;
//! - of `dispersion` the same, where δ is the logarithm of the ratio of two spreads (`spread`);
//! - of `cells` the same, where δ is the k-th largest of the conditions' effects (`cells`);
//! - of `equivalence` the other way round: supported if proven between −m and m, falsified if proven outside;
//! - inconclusive otherwise, and where something stands in the way (`decide::obstacle`);
//! - of a search nothing: it decides nothing ([`crate::search`]);
//! - of a sequential plan the same of the pairs up to the one after which an e-value decides (`sequential`);
//! - inadmissible if a run did not apply its treatment; aborted if too many runs are missing.
//!
//! *Proven* is: by an exact test at the level, to which a second test does not object (`evidence`).
//!
//! Every number of a verdict is finite or absent: JSON knows no others, and what is stored must read back.

mod cells;
mod compare;
mod confirmation;
mod decide;
mod evidence;
mod explain;
mod gaps;
mod learned;
mod planned;
mod power;
mod rule;
mod sequential;
mod solve_rate;
mod spread;
mod trial;

use crate::result::RunResult;
use crate::spec::{CriterionKind, Estimand, Scale};
use serde::{Deserialize, Serialize};

pub use compare::made_by_different_means;
pub use confirmation::{Confirmation, PLANNED as PLANNED_POWER};
pub use decide::{conclusion, decide, decision};
pub(crate) use explain::escape;
pub use planned::{PairNoise, Power};
pub use sequential::{Sequential, Step, Stop};
pub(crate) use trial::{Tally, tally};

/// Fewest pairs that can decide anything: with five the smallest exact two-sided p-value is .0625.
pub const FEWEST_PAIRS: usize = crate::spec::limits::SEEDS_REGISTERED;
/// Largest share of the control's runs that may diverge (where a mean is estimated: of the treatment's too), and of
/// pairs that may be incomplete, in a decisive verdict.
pub const LARGEST_FAILED_SHARE: f64 = 0.2;

/// Which rule this is. It grows by one with every change after which the same specification and runs could give other
/// numbers: the record says by which rule a verdict was given, and only those of the present one are computed again.
pub const RULE: u32 = 2;

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
    /// The differences of the pairs less their median, if there are three or more of networks that learned something:
    /// what is kept for the power of experiments to come.
    pub noise: Option<Vec<f64>>,
    /// Of a sequential plan that has not decided and not reached its cap: the seed that runs next. The verdict is none
    /// yet then.
    pub next_seed: Option<u32>,
}

impl Decision {
    /// On an experiment that the infrastructure could not carry through.
    pub fn aborted(reason: String) -> Self {
        Self {
            verdict: Verdict::aborted(reason.clone()),
            reason,
            by_people: false,
            noise: None,
            next_seed: None,
        }
    }
}

/// What the machine concluded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Verdict {
    /// The conclusion.
    pub outcome: Outcome,
    /// A finer word for falsified.
    pub label: Option<Label>,
    /// The estimated advantage of the treatment over the seed pairs, positive as the claim predicts.
    pub effect: Option<f64>,
    /// One-sided lower and upper bounds of the effect, each at `level`.
    pub interval: Option<[f64; 2]>,
    /// Unit of effect and interval.
    pub unit: String,
    /// How the arms were compared.
    pub kind: Option<CriterionKind>,
    /// What the effect is the estimate of.
    #[serde(default)]
    pub estimand: Option<Estimand>,
    /// The metric compared.
    pub metric: String,
    /// The scale of differences.
    pub scale: Option<Scale>,
    /// Smallest effect of interest.
    pub margin: f64,
    /// Registered one-sided level.
    pub alpha: f64,
    /// One-sided level of the verdict, known before the first run: the registered `alpha`.
    pub level: f64,
    /// The smaller of the two one-sided p-values.
    pub p_value: Option<f64>,
    /// One-sided p-value of what would have to be wrong for *supported*: "there is no effect" (of `equivalence`: "the
    /// effect is at least the margin").
    pub p_support: Option<f64>,
    /// One-sided p-value of what would have to be wrong for *falsified*: "the effect is at least the margin" (of
    /// `equivalence`: "it is at most the margin").
    pub p_falsify: Option<f64>,
    /// Chance that the experiment would have falsified the prediction, had there been no effect at all (of `equivalence`:
    /// one of twice the margin), with the noise that its pairs showed.
    #[serde(default)]
    pub severity: Option<f64>,
    /// Of a sequential plan: the e-values after each pair, and why it stopped. The p-values are 1/e then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequential: Option<Sequential>,
    /// Checks beside the rule.
    pub checks: Option<Checks>,
    /// Every seed pair.
    pub pairs: Vec<Pair>,
    /// Runs of the treatment and the control that diverged.
    pub diverged: [usize; 2],
    /// Runs of the treatment and the control without a result.
    #[serde(default)]
    pub missing: [usize; 2],
    /// The other arms that are compared, where there are more than two.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<ArmDrops>,
    /// Of `cells`: in how many of the conditions the effect is predicted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<u32>,
    /// Of `cells`: what each condition says alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<ConditionVerdict>,
    /// The verdict in words, as Markdown.
    pub explanation: String,
}

/// What one of several conditions says alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConditionVerdict {
    /// Its treatment.
    pub treatment: String,
    /// Its control.
    pub control: String,
    /// The median of its differences.
    pub effect: f64,
    /// One-sided bounds of it, at the shares of the level that one of the conditions gets.
    pub interval: Option<[f64; 2]>,
    /// p-value of the sign test of "there is no effect here".
    pub p_support: f64,
    /// p-value of the sign test of "the effect here is at least the margin".
    pub p_falsify: f64,
    /// Checks of this condition, with bounds at the level of the verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<Checks>,
    /// Its seed pairs.
    pub pairs: Vec<Pair>,
}

/// What became of the runs of an arm that did not finish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ArmDrops {
    /// Name of the arm.
    pub arm: String,
    /// Runs that diverged.
    pub diverged: usize,
    /// Runs without a result.
    pub missing: usize,
}

/// Robustness checks stored beside a verdict; absent where they mean nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Checks {
    /// Mean of the differences.
    #[serde(default)]
    pub mean: Option<f64>,
    /// Student's one-sided bounds of the mean, each at the level.
    #[serde(default)]
    pub mean_interval: Option<[f64; 2]>,
    /// Standard deviation of the differences.
    pub sd: Option<f64>,
    /// Exact one-sided sign-flip p-value of "there is no effect".
    #[serde(default)]
    pub sign_flip: Option<f64>,
    /// Exact two-sided Wilcoxon signed-rank p-value.
    pub wilcoxon: Option<f64>,
    /// P(treatment better than control) over all pairs of runs, ties counting half; a diverged run is worse than
    /// every other.
    pub superiority: Option<f64>,
    /// Bounds of what is estimated, each at the level, by percentiles of its bootstrap distribution: of a median all nⁿ
    /// resamples counted, else ten thousand drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap: Option<[f64; 2]>,
    /// Share of the complete pairs that alone would have said the opposite of the estimate: that it lies on the other side of
    /// no effect (of `equivalence`: of the margin).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub misleading: Option<f64>,
    /// Of `dispersion`: how far runs of treatment and control lie from the median of their arm, in the mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spreads: Option<[f64; 2]>,
}

/// One seed: the runs of the treatment, the control and whatever else is compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Pair {
    /// The seed.
    pub seed: u32,
    /// Metric of the treatment; null if it diverged or is missing.
    pub treatment: Option<f64>,
    /// Metric of the control; null if it diverged or is missing.
    pub control: Option<f64>,
    /// Metrics of the other arms that are compared, in the order in which the verdict names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Option<f64>>,
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

    /// Its numbers in words, without the outcome: what an exploratory experiment ends with.
    pub fn without_outcome(&self) -> String {
        explain::without_outcome(self)
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
            estimand: None,
            metric: String::new(),
            scale: None,
            margin: 0.0,
            alpha: 0.0,
            level: 0.0,
            p_value: None,
            p_support: None,
            p_falsify: None,
            severity: None,
            sequential: None,
            checks: None,
            pairs: Vec::new(),
            diverged: [0, 0],
            missing: [0, 0],
            others: Vec::new(),
            at_least: None,
            conditions: Vec::new(),
            explanation: format!("**Aborted.** {reason}"),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
