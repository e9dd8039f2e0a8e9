//! Over which specifications a claim speaks, and how small an effect still counts: read by the machine, so that an
//! experiment that lies outside, or asks for another effect, cannot move the claim's standing.

mod arms;
mod check;
mod field;
mod margin;
mod measured;
mod narrow;
mod range;
mod resort;
mod rival;
mod table;
mod values;
mod words;

use crate::spec::{Cell, Criterion, CriterionKind, Estimand, Setup, Spec, TaskName, number};
use serde::{Deserialize, Serialize};

pub use arms::{Arms, Wanted};
pub use field::{Field, GENERATED, Point, Value};
pub use margin::Margins;
pub use narrow::Narrower;
pub use range::Range;
pub use resort::{Earlier, Sorting};

/// Margins that differ by less than this share of them are the same.
const SAME: f64 = 1e-6;

/// The scope and the margins of a claim. What is empty or absent restricts nothing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(remote = "Self", deny_unknown_fields, default)]
pub struct Scope {
    /// Tasks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskName>,
    /// Recurrent cells.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cells: Vec<Cell>,
    /// Data sets, with or without their version.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<String>,
    /// Units of a layer.
    #[serde(skip_serializing_if = "Range::is_open")]
    pub hidden: Range<u32>,
    /// Time steps of a sequence.
    #[serde(skip_serializing_if = "Range::is_open")]
    pub length: Range<u32>,
    /// The strongest dropout of the two arms: the largest rate of any of their sites.
    #[serde(skip_serializing_if = "Range::is_open")]
    pub rate: Range<f64>,
    /// Metrics; if none is named, every one that is measured on the test.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<String>,
    /// What it says of the two arms.
    #[serde(skip_serializing_if = "Predicts::is_usual")]
    pub predicts: Predicts,
    /// The arms that are compared.
    #[serde(skip_serializing_if = "Arms::are_open")]
    pub arms: Arms,
    /// How small an effect still counts.
    #[serde(skip_serializing_if = "Margins::are_usual")]
    pub margin: Margins,
}

table::read_as_one!(Scope, "what a claim speaks about");

/// What a claim says of its treatment and its control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Predicts {
    /// The treatment is better, by the smallest effect that counts or more.
    #[default]
    Better,
    /// The treatment is not worse: by less than the smallest effect that counts, or better.
    NotWorse,
}

impl Predicts {
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

impl Scope {
    /// Why an experiment does not bear on the claim: what of it lies outside, each as a sentence. Empty if it bears on it.
    pub fn outside(&self, spec: &Spec) -> Vec<String> {
        if spec.criterion.is_none() {
            return vec!["It has no criterion.".into()];
        }
        // Where the arms choose settings of their own, wherever that may lead.
        let mut found: Vec<String> = Vec::new();
        for spec in spec.extremes() {
            for reason in self
                .beyond_region(&spec)
                .into_iter()
                .chain(self.beside(&spec))
            {
                if !found.contains(&reason) {
                    found.push(reason);
                }
            }
        }
        found
    }

    /// What of the compared arms lies outside the region of settings that the claim speaks about.
    fn beyond_region(&self, spec: &Spec) -> Vec<String> {
        let pairs = field::compared(spec);
        let mut found = Vec::new();
        let mut tell = |reason: String| {
            if !found.contains(&reason) {
                found.push(reason);
            }
        };
        for setup in pairs.iter().flatten() {
            self.beyond(setup).into_iter().for_each(&mut tell);
        }
        for pair in &pairs {
            let rate = field::strongest(pair);
            if let Some(words) = self.rate.words().filter(|_| !self.rate.holds(rate)) {
                tell(format!(
                    "The claim speaks about dropout rates of {words}, not about {}.",
                    number(rate)
                ));
            }
        }
        found
    }

    /// What of the comparison is not what the claim says, wherever it was made.
    fn beside(&self, spec: &Spec) -> Vec<String> {
        let Some(criterion) = &spec.criterion else {
            return vec!["It has no criterion.".into()];
        };
        let pairs = field::compared(spec);
        if pairs.is_empty() {
            return vec!["Its criterion names no two arms.".into()];
        }
        let mut found = Vec::new();
        // What holds over the whole scope holds in each of its conditions.
        let all = pairs.len();
        match criterion.kind {
            // 1,000 attacks with a mean fell 31 of 100 true claims where noise was skewed (bench/verdict).
            CriterionKind::Difference | CriterionKind::NonInferiority
                if criterion.estimand == Some(Estimand::Mean) => found.push(
                "The claim speaks of the typical pair, and this of the mean, whose test errs more often than its level \
                 says where the noise is skewed."
                    .into(),
            ),
            CriterionKind::NonInferiority if self.predicts == Predicts::NotWorse => {}
            CriterionKind::NonInferiority => found
                .push("The claim says that one arm is better, not only that it is no worse.".into()),
            _ if self.predicts == Predicts::NotWorse => {
                found.push("The claim says that one arm is no worse than another, no more.".into());
            }
            // What a search finds is asked as a difference.
            CriterionKind::Difference | CriterionKind::SolveRate | CriterionKind::Search => {}
            CriterionKind::Cells if criterion.count() == all => {}
            CriterionKind::Cells => found.push(format!(
                "The claim holds wherever it speaks, and this asks for the effect in {} of {all} conditions.",
                criterion.count()
            )),
            CriterionKind::Equivalence => {
                found
                    .push("The claim says that one arm is better, not that both are alike.".into());
            }
            _ => found.push("The claim says that one arm is better than another, no more.".into()),
        }
        if self.arms.are_open() {
            found.push("The claim does not say which arms it compares.".into());
        }
        for [treatment, control] in pairs.iter().filter(|_| !self.arms.are_open()) {
            let reasons = self.arms.mismatches(treatment, control).into_iter();
            let measured = [treatment, control].map(|setup| measured::unusual(&self.arms, setup));
            for reason in reasons.chain(measured.into_iter().flatten()) {
                if !found.contains(&reason) {
                    found.push(reason);
                }
            }
        }
        found.extend(self.other_metric(criterion));
        found.extend(self.other_margin(criterion));
        found
    }

    fn beyond(&self, setup: &Setup) -> Vec<String> {
        let mut found = Vec::new();
        let (task, model) = (&setup.task, &setup.model);
        if !self.tasks.is_empty() && !self.tasks.contains(&task.name) {
            let names: Vec<&str> = self.tasks.iter().map(|task| task.words()).collect();
            found.push(format!(
                "The claim speaks about the tasks {}, not about {}.",
                names.join(", "),
                task.name.words()
            ));
        }
        if !self.cells.is_empty() && !self.cells.contains(&model.cell) {
            let names: Vec<&str> = self.cells.iter().map(|cell| cell.name()).collect();
            found.push(format!(
                "The claim speaks about the cells {}, not about {}.",
                names.join(", "),
                model.cell.name()
            ));
        }
        let is_data = |data: &str| self.data.iter().any(|name| narrow::is_data(name, data));
        if !self.data.is_empty() && !task.data.as_deref().is_some_and(is_data) {
            found.push(format!(
                "The claim speaks about the data sets {}, not about {}.",
                self.data.join(", "),
                task.data.as_deref().unwrap_or("generated sequences")
            ));
        }
        for (range, number, what) in [
            (self.hidden, model.hidden, "units a layer"),
            (self.length, task.length, "time steps"),
        ] {
            if let Some(words) = range.words().filter(|_| !range.holds(number)) {
                found.push(format!(
                    "The claim speaks about {words} {what}, not about {number}."
                ));
            }
        }
        found
    }

    fn other_metric(&self, criterion: &Criterion) -> Option<String> {
        let metric = &criterion.metric;
        if self.metrics.is_empty() {
            return (!metric.starts_with("test_")).then(|| {
                format!("The claim speaks about what is measured on the test, not about {metric}.")
            });
        }
        (!self.metrics.contains(metric)).then(|| {
            format!(
                "The claim speaks about {}, not about {metric}.",
                self.metrics.join(", ")
            )
        })
    }

    fn other_margin(&self, criterion: &Criterion) -> Option<String> {
        let Some(margin) = self.margin.of(criterion) else {
            return Some(Margins::none_of("The claim", &criterion.metric));
        };
        let other = (criterion.margin - margin).abs() > SAME * margin;
        other.then(|| {
            format!(
                "The claim's smallest effect of interest is {}, and this asks for {}.",
                number(margin),
                number(criterion.margin)
            )
        })
    }
}

#[cfg(test)]
mod tests;
