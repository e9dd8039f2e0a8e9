//! What a finished run reports.

use crate::spec::Plan;
use crate::text;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Violations of a treatment that are kept; a mask that is wrong is wrong at every step.
const VIOLATIONS: usize = 20;

/// The end of a successful run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunResult {
    /// Final metrics by name, as in [`crate::metric`]. Always finite: a run that leaves the finite numbers has diverged.
    pub metrics: BTreeMap<String, f64>,
    /// What reading nothing reaches on its test; absent in results from before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constant: Option<Constant>,
    /// Proof that the specified dropout was applied.
    pub treatment: Treatment,
    /// Where the numbers come from.
    pub provenance: Provenance,
}

/// What the best answer reaches on the test that is always the same, whatever was read: how often each character, word, key or
/// class comes in the training data, or the mean of its numbers. Whatever has learned anything is better.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Constant {
    /// Its loss: squared error, or nats for each character, word, frame or sequence.
    pub loss: f64,
    /// The share of right answers, where there are classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
}

impl Constant {
    /// Share by which two may differ that are of the same data: logarithms are not the same to the last bit everywhere.
    const SAME: f64 = 1e-9;

    /// Whether both are of the same data.
    pub fn is_of_the_same(&self, other: &Self) -> bool {
        let near = |one: f64, other: f64| (one - other).abs() <= Self::SAME * one.abs();
        let accuracies = match (self.accuracy, other.accuracy) {
            (Some(one), Some(other)) => near(one, other),
            (one, other) => one == other,
        };
        near(self.loss, other.loss) && accuracies
    }

    /// How far that value of a final metric has gone from this to a perfect answer, as a share of the loss: 0 at this, 1 there.
    /// `None` of metrics that are of something else.
    pub fn gain(&self, metric: &str, value: f64) -> Option<f64> {
        Some(match measure(metric)? {
            "nll" | "mse" => 1.0 - value / self.loss,
            "bits" => 1.0 - value * 2_f64.ln() / self.loss,
            "perplexity" => 1.0 - value.ln() / self.loss,
            "rmse" => 1.0 - value * value / self.loss,
            "accuracy" => {
                let constant = self.accuracy?;
                (value - constant) / (1.0 - constant)
            }
            _ => return None,
        })
    }

    /// Its own value of a final metric.
    pub fn of(&self, metric: &str) -> Option<f64> {
        Some(match measure(metric)? {
            "nll" | "mse" => self.loss,
            "bits" => self.loss / 2_f64.ln(),
            "perplexity" => self.loss.exp(),
            "rmse" => self.loss.sqrt(),
            "accuracy" => self.accuracy?,
            _ => return None,
        })
    }

    fn is_possible(&self) -> bool {
        let share = self
            .accuracy
            .is_none_or(|share| (0.0..1.0).contains(&share));
        self.loss.is_finite() && self.loss > 0.0 && share
    }
}

/// What a final metric measures: its name without what it is measured on, and when.
fn measure(metric: &str) -> Option<&str> {
    let measure = metric
        .strip_prefix("test_")
        .or_else(|| metric.strip_prefix("train_"))?;
    Some(measure.strip_suffix("_early_stopped").unwrap_or(measure))
}

impl RunResult {
    /// A result with these metrics, of a run on a CPU that obeyed its specification: what a simulated run ends with.
    pub fn simulated(metrics: &[(&str, f64)]) -> Self {
        let named = metrics
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value));
        Self {
            metrics: named.collect(),
            constant: None,
            treatment: Treatment {
                verified: true,
                sites: BTreeMap::new(),
                violations: Vec::new(),
            },
            provenance: Provenance {
                worker_version: "0".into(),
                code_version: "0".into(),
                data_set: None,
                data_sha256: None,
                plan_sha256: String::new(),
                seed: 1,
                device: "cpu".into(),
                device_name: String::new(),
                products: None,
                arithmetic: None,
                threads: 1,
                wall_seconds: 1.0,
                time_steps: 1,
                time_steps_per_second: 1.0,
                peak_memory_bytes: 0,
            },
        }
    }

    /// The same of a run of that plan.
    pub fn of_plan(mut self, plan: &Plan) -> Self {
        self.provenance.plan_sha256 = plan.sha256();
        self.provenance.seed = plan.seed;
        self
    }

    /// The result as it can be stored and read back, or the metric that is not a finite number.
    ///
    /// Words become fit for people and short. A rate or a time that is not finite, where nothing was measured, becomes 0.
    ///
    /// # Errors
    /// The name of a metric that is infinite or not a number: the run has diverged.
    pub fn storable(mut self) -> Result<Self, String> {
        if let Some((name, _)) = self.metrics.iter().find(|(_, value)| !value.is_finite()) {
            return Err(name.clone());
        }
        // Of data without two different answers nothing can be said.
        self.constant = self.constant.filter(Constant::is_possible);
        let finite = |value: &mut f64| *value = if value.is_finite() { *value } else { 0.0 };
        for site in self.treatment.sites.values_mut() {
            finite(&mut site.keep_rate);
        }
        finite(&mut self.provenance.wall_seconds);
        finite(&mut self.provenance.time_steps_per_second);
        let violations = &mut self.treatment.violations;
        let more = violations.len().saturating_sub(VIOLATIONS);
        violations.truncate(VIOLATIONS);
        for violation in violations.iter_mut() {
            *violation = text::for_people(violation);
        }
        if more > 0 {
            violations.push(format!("and {more} more"));
        }
        let provenance = &mut self.provenance;
        for words in [
            &mut provenance.worker_version,
            &mut provenance.code_version,
            &mut provenance.device,
            &mut provenance.device_name,
        ]
        .into_iter()
        .chain(&mut provenance.arithmetic)
        {
            *words = text::cut(words, text::NAME_CHARS);
        }
        Ok(self)
    }
}

/// Proof of treatment: what the masks that were really used looked like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Treatment {
    /// Whether every site obeyed the specification; a run where this is false is inadmissible.
    pub verified: bool,
    /// What was seen at each site that drops.
    pub sites: BTreeMap<String, SiteProof>,
    /// What was violated, in words; empty when verified.
    pub violations: Vec<String>,
}

/// What the masks of one site looked like over the inspected minibatches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SiteProof {
    /// Minibatches whose masks were inspected.
    pub windows: u64,
    /// Share of inspected mask entries that were kept.
    pub keep_rate: f64,
    /// Mask entries inspected.
    pub entries: u64,
    /// Successive time steps that had the same mask.
    pub equal_steps: u64,
    /// Successive time steps that had different masks.
    pub different_steps: u64,
    /// Neighbouring sequences of a minibatch that had the same mask.
    #[serde(default)]
    pub equal_sequences: u64,
    /// Neighbouring sequences of a minibatch that had different masks.
    #[serde(default)]
    pub different_sequences: u64,
    /// Neighbouring gates that had the same mask, where each was to have its own.
    #[serde(default)]
    pub equal_gates: u64,
    /// Neighbouring gates that had different masks.
    #[serde(default)]
    pub different_gates: u64,
    /// SHA-256 over all inspected masks, in hexadecimal.
    pub sha256: String,
}

/// Where a result comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Provenance {
    /// Version of the worker's code.
    pub worker_version: String,
    /// The commit that it was built from, or `unknown`.
    #[serde(default)]
    pub code_version: String,
    /// The data set, as `name@version`; absent where sequences are generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_set: Option<String>,
    /// SHA-256 of the data set's content, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_sha256: Option<String>,
    /// SHA-256 of the plan's canonical JSON, in hexadecimal.
    pub plan_sha256: String,
    /// The seed.
    pub seed: u32,
    /// `cpu` or `cuda:N`.
    pub device: String,
    /// The device's own name.
    pub device_name: String,
    /// Precision of the factors in a card's products: `f32`, `tf32` or `bf16`; absent on a CPU, where it is `f32`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub products: Option<String>,
    /// Vector instructions of a processor with which it computed: `AVX-512`, `AVX2`, `NEON` or `scalar`; absent on a card, and
    /// of results from before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arithmetic: Option<String>,
    /// Threads used for products.
    pub threads: u32,
    /// Seconds of training over all attempts that led to this result.
    pub wall_seconds: f64,
    /// Time steps trained (batch × sequence length × steps).
    pub time_steps: u64,
    /// Time steps a second in this attempt.
    pub time_steps_per_second: f64,
    /// Largest resident memory of the trainer, in bytes; 0 where the system does not tell.
    pub peak_memory_bytes: u64,
}
