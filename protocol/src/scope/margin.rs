//! How small an effect still counts, by what is measured.

use super::table;
use crate::metric::{self, Metric};
use crate::spec::{Criterion, CriterionKind, Scale};
use serde::{Deserialize, Serialize};

/// The smallest effect of interest of a claim, by what is measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(remote = "Self", deny_unknown_fields, default)]
pub struct Margins {
    /// Difference of log-likelihoods in nats; of logarithms of perplexities, which are the same.
    pub nats: f64,
    /// Difference of logarithms of an error: a relative difference.
    pub relative: f64,
    /// Difference of shares of right answers.
    pub accuracy: f64,
    /// Difference of shares of solved seeds.
    pub solve_rate: f64,
    /// Difference of rank correlations.
    pub correlation: f64,
}

table::read_as_one!(Margins, "the smallest effects that count");

impl Default for Margins {
    fn default() -> Self {
        Self {
            nats: 0.01,
            relative: 0.02,
            accuracy: 0.01,
            solve_rate: 0.1,
            correlation: 0.02,
        }
    }
}

impl Margins {
    pub(super) fn are_usual(&self) -> bool {
        *self == Self::default()
    }

    /// The margin of an experiment that compares that metric on that scale; `None` where the claim has none, because
    /// what counts would depend on the size of the errors.
    pub fn of(&self, criterion: &Criterion) -> Option<f64> {
        if criterion.kind == CriterionKind::SolveRate {
            return Some(self.solve_rate);
        }
        let metric = metric::find(&criterion.metric)?;
        match (metric.unit, criterion.scale) {
            ("share correct", Scale::Additive) => Some(self.accuracy),
            ("nats", Scale::Additive) => Some(self.nats),
            ("bits per character", Scale::Additive) => Some(self.nats / std::f64::consts::LN_2),
            ("rank correlation", Scale::Additive) => Some(self.correlation),
            ("perplexity", Scale::Log) => Some(self.nats),
            (_, Scale::Log) => Some(self.relative),
            (_, Scale::Additive) => None,
        }
    }

    /// What is said where [`Margins::of`] finds none: what whose claim does not say, and where it would.
    pub(super) fn none_of(whose: &str, metric: &str) -> String {
        let mut said = format!("{whose} does not say which difference of {metric} counts");
        if metric::find(metric).is_some_and(Metric::has_ratios) {
            said += "; on scale = \"log\" it does";
        }
        said + "."
    }
}
