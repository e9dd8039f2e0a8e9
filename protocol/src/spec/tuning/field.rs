//! The fields that may be tuned: numbers of which neither the task nor what a run costs depends.

use super::TunedSettings;
use crate::spec::dropout::SiteName;
use crate::spec::limits;
use crate::spec::types::*;
use serde_json::Value;
use std::ops::RangeInclusive;

/// Rates that may be tuned: at 0 there would be no site, and arms that are told apart by it would be one.
const RATES: RangeInclusive<f64> = 0.001..=0.999;

/// TunedSettings that may be tuned beside those of dropout sites, and what they may be.
const SETTINGS: [(&str, RangeInclusive<f64>); 10] = [
    ("training.learning_rate", limits::LEARNING_RATE),
    ("training.clip", limits::CLIP),
    ("training.weight_decay", limits::WEIGHT_DECAY),
    ("training.ar", limits::PENALTY),
    ("training.tar", limits::PENALTY),
    ("training.anneal", limits::ANNEAL),
    ("model.initial_range", limits::INITIAL_RANGE),
    ("model.forget_bias", limits::FORGET_BIAS),
    ("model.normalization_gain", limits::NORMALIZATION_GAIN),
    ("evaluation.temperature", limits::TEMPERATURE),
];

/// Paths of all fields that may be tuned, those of every site too.
pub fn tunable_paths() -> Vec<String> {
    let sites = SiteName::ALL.iter().map(|site| site.name());
    let of_sites =
        sites.flat_map(|site| ["rate", "until"].map(|field| format!("dropout.{site}.{field}")));
    let settings = SETTINGS.iter().map(|(path, _)| (*path).to_owned());
    settings.chain(of_sites).collect()
}

/// What the field of that path may be; nothing if it may not be tuned.
pub(super) fn limits_of(path: &str) -> Option<RangeInclusive<f64>> {
    if let Some((_, limits)) = SETTINGS.iter().find(|(name, _)| *name == path) {
        return Some(limits.clone());
    }
    match site_field(path)?.1 {
        "rate" => Some(RATES),
        "until" => Some(limits::UNTIL),
        _ => None,
    }
}

/// Whether beyond that value there is nothing: no weight decay less than none, no longer than to the end.
pub fn is_natural_bound(path: &str, value: f64) -> bool {
    limits_of(path).is_some_and(|limits| value <= *limits.start() || value >= *limits.end())
}

/// The number at that path; nothing where the arm has none, and nothing to tune then.
pub(super) fn slot<'a>(setup: &'a mut Setup, path: &str) -> Option<&'a mut f64> {
    let Setup {
        task,
        model,
        training,
        evaluation,
        dropout,
    } = setup;
    match path {
        "training.learning_rate" => Some(&mut training.learning_rate),
        "training.clip" => Some(&mut training.clip),
        "training.weight_decay" => Some(&mut training.weight_decay),
        "training.ar" => Some(&mut training.ar),
        "training.tar" => Some(&mut training.tar),
        "training.anneal" => training.anneal.as_mut(),
        "model.initial_range" => model.initial_range.as_mut(),
        "model.forget_bias" => model.forget_bias.as_mut(),
        "model.normalization_gain" => model.normalization_gain.as_mut(),
        "evaluation.temperature" => match &mut evaluation.temperature {
            Temperature::Given(number) if task.name.predicts_probabilities() => Some(number),
            _ => None,
        },
        _ => {
            let (name, field) = site_field(path)?;
            let site = dropout.site_mut(name).as_mut()?;
            match field {
                "rate" => Some(&mut site.rate),
                "until" => site.until.as_mut(),
                _ => None,
            }
        }
    }
}

/// The arm's number at that path.
pub(super) fn value(arm: &Arm, path: &str) -> Option<f64> {
    slot(&mut arm.setup.clone(), path).map(|number| *number)
}

/// Gives the arm these settings as its own; those that it has no field for say nothing of it.
pub(super) fn set(arm: &mut Arm, settings: &TunedSettings) {
    for (path, value) in settings {
        let Some(number) = slot(&mut arm.setup, path) else {
            continue;
        };
        *number = *value;
        if let Some((section, key)) = path.split_once('.').filter(|(name, _)| *name != "dropout") {
            let own = arm
                .overrides
                .entry(section)
                .or_insert_with(|| Value::Object(Default::default()));
            own[key] = Value::from(*value);
        }
    }
    arm.dropout = arm.setup.dropout.clone();
}

fn site_field(path: &str) -> Option<(SiteName, &str)> {
    let (site, field) = path.strip_prefix("dropout.")?.split_once('.')?;
    let name = SiteName::ALL.into_iter().find(|name| name.name() == site)?;
    Some((name, field))
}
