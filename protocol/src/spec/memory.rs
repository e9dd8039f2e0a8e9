//! The memory that a run needs on a processor, estimated before it is queued and again before it is trained.
//!
//! A trainer is held to about twice this by the system, so what is foreseen is the peak: a window with everything that
//! is kept for the way back, the weights with all their copies, and a measurement. The factors are measured (November
//! 2026, 56 settings of three cells, 1 and 2 layers, 64 to 1,024 units, 5 to 400 steps); the estimate lies between the
//! peak and about twice the peak, which `worker/tests/memory.rs` holds against real runs.

use super::cost::{sequence_length, tested_length};
use super::fields::Problem;
use super::limits;
use super::types::*;
use super::{Gates, MaskTime, Noise};

/// Memory of a process that trains nothing, in bytes, and of what differs from one time to the next.
const PROCESS: f64 = 26e6;
/// Bytes of a number in training.
const NUMBER: f64 = 4.0;
/// Bytes that an entry of the outputs of a measurement takes: several copies in double precision.
const MEASURED_OUTPUT: f64 = 48.0;
/// Sequences that are measured at once.
const MEASURED_AT_ONCE: f64 = 256.0;
/// Copies of the weights: themselves, gradients and what they are clipped into, those measured, the best, and while a
/// checkpoint is written once more in a buffer; optimizers add theirs, twice for the same reason.
const COPIES: f64 = 12.0;
/// Copies of the weights of a network that is trained before the last of several: the last and the best, and both once more
/// while a checkpoint is written or read.
const COPIES_OF_DONE: f64 = 4.0;
/// Numbers of an output that the loss and its way back keep.
const KEPT_OUTPUT: f64 = 4.0;
/// Different characters that a text is taken to have before it has been read.
const CHARACTERS: u64 = 256;

/// What the data add to a specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataShape {
    /// Time steps of the longest sequence or window.
    pub steps: u64,
    /// Numbers that enter the first layer at a step.
    pub inputs: u64,
    /// Rows of the embedding; 0 without one.
    pub vocabulary: u64,
    /// Width of the output.
    pub outputs: u64,
    /// At how many steps of a sequence it is read.
    pub read_at: u64,
}

impl DataShape {
    /// As far as the specification tells before any data have been read.
    pub fn expected(setup: &Setup) -> Self {
        let task = &setup.task;
        let steps = u64::from(sequence_length(task));
        let words = u64::from(task.vocabulary.unwrap_or(*limits::VOCABULARY.end()));
        let embedded = u64::from(setup.model.embedding.unwrap_or(setup.model.hidden));
        let (inputs, vocabulary, outputs, read_at) = match task.name {
            TaskName::Adding => (2, 0, 1, 1),
            TaskName::TemporalOrder => (6, 0, 4, 1),
            TaskName::Copy => (10, 0, 9, 10),
            TaskName::SequentialMnist | TaskName::PermutedMnist => {
                (784 / steps.max(1) + 1, 0, 10, 1)
            }
            TaskName::Music => (88, 0, 88, steps),
            TaskName::Sentiment => (embedded, words, 1, 1),
            TaskName::CharLm => (embedded, CHARACTERS, CHARACTERS, steps),
            TaskName::WordLm => (embedded, words, words, steps),
        };
        Self {
            steps,
            inputs,
            vocabulary,
            outputs,
            read_at,
        }
    }
}

/// Estimated peak of the memory of one run of `setup`, in bytes.
pub fn run_memory(setup: &Setup, data: DataShape) -> u64 {
    let real = |number: u64| number as f64;
    let (model, batch) = (&setup.model, f64::from(setup.training.batch));
    let (hidden, layers) = (f64::from(model.hidden), f64::from(model.layers));
    let steps = real(data.steps);
    let states = batch * hidden * steps * layers;
    let gates = gates(model.cell);
    let window = states * (kept_of_a_state(setup) + masks(setup))
        + hidden * hidden * steps * layers * gates * kept_of_a_matrix(setup)
        + KEPT_OUTPUT * batch * real(data.outputs * data.read_at);
    let below = real(data.inputs) + (layers - 1.0) * hidden;
    let weights = gates * hidden * (below + layers * (hidden + 1.0))
        + real(data.vocabulary * data.inputs)
        + real(data.outputs) * (hidden + 1.0);
    let of_the_optimizer = match setup.training.optimizer {
        Optimizer::Sgd => 0.0,
        Optimizer::Adam | Optimizer::NtAsgd => 4.0,
    };
    let done = f64::from(setup.training.networks().saturating_sub(1)) * COPIES_OF_DONE;
    let bytes = PROCESS
        + NUMBER * (window + weights * (COPIES + of_the_optimizer + done))
        + measurement(setup, data);
    bytes as u64
}

/// Bytes of a measurement: states without a way back, outputs, and what samples carry through a text.
fn measurement(setup: &Setup, data: DataShape) -> f64 {
    let (hidden, layers) = (f64::from(setup.model.hidden), f64::from(setup.model.layers));
    let is_text = setup.task.name.is_language_model();
    let rows = if is_text {
        f64::from(setup.training.batch)
    } else {
        f64::from(setup.evaluation.sequences).min(MEASURED_AT_ONCE)
    };
    let networks = setup.training.networks();
    let samples = setup.evaluation.samples.max(u32::from(networks > 1));
    let passes = f64::from(networks) * f64::from(samples);
    // h and c of every sample of the masks, of each network.
    let carried = if is_text {
        2.0 * passes * layers * hidden * rows
    } else {
        0.0
    };
    let kept = kept_of_a_measured_state(&setup.model) + masks(setup);
    let steps = data.steps.max(u64::from(tested_length(setup))) as f64;
    NUMBER * (rows * hidden * steps * layers * kept + carried)
        + MEASURED_OUTPUT * rows * (data.outputs * data.read_at) as f64
}

fn gates(cell: Cell) -> f64 {
    match cell {
        Cell::Rnn => 1.0,
        Cell::Gru => 3.0,
        Cell::Lstm => 4.0,
    }
}

fn has_moments(setup: &Setup) -> bool {
    setup
        .dropout
        .sites()
        .any(|(_, site)| site.noise == Noise::Moments)
}

fn has_fresh_weights(setup: &Setup) -> bool {
    let site = setup.dropout.recurrent_weights.as_ref();
    site.is_some_and(|site| site.time == MaskTime::PerStep)
}

/// Numbers that a window keeps for each unit of each step: few on the fast path, all intermediate results where a graph
/// is built.
fn kept_of_a_state(setup: &Setup) -> f64 {
    let normalized = setup.model.normalization != Normalization::None;
    let by_graph = normalized || has_moments(setup) || has_fresh_weights(setup);
    match (setup.model.cell, by_graph) {
        (Cell::Rnn, false) => 8.0,
        (Cell::Gru, false) => 12.0,
        (Cell::Lstm, false) => 16.0,
        (Cell::Rnn, true) => 24.0,
        (Cell::Gru, true) => 66.0,
        (Cell::Lstm, true) => 84.0,
    }
}

/// Numbers that a measurement keeps for each unit of each step: a graph lets go of what no way back needs.
fn kept_of_a_measured_state(model: &Model) -> f64 {
    match (model.cell, model.normalization) {
        (Cell::Rnn, _) | (_, Normalization::Layer | Normalization::Batch) => 3.0,
        (Cell::Gru, Normalization::None) => 6.0,
        (Cell::Lstm, Normalization::None) => 8.0,
    }
}

/// Numbers that a window keeps at each step for each entry of a recurrent matrix: with fresh weights a copy of the
/// matrix and its mask, with noise in place of a mask the squares that its variance is taken of.
fn kept_of_a_matrix(setup: &Setup) -> f64 {
    let of_weights = if has_fresh_weights(setup) { 9.5 } else { 0.0 };
    let of_moments = if has_moments(setup) { 6.5 } else { 0.0 };
    of_weights + of_moments
}

/// Numbers of masks that are drawn anew at each step, for each unit of each step.
fn masks(setup: &Setup) -> f64 {
    let fresh = setup
        .dropout
        .sites()
        .filter(|(_, site)| site.time == MaskTime::PerStep);
    let of_site = |(_, site): (_, &super::Site)| match site.gates {
        Some(Gates::Untied) => gates(setup.model.cell),
        _ => 1.0,
    };
    fresh.map(of_site).sum()
}

/// Bytes as people read them: `640 MB`, `3.1 GB`.
pub fn in_words(bytes: u64) -> String {
    let bytes = bytes as f64;
    if bytes < 1e9 {
        format!("{:.0} MB", (bytes / 1e6).ceil())
    } else {
        format!("{:.1} GB", bytes / 1e9)
    }
}

/// The first arm whose runs need more memory than any may.
pub(super) fn problem(spec: &Spec) -> Option<Problem> {
    let needed = |arm: &Arm| run_memory(&arm.setup, DataShape::expected(&arm.setup));
    let arm = spec
        .arms
        .iter()
        .find(|arm| needed(arm) > limits::RUN_MEMORY)?;
    let fresh = if has_fresh_weights(&arm.setup) {
        " or recurrent weights that are dropped once a sequence (time = \"fixed\")"
    } else {
        ""
    };
    Some(Problem {
        pointer: "/model/hidden".into(),
        detail: format!(
            "one run of \"{}\" would need about {} of memory; at most {} are allowed. Use fewer units, a smaller batch, a shorter task{fresh}.",
            arm.name,
            in_words(needed(arm)),
            in_words(limits::RUN_MEMORY)
        ),
    })
}
