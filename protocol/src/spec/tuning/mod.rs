//! Equal tuning: settings that every arm chooses for itself, by the same search with the same number of trials, before it
//! is compared.
//!
//! What is tuned, over which values, by which validation metric and on how many seeds is registered. Trials and seeds
//! follow from the frozen specification and the random number of the registration. The tuning's seeds are those drawn
//! after the seeds of the comparison, so none is both.

mod field;
mod points;
mod read;

use super::types::{Scale, Spec};
use crate::metric;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use field::{is_natural_bound, tunable_paths};
pub use points::Trial;
pub(super) use read::tuning;

/// Values of tuned fields by their paths.
pub type TunedSettings = BTreeMap<String, f64>;

/// What each arm tries before it is compared, and by what it chooses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tuning {
    /// How the trials are made.
    pub search: TuningSearch,
    /// Of `random`: trials of each arm; of `grid` they are all combinations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trials: Option<u32>,
    /// Seeds of each trial, drawn apart from those of the comparison.
    pub seeds: u32,
    /// Validation metric by which an arm chooses, by its name in [`crate::metric`].
    pub metric: String,
    /// What is tuned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Tuned>,
}

/// How trials are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TuningSearch {
    /// Every combination of the values.
    Grid,
    /// Combinations drawn by the board: the same ones for every arm that has the fields.
    Random,
}

/// A field that is tuned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tuned {
    /// Its path, such as `training.learning_rate`.
    pub field: String,
    /// The values that are tried; empty where they are drawn from `from` to `to`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<f64>,
    /// Lowest value that is drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<f64>,
    /// Highest value that is drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<f64>,
    /// Whether values, or their logarithms, are drawn uniformly; the axis of its picture.
    pub scale: Scale,
}

impl Tuned {
    /// Lowest and highest value that may be tried.
    fn ends(&self) -> [f64; 2] {
        match (self.from, self.to) {
            (Some(from), Some(to)) => [from, to],
            _ => [
                self.values.iter().copied().fold(f64::INFINITY, f64::min),
                self.values
                    .iter()
                    .copied()
                    .fold(f64::NEG_INFINITY, f64::max),
            ],
        }
    }
}

impl Tuning {
    /// Whether less of the metric is better.
    pub fn less_is_better(&self) -> bool {
        metric::find(&self.metric).is_none_or(|metric| metric.better == super::types::Better::Lower)
    }

    /// Trials of each arm.
    pub fn trials(&self) -> usize {
        self.trials.map_or_else(
            || self.fields.iter().map(|tuned| tuned.values.len()).product(),
            |trials| trials as usize,
        )
    }
}

impl Spec {
    /// Runs of the tuning: one for each arm, trial and seed of it.
    pub fn tuning_runs(&self) -> usize {
        self.arms.len() * self.tuning_runs_of_an_arm()
    }

    /// The same of one arm; every arm has as many.
    pub(super) fn tuning_runs_of_an_arm(&self) -> usize {
        self.tuning
            .as_ref()
            .map_or(0, |tuning| tuning.trials() * tuning.seeds as usize)
    }

    /// The specification with what each arm has chosen as its own settings, and nothing left to tune: what is compared.
    /// Whatever is not named stays.
    pub fn settled(&self, chosen: &BTreeMap<String, TunedSettings>) -> Self {
        let mut spec = Self {
            tuning: None,
            ..self.clone()
        };
        for arm in &mut spec.arms {
            if let Some(settings) = chosen.get(&arm.name) {
                field::set(arm, settings);
            }
        }
        spec
    }

    /// The specification itself, and where it is tuned also with every arm at the lowest and at the highest values: what it
    /// may come to lies between them.
    pub(crate) fn extremes(&self) -> Vec<Self> {
        let Some(tuning) = &self.tuning else {
            return vec![self.clone()];
        };
        let at = |end: usize| {
            let settings = |tuned: &Tuned| (tuned.field.clone(), tuned.ends()[end]);
            let settings: TunedSettings = tuning.fields.iter().map(settings).collect();
            let arms = self.arms.iter();
            self.settled(
                &arms
                    .map(|arm| (arm.name.clone(), settings.clone()))
                    .collect(),
            )
        };
        vec![self.clone(), at(0), at(1)]
    }
}

#[cfg(test)]
mod tests;
