//! Training an experiment's runs again: what the board hands out for that, what is said of two results, and what is reported.

mod compare;

pub use compare::{Agreement, Number, TOLERANCE, Word, agreement, overall};

use crate::id::{ExperimentId, RunId};
use crate::result::Provenance;
use crate::spec::TunedSettings;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name of the file in an experiment's bundle, and of its address below the experiment's.
pub const FILE: &str = "reproduce.json";

/// Most runs that one report tells of.
pub const MOST_RUNS: usize = 200;

/// Everything that it takes to train the compared runs of an experiment again, and what they came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Handout {
    /// The experiment.
    pub experiment: ExperimentId,
    /// Its page.
    pub url: String,
    /// Short name.
    pub title: String,
    /// proposed, registered, running, stalled, concluded or withdrawn.
    pub state: String,
    /// How it ended, if it has.
    pub outcome: Option<String>,
    /// The experiment whose runs decide it, if it has none of its own.
    #[serde(default)]
    pub shares_runs_of: Option<ExperimentId>,
    /// The frozen specification, byte for byte what was hashed.
    pub spec: String,
    /// Its SHA-256, in hexadecimal.
    pub spec_sha256: String,
    /// What each arm chose before it was compared, where its settings were tuned.
    #[serde(default)]
    pub chosen: BTreeMap<String, TunedSettings>,
    /// The runs that are compared and have a result, in the order in which they were queued.
    pub runs: Vec<Run>,
}

/// A run with its result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its number on the board.
    pub run: RunId,
    /// Its arm.
    pub arm: String,
    /// Its seed.
    pub seed: u32,
    /// Its final metrics; none if it diverged.
    pub metrics: Option<BTreeMap<String, f64>>,
    /// Where they come from; none if it diverged.
    pub provenance: Option<Provenance>,
}

/// Kind of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = DeviceKind))]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// A processor.
    Cpu,
    /// A card.
    Cuda,
}

impl Device {
    /// As it is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }

    /// The ways in which it computes that are told apart: vector instructions of a processor, precision of a card's products.
    pub fn arithmetics(self) -> &'static [&'static str] {
        match self {
            Self::Cpu => &["AVX-512", "AVX2", "NEON", "scalar"],
            Self::Cuda => &["f32", "tf32", "bf16"],
        }
    }
}

/// On what, and by which program, a run was trained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ReproductionMachine))]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Kind of device.
    pub device: Device,
    /// Of a processor its vector instructions (`AVX-512`, `AVX2`, `NEON` or `scalar`), of a card the precision of its
    /// products (`f32`, `tf32` or `bf16`).
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 20))]
    pub arithmetic: String,
    /// The device's own name.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub device_name: String,
    /// Threads of each run.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 4096))]
    pub threads: u32,
    /// Version of the worker's code.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 60))]
    pub worker_version: String,
    /// The commit that it was built from, or `unknown`.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 60))]
    pub code_version: String,
}

impl Machine {
    /// What a result says of that. Of results from before it was kept the arithmetic of a processor is empty.
    pub fn of(made: &Provenance) -> Self {
        let device = match made.device.as_str() {
            "cpu" => Device::Cpu,
            _ => Device::Cuda,
        };
        let arithmetic = made.products.as_ref().or(made.arithmetic.as_ref());
        Self {
            device,
            arithmetic: arithmetic.cloned().unwrap_or_default(),
            device_name: made.device_name.clone(),
            threads: made.threads,
            worker_version: made.worker_version.clone(),
            code_version: made.code_version.clone(),
        }
    }

    /// Whether both do the same operations in the same order, so that a result repeats to the last bit: one processor of the
    /// same name, one arithmetic, as many threads, one program. Of a card nobody promises it.
    pub fn repeats(&self, other: &Self) -> bool {
        self.device == Device::Cpu && !self.arithmetic.is_empty() && self == other
    }

    /// Kind of hardware, for people: what reproductions are counted by.
    pub fn kind(&self) -> String {
        kind(self.device.name(), &self.arithmetic)
    }
}

/// The same of a device and an arithmetic as they are stored.
pub fn kind(device: &str, arithmetic: &str) -> String {
    let device = match device {
        "cpu" => "CPU",
        _ => "CUDA",
    };
    match arithmetic {
        "" => format!("{device}, arithmetic not kept"),
        arithmetic => format!("{device} {arithmetic}"),
    }
}

/// What somebody's own machine made of some runs of an experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = NewReproduction))]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The machine.
    pub machine: Machine,
    /// The runs, 200 at most.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 200))]
    pub runs: Vec<Reported>,
}

/// A run that was trained again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ReproducedRun))]
#[serde(deny_unknown_fields)]
pub struct Reported {
    /// Number of the board's run.
    pub run: RunId,
    /// Its seed.
    pub seed: u32,
    /// Every final metric that the board's run has, as it came out here; null if it diverged here.
    pub metrics: Option<BTreeMap<String, f64>>,
}
