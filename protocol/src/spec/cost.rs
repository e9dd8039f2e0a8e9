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
    let cell_steps = f64::from(setup.training.steps) * time * f64::from(setup.model.layers);
    // Forward and backward: six operations a weight and sequence.
    let flops = 6.0 * f64::from(setup.training.batch) * 2.0 * hidden * gates * hidden;
    let training = cell_steps * (SECONDS_PER_CELL_STEP * gates.sqrt() + flops / FLOPS_PER_SECOND);
    training * (1.0 + evaluation_share(setup))
}

/// Evaluation as a share of training: sequences passed forward, a third of the work of a training step each.
fn evaluation_share(setup: &Setup) -> f64 {
    let evaluation = &setup.evaluation;
    let measurements = f64::from(setup.training.steps.div_ceil(evaluation.every.max(1)));
    // At the end: the last and the best weights on the test, each with all samples, and the last on training sequences.
    let passes = measurements + 1.0 + 2.0 * f64::from(evaluation.samples.max(1));
    let sequences = passes * f64::from(evaluation.sequences);
    sequences / 3.0 / (f64::from(setup.training.steps) * f64::from(setup.training.batch))
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
        TaskName::Adding | TaskName::TemporalOrder => task.length,
    }
}

pub(super) fn problem(spec: &Spec) -> Option<Problem> {
    let hours = cpu_seconds(spec) / 3600.0;
    (hours > limits::CPU_HOURS).then(|| Problem {
        pointer: "/training/steps".into(),
        detail: format!(
            "this experiment would take about {hours:.0} hours of one CPU worker ({} runs); at most {} are allowed. Use fewer steps, seeds, units or a shorter task.",
            spec.runs(),
            limits::CPU_HOURS
        ),
    })
}
