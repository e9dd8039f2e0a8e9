//! What an experiment will cost, estimated before it is queued.
//!
//! [`work`] counts what a run does and knows what each of it takes on a core that was measured; a [`Board`] knows what
//! runs really took on its workers.

mod board;
mod held;
mod told;
mod work;

pub use board::{Board, Kind, Past, USUAL_HOURS};
pub use told::{Cost, CostOnWorkers};

use super::fields::Problem;
use super::limits;
use super::types::*;
use held::Data;
use work::Work;

/// Estimated seconds of one run of `setup` on one core of the CPU that was measured.
pub fn run_seconds(setup: &Setup) -> f64 {
    Work::of(setup).seconds()
}

/// Estimated seconds of one run of `setup` on the card that was measured.
pub fn card_run_seconds(setup: &Setup) -> f64 {
    Work::of(setup).card_seconds()
}

/// Estimated seconds of all runs of an experiment on one core of the CPU that was measured.
pub fn cpu_seconds(spec: &Spec) -> f64 {
    Board::default().worker_seconds(spec)
}

/// Floating-point operations of all runs of an experiment; of a search the most that they may take.
///
/// Those of matrix products, a multiplication and an addition each, twice as many backwards as forwards: of a language
/// model 6ND for N weights and D tokens (Kaplan et al. 2020, section 2.1), and 2ND where it is only measured.
pub fn flops(spec: &Spec) -> f64 {
    in_all(spec, |setup| Work::of(setup).flops())
}

/// A number that each run has, added up over all runs of an experiment; of a search the most that it may come to.
fn in_all(spec: &Spec, of: impl Fn(&Setup) -> f64) -> f64 {
    if let Some(search) = &spec.search {
        // Its points are not drawn yet: at none of them is it more than this.
        return f64::from(search.budget) * spec.most_at_a_point(of);
    }
    let one_seed: f64 = spec.arms.iter().map(|arm| of(&arm.setup)).sum();
    // No tuned field changes how much is computed.
    one_seed * (spec.seeds.count() + spec.tuning_runs_of_an_arm()) as f64
}

/// Time steps of a sequence; copying has ten symbols to store and ten places to recall them.
pub fn sequence_length(task: &Task) -> u32 {
    match task.name {
        TaskName::Copy => task.length + 20,
        _ => task.length,
    }
}

/// Time steps of a test sequence, which may be longer than those of training.
pub fn tested_length(setup: &Setup) -> u32 {
    sequence_length(&Task {
        length: setup.evaluation.length.unwrap_or(setup.task.length),
        ..setup.task.clone()
    })
}

/// What stands against an experiment because of how long it takes or how much it reports.
pub(super) fn problems(spec: &Spec, board: &Board) -> Vec<Problem> {
    too_long(spec, board)
        .into_iter()
        .chain(too_many_measurements(spec))
        .chain(too_little_data(spec).filter(|_| !spec.is_search()))
        .collect()
}

/// The first arm whose training data do not make a single minibatch.
pub(super) fn too_little_data(spec: &Spec) -> Option<Problem> {
    let too_few = |arm: &Arm| {
        Data::of(&arm.setup)
            .too_few()
            .map(|counts| (arm.clone(), counts))
    };
    let (arm, (have, need)) = spec.arms.iter().find_map(too_few)?;
    let task = &arm.setup.task;
    let what = match task.name {
        TaskName::CharLm => "characters",
        TaskName::WordLm => "words",
        _ => "sequences",
    };
    let field = match task.fraction {
        Some(_) => "task/fraction",
        None => "training/batch",
    };
    Some(Problem {
        pointer: format!("/{field}"),
        detail: format!(
            "leaves arm \"{}\" about {have:.0} {what} of {} to learn from, and a minibatch needs {need:.0}. Take more of the data or a smaller batch.",
            arm.name,
            task.data.as_deref().unwrap_or_default()
        ),
    })
}

fn too_long(spec: &Spec, board: &Board) -> Option<Problem> {
    let hours = board.worker_seconds(spec) / 3600.0;
    let long = match spec.training.epochs {
        Some(_) => "epochs",
        None => "steps",
    };
    let whose = match board.kinds.len() {
        0 => "one CPU worker",
        _ => "this board's workers",
    };
    let trials = spec.tuning.as_ref().map_or("", |_| ", trials");
    (hours > board.hours).then(|| Problem {
        pointer: format!("/training/{long}"),
        detail: format!(
            "this experiment would take about {hours:.0} hours of {whose} ({} runs); at most {} are allowed. {}, or ask for a faster worker.",
            spec.runs() + spec.tuning_runs(),
            board.hours,
            match spec.is_search() {
                true => format!("Take a smaller budget, fewer {long}, units or a shorter task at the points that take longest"),
                false => format!("Use fewer {long}, seeds{trials}, units or a shorter task"),
            }
        ),
    })
}

/// What stands against an experiment whose learning curves would be too much to keep and to draw.
fn too_many_measurements(spec: &Spec) -> Option<Problem> {
    let measurements = |setup: &Setup| match (setup.training.steps, setup.evaluation.every) {
        (Some(steps), Some(every)) => f64::from(steps.div_ceil(every.max(1))),
        _ => f64::from(setup.training.epochs.unwrap_or(1)),
    };
    let of_all = |setup: &Setup| f64::from(setup.training.networks()) * measurements(setup);
    let all = in_all(spec, of_all);
    (all > limits::MEASUREMENTS_IN_ALL).then(|| Problem {
        pointer: "/evaluation/every".into(),
        detail: format!(
            "all {} runs together would be measured {all:.0} times; at most {} measurements are kept. Measure more seldom.",
            spec.runs() + spec.tuning_runs(),
            limits::MEASUREMENTS_IN_ALL
        ),
    })
}

#[cfg(test)]
mod tests;
