//! What a criterion compares: arms, each with its weight in the difference of a seed.

use super::plain::plain;
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
        if let Some(field) = &criterion.field {
            return slope(self, criterion, field);
        }
        let mut terms = Vec::from(pair([&criterion.treatment, &criterion.control], 1.0));
        if let Some(other) = criterion.other_pair() {
            terms.extend(pair(other, -1.0));
        }
        // Each further condition has a contrast of its own; here its runs only belong to the seed.
        for arm in criterion.conditions.iter().flatten() {
            if terms.iter().all(|term| term.arm != arm) {
                terms.push(Term { arm, weight: 0.0 });
            }
        }
        terms
    }
}

/// What differs by less, relative to the width of a sweep, differs by rounding.
const ROUNDING: f64 = 1e-12;

/// The slope of how good a run was along a setting, by least squares: Σ (xⱼ − x̄)(yⱼ − ȳ) / Σ (xⱼ − x̄)², counted in the
/// direction from the control to the treatment.
fn slope<'a>(spec: &'a Spec, criterion: &'a Criterion, field: &str) -> Vec<Term<'a>> {
    let ends = [&criterion.treatment, &criterion.control];
    let rest = spec.arms.iter().map(|arm| &arm.name);
    let arms: Vec<&String> = (ends.into_iter())
        .chain(rest.filter(|name| !ends.contains(name)))
        .collect();
    let places: Vec<f64> = arms
        .iter()
        .filter_map(|name| spec.arms.iter().find(|arm| arm.name == **name))
        .filter_map(|arm| place(&arm.setup, field, criterion.field_scale))
        .collect();
    let mean = places.iter().sum::<f64>() / places.len() as f64;
    // In the middle is in the middle: a rounding error must not give weight to a run that diverged.
    let width = places.iter().map(|x| (x - mean).abs()).fold(0.0, f64::max);
    let aside = |x: f64| match x - mean {
        small if small.abs() <= ROUNDING * width => 0.0,
        aside => aside,
    };
    let squares: f64 = places.iter().map(|x| aside(*x).powi(2)).sum();
    let towards = places.first().map_or(1.0, |first| aside(*first).signum());
    arms.into_iter()
        .zip(places)
        .map(|(arm, x)| Term {
            arm,
            weight: towards * aside(x) / squares,
        })
        .collect()
}

/// Where an arm stands on the axis of a trend; nothing where the setting is no number there.
pub(super) fn place(setup: &Setup, field: &str, scale: Option<Scale>) -> Option<f64> {
    let value = settings(setup).get(field)?.as_f64()?;
    let x = match scale {
        Some(Scale::Log) => value.log2(),
        Some(Scale::Additive) | None => value,
    };
    x.is_finite().then_some(x)
}

/// The advantage of a treatment over its control, times a sign.
pub(crate) fn pair([treatment, control]: [&str; 2], sign: f64) -> [Term<'_>; 2] {
    [(treatment, sign), (control, -sign)].map(|(arm, weight)| Term { arm, weight })
}

impl Criterion {
    /// The conditions in which the treatment's advantage is looked for: pairs of treatment and control, the first one
    /// first.
    pub fn cells(&self) -> Vec<[&str; 2]> {
        let first = [self.treatment.as_str(), &self.control];
        let further =
            (self.conditions.iter()).map(|[treatment, control]| [treatment.as_str(), control]);
        [first].into_iter().chain(further).collect()
    }

    /// In how many of its conditions the effect is predicted.
    pub fn count(&self) -> usize {
        self.at_least.map_or(1, |count| count as usize).max(1)
    }

    /// In how many of its conditions the effect must be missing for the prediction to be wrong.
    pub fn against(&self) -> usize {
        (self.conditions.len() + 2)
            .saturating_sub(self.count())
            .max(1)
    }

    /// Whether the arm's runs may diverge and be lost: of a treatment that is no control elsewhere.
    pub(crate) fn may_lose(&self, arm: &str) -> bool {
        let mut cells = self.cells().into_iter();
        cells.clone().any(|[treatment, _]| treatment == arm)
            && !cells.any(|[_, control]| control == arm)
    }

    /// What the criterion takes an arm for, in words; empty where it does not compare it.
    pub fn part(&self, arm: &str) -> &'static str {
        match arm {
            _ if arm == self.treatment => "treatment",
            _ if arm == self.control => "control",
            _ if self.other_treatment.as_deref() == Some(arm) => "treatment, other condition",
            _ if self.other_control.as_deref() == Some(arm) => "control, other condition",
            _ if self.kind == CriterionKind::Trend => "between",
            _ if self.may_lose(arm) => "treatment, other condition",
            _ if self.conditions.iter().any(|[_, control]| control == arm) => {
                "control, other condition"
            }
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

impl Spec {
    /// In what treatment and control differ, as far as it changes what they train: paths of settings, and of a site that
    /// only one of them drops, the site. Nothing without a criterion.
    pub fn manipulated(&self) -> Vec<String> {
        let Some(criterion) = &self.criterion else {
            return Vec::new();
        };
        let arms = [&criterion.treatment, &criterion.control].map(|name| {
            let arm = self.arms.iter().find(|arm| arm.name == *name);
            arm.map_or_else(BTreeMap::new, |arm| settings(&plain(&arm.setup)))
        });
        let site = |path: &str| {
            let mut parts = path.split('.');
            match (parts.next()?, parts.next()?) {
                ("dropout", site) => Some(format!("dropout.{site}")),
                _ => None,
            }
        };
        let drops = |site: &str, settings: &BTreeMap<String, Value>| {
            settings
                .get(&format!("{site}.rate"))
                .is_some_and(Value::is_number)
        };
        let mut found: Vec<String> = differing(&arms.each_ref())
            .into_iter()
            .map(|path| match site(&path) {
                Some(site) if !arms.iter().all(|arm| drops(&site, arm)) => site,
                _ => path,
            })
            .collect();
        found.dedup();
        found
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

/// Paths of the settings that are not the same in all of them.
pub(super) fn differing(all: &[&BTreeMap<String, Value>]) -> Vec<String> {
    let mut paths: Vec<&String> = all.iter().flat_map(|settings| settings.keys()).collect();
    paths.sort();
    paths.dedup();
    let differs = |path: &&String| {
        let mut values = all.iter().map(|settings| settings.get(*path));
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    paths.into_iter().filter(differs).cloned().collect()
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
