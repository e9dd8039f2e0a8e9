//! Adversarial search: settings are looked for at which a claim fails, the worst are made simpler, and an experiment there is
//! proposed. What is seen on the way decides nothing: who looks at many places finds one by luck.
//!
//! The course of a search follows from its specification, the points that were drawn ([`points`]) and the ends of its runs,
//! and from nothing else: [`course`] walks it from the beginning each time and says what is to run next. Whoever has these
//! gets the same points, survivors and counterexample.
//!
//! A pair with a run that is missing for a reason that says nothing about the claim is left out, and a point without any pair
//! that speaks is passed over. Where more than a fifth of the pairs of a stage are missing, the search waits for an admin.

mod course;
mod draw;
mod shrink;
mod words;

use crate::spec::{SearchPlan, Settings};
use crate::verdict::RunOutcome;
use serde::{Deserialize, Serialize};

pub use course::course;
pub(crate) use course::differences;
pub use draw::points;
pub use words::{ending, point};

/// Largest share of the pairs of a stage that may be missing.
const LARGEST_MISSING: f64 = crate::verdict::LARGEST_FAILED_SHARE;

/// A run of a search: of which point, and how it ended.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialRun {
    /// The point.
    pub settings: Settings,
    /// Its arm, seed and end.
    pub run: RunOutcome,
}

/// How a search went, or goes: every stage that has ended, and the one that is under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Course {
    /// How its budget is spent.
    pub plan: SearchPlan,
    /// Points that were drawn, those that there is no place for among the drawn ones left out.
    pub points: usize,
    /// The stages of halving that have ended.
    pub rungs: Vec<RungEnd>,
    /// The trials that were to make what was found simpler, in their order.
    pub shrinking: Vec<ShrinkStep>,
    /// Where the prediction fails, as simple as it came to be; null until the halving has ended, and where it found none.
    pub counterexample: Option<Tried>,
    /// Whether it has ended.
    pub over: bool,
}

/// A stage of halving, at its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RungEnd {
    /// Pairs that each of its points had.
    pub pairs: u32,
    /// Its points, the worst for the claim first.
    pub tried: Vec<Tried>,
    /// How many of them went on.
    pub kept: usize,
}

/// A point, and what its pairs say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tried {
    /// What it has differently from the specification, by path.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub settings: Settings,
    /// Pairs that speak for or against.
    pub pairs: usize,
    /// Of these, how many lie below the smallest effect of interest.
    pub below: usize,
    /// The median advantage of the treatment, a run that diverged counting as the worst of the point; null where the pairs say
    /// nothing.
    pub effect: Option<f64>,
    /// Runs of the treatment and the control that diverged.
    pub diverged: [usize; 2],
    /// Pairs without a result.
    pub missing: usize,
    /// Whether the prediction fails here as far as they can tell: more than half of the pairs lie below.
    pub breaks: bool,
    /// Why the pairs say nothing, if so.
    pub silent: String,
}

/// A trial that was to make a counterexample simpler.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShrinkStep {
    /// The field that was set back, or nearer, to the specification's own value.
    pub field: String,
    /// What was seen there. Where the prediction still fails, the search goes on from it.
    pub tried: Tried,
}

/// What a search needs next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// These points on these seeds, whose runs were not queued yet.
    Run(Vec<(Settings, Vec<u32>)>),
    /// An admin: too many runs are missing, for reasons that say nothing about the claim. People cancelled so many that
    /// nothing would mend it, where it says so.
    Missing {
        /// Which, in words.
        reason: String,
        /// Whether what people cancelled is too much already.
        by_people: bool,
    },
    /// Nothing: it has ended.
    Nothing,
}

#[cfg(test)]
mod tests;
