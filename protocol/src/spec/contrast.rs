//! What a criterion compares: arms, each with its weight in the difference of a seed.

use super::types::*;
use serde_json::Value;
use std::collections::BTreeMap;

/// An arm and what its outcome is multiplied by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Term<'a> {
    /// Name of the arm.
    pub arm: &'a str,
    /// Factor on how good its run was; of the treatment positive.
    pub weight: f64,
}

impl Spec {
    /// The difference δ of a seed as a sum over arms, the treatment first and the control second; empty without a
    /// criterion.
    ///
    /// The weights sum to 0: what all arms have in common does not count.
    pub fn contrast(&self) -> Vec<Term<'_>> {
        let Some(criterion) = &self.criterion else {
            return Vec::new();
        };
        let mut terms = Vec::from(pair([&criterion.treatment, &criterion.control], 1.0));
        if let Some(other) = criterion.other_pair() {
            terms.extend(pair(other, -1.0));
        }
        terms
    }
}

/// The advantage of a treatment over its control, times a sign.
fn pair([treatment, control]: [&str; 2], sign: f64) -> [Term<'_>; 2] {
    [(treatment, sign), (control, -sign)].map(|(arm, weight)| Term { arm, weight })
}

impl Criterion {
    /// What the criterion takes an arm for, in words; empty where it does not compare it.
    pub fn part(&self, arm: &str) -> &'static str {
        match arm {
            _ if arm == self.treatment => "treatment",
            _ if arm == self.control => "control",
            _ if self.other_treatment.as_deref() == Some(arm) => "treatment, other condition",
            _ if self.other_control.as_deref() == Some(arm) => "control, other condition",
            _ => "",
        }
    }

    /// Of `interaction`: treatment and control under the other condition.
    pub fn other_pair(&self) -> Option<[&str; 2]> {
        Some([
            self.other_treatment.as_deref()?,
            self.other_control.as_deref()?,
        ])
    }
}

/// The largest difference of a seed that weights allow, in units of what a single run can gain.
pub(super) fn reach(terms: &[Term]) -> f64 {
    terms.iter().map(|term| term.weight.max(0.0)).sum()
}

/// Every setting of an arm by its path, such as `task.length` or `dropout.state.rate`.
pub(super) fn settings(setup: &Setup) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    flatten(
        "",
        serde_json::to_value(setup).unwrap_or_default(),
        &mut found,
    );
    found
}

fn flatten(path: &str, value: Value, found: &mut BTreeMap<String, Value>) {
    let Value::Object(table) = value else {
        found.insert(path.to_owned(), value);
        return;
    };
    for (key, value) in table {
        let dot = if path.is_empty() { "" } else { "." };
        flatten(&format!("{path}{dot}{key}"), value, found);
    }
}
