//! What an experiment will cost, estimated before it is queued.

use super::fields::Problem;
use super::limits;
use super::types::*;

/// Seconds that a time step of one layer costs on a CPU core whatever its size, for one gate (measured: LSTM 32 × 32, 280 µs with its products).
const SECONDS_PER_CELL_STEP: f64 = 120e-6;
/// Floating-point operations a second that the products reach on one CPU core.
const FLOPS_PER_SECOND: f64 = 2e10;

/// Estimated seconds of one run of `setup` on a CPU worker.
pub fn run_seconds(setup: &Setup) -> f64 {
    let gates = match setup.model.cell {
        Cell::Rnn => 1.0,
        Cell::Gru => 3.0,
        Cell::Lstm => 4.0,
    };
    let hidden = f64::from(setup.model.hidden);
    let time = f64::from(sequence_length(&setup.task));
    let cell_steps = steps(setup) * time * f64::from(setup.model.layers);
    // Forward and backward: six operations a weight and sequence.
    let flops = 6.0 * f64::from(setup.training.batch) * 2.0 * hidden * gates * hidden;
    let recurrence = cell_steps * (SECONDS_PER_CELL_STEP * gates.sqrt() + flops / FLOPS_PER_SECOND);
    let words = match setup.task.name {
        TaskName::WordLm => f64::from(setup.task.vocabulary.unwrap_or(0)),
        _ => 0.0,
    };
    let softmax = 6.0 * f64::from(setup.training.batch) * hidden * words / FLOPS_PER_SECOND;
    (recurrence + steps(setup) * time * softmax) * (1.0 + evaluation_share(setup))
}

/// Optimizer steps; an epoch of a data set that is not at hand is taken for a million time steps.
fn steps(setup: &Setup) -> f64 {
    let of_epochs = |epochs: u32| {
        let minibatch = f64::from(setup.training.batch) * f64::from(sequence_length(&setup.task));
        f64::from(epochs) * (limits::EPOCH_TIME_STEPS / minibatch).max(1.0)
    };
    match (setup.training.steps, setup.training.epochs) {
        (Some(steps), _) => f64::from(steps),
        (None, epochs) => of_epochs(epochs.unwrap_or(1)),
    }
}

/// Measurements of one run while it trains.
fn measurements(setup: &Setup) -> f64 {
    match (setup.evaluation.every, setup.training.epochs) {
        (Some(every), _) => steps(setup) / f64::from(every.max(1)),
        (None, epochs) => f64::from(epochs.unwrap_or(1)),
    }
}

/// What stands against an experiment whose learning curves would be too much to keep and to draw.
pub(super) fn too_many_measurements(spec: &Spec) -> Option<Problem> {
    let arms = spec.arms.iter();
    let one_seed: f64 = arms.map(|arm| measurements(&arm.setup)).sum();
    let all = one_seed * spec.seeds.len() as f64;
    (all > limits::MEASUREMENTS_IN_ALL).then(|| Problem {
        pointer: "/evaluation/every".into(),
        detail: format!(
            "all {} runs together would be measured {all:.0} times; at most {} measurements are kept. Measure more seldom.",
            spec.runs(),
            limits::MEASUREMENTS_IN_ALL
        ),
    })
}

/// Evaluation as a share of training: sequences passed forward, a third of the work of a training step each.
fn evaluation_share(setup: &Setup) -> f64 {
    let evaluation = &setup.evaluation;
    let measurements = measurements(setup);
    // At the end: the last and the best weights on the test, each with all samples, and the last on training sequences.
    let passes = measurements + 1.0 + 2.0 * f64::from(evaluation.samples.max(1));
    let held_out = if setup.task.name.is_language_model() {
        // About a tenth of the text.
        limits::EPOCH_TIME_STEPS / 10.0 / f64::from(setup.task.length)
    } else {
        f64::from(evaluation.sequences)
    };
    passes * held_out / 3.0 / (steps(setup) * f64::from(setup.training.batch))
}

/// Estimated seconds of all runs of an experiment on one CPU worker.
pub fn cpu_seconds(spec: &Spec) -> f64 {
    let one_seed: f64 = spec.arms.iter().map(|arm| run_seconds(&arm.setup)).sum();
    one_seed * spec.seeds.len() as f64
}

/// Time steps of a sequence; copying has ten symbols to store and ten places to recall them.
pub fn sequence_length(task: &Task) -> u32 {
    match task.name {
        TaskName::Copy => task.length + 20,
        _ => task.length,
    }
}

pub(super) fn problem(spec: &Spec) -> Option<Problem> {
    let hours = cpu_seconds(spec) / 3600.0;
    let long = match spec.training.epochs {
        Some(_) => "epochs",
        None => "steps",
    };
    (hours > limits::CPU_HOURS).then(|| Problem {
        pointer: format!("/training/{long}"),
        detail: format!(
            "this experiment would take about {hours:.0} hours of one CPU worker ({} runs); at most {} are allowed. Use fewer {long}, seeds, units or a shorter task.",
            spec.runs(),
            limits::CPU_HOURS
        ),
    })
}
