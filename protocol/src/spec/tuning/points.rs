//! The trials of a tuning: which settings each arm tries.

use super::{Tuned, TunedSettings, TuningSearch, field};
use crate::spec::types::{Plan, Scale, Spec};
use sha2::{Digest, Sha256};

/// Draws after which a random search goes on with the trials that it has: where each of a few values must come up, some
/// hundreds are enough.
const DRAWS: u32 = 10_000;
/// Significant digits of a value that is drawn: so it can be read, and is the same on every machine.
const DIGITS: usize = 4;

/// TunedSettings that one arm tries.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// 1, 2, 3, … within the experiment.
    pub number: u32,
    /// The arm.
    pub arm: String,
    /// What it has differently in this trial.
    pub settings: TunedSettings,
}

impl Spec {
    /// The trials of all arms, those of an arm one after the other. `salt` is the random number of the registration.
    ///
    /// Point number i of a random search has of field number j, both from 0 on, the value at the share u of its range, or
    /// of its list, where u are the first 53 bits of SHA-256 of `{spec_sha256}:{salt}:tuning:{i}:{j}` as a fraction. It is
    /// rounded to four significant digits. An arm passes over a point that it has tried.
    pub fn trials(&self, salt: Option<&str>) -> Vec<Trial> {
        let Some(tuning) = &self.tuning else {
            return Vec::new();
        };
        let count = tuning.trials();
        let spec = self.sha256();
        let salt = salt.unwrap_or("local");
        let mut trials = Vec::new();
        for arm in &self.arms {
            let fields: Vec<(usize, &Tuned)> = (tuning.fields.iter().enumerate())
                .filter(|(_, tuned)| field::value(arm, &tuned.field).is_some())
                .collect();
            let points = match tuning.search {
                TuningSearch::Grid => grid(&fields),
                TuningSearch::Random => {
                    let share = |i: u32, j: usize| drawn(&format!("{spec}:{salt}:tuning:{i}:{j}"));
                    random(&fields, count, share)
                }
            };
            for settings in points {
                trials.push(Trial {
                    number: trials.len() as u32 + 1,
                    arm: arm.name.clone(),
                    settings,
                });
            }
        }
        trials
    }

    /// The seeds of the tuning: those that are drawn after the seeds of the comparison.
    pub fn tuning_seeds(&self, salt: Option<&str>) -> Vec<u32> {
        let Some(tuning) = &self.tuning else {
            return Vec::new();
        };
        let compared = self.seeds.count();
        self.drawn(compared as u32 + tuning.seeds, salt)
            .split_off(compared)
    }

    /// What a run of the trial trains.
    pub fn trial_plan(&self, trial: &Trial, seed: u32) -> Option<Plan> {
        let chosen = [(trial.arm.clone(), trial.settings.clone())].into();
        self.settled(&chosen).plan(&trial.arm, seed)
    }
}

/// All combinations, the last field changing fastest. Their number was held against its limit when the specification was
/// read.
fn grid(fields: &[(usize, &Tuned)]) -> Vec<TunedSettings> {
    let mut points = vec![TunedSettings::new()];
    for (_, tuned) in fields {
        let with = |point: &TunedSettings, value: f64| {
            let mut point = point.clone();
            point.insert(tuned.field.clone(), value);
            point
        };
        points = (points.iter())
            .flat_map(|point| tuned.values.iter().map(move |value| with(point, *value)))
            .collect();
    }
    points
}

/// So many different points, or as many as came up.
fn random(
    fields: &[(usize, &Tuned)],
    count: usize,
    share: impl Fn(u32, usize) -> f64,
) -> Vec<TunedSettings> {
    let mut points: Vec<TunedSettings> = Vec::new();
    for i in 0..DRAWS {
        if points.len() == count {
            break;
        }
        let value = |(j, tuned): &(usize, &Tuned)| (tuned.field.clone(), at(tuned, share(i, *j)));
        let point: TunedSettings = fields.iter().map(value).collect();
        if !points.contains(&point) {
            points.push(point);
        }
    }
    points
}

/// The value at a share of the range, from 0 to below 1.
fn at(tuned: &Tuned, share: f64) -> f64 {
    let [low, high] = tuned.ends();
    if !tuned.values.is_empty() {
        let index = (share * tuned.values.len() as f64) as usize;
        return tuned.values[index.min(tuned.values.len() - 1)];
    }
    let value = match tuned.scale {
        Scale::Additive => low + share * (high - low),
        Scale::Log => low * (high / low).powf(share),
    };
    rounded(value).clamp(low, high)
}

fn rounded(value: f64) -> f64 {
    let text = format!("{value:.*e}", DIGITS - 1);
    text.parse().unwrap_or(value)
}

/// A share from 0 to below 1.
fn drawn(text: &str) -> f64 {
    let digest = Sha256::digest(text);
    let bits = digest[..8]
        .iter()
        .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}
