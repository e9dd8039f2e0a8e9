//! The same plan gives the same numbers to the last bit: trained twice, and trained with interruptions.

#[path = "support/data.rs"]
mod data;
mod support;

use breakmywork_protocol::result::RunResult;
use breakmywork_protocol::spec::{
    Cell, Gates, MaskTime, Noise, Normalization, Optimizer, Plan, Site, SiteName, TaskName,
};
use breakmywork_training::events::{Event, FailureKind};
use breakmywork_training::train::{self, Checkpoints, Options, Outcome, Requests};
use breakmywork_training::{checkpoint, device::DeviceChoice};
use candle_core::Device;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;
use support::plan;

/// What must be equal: all points of the curves, final metrics and the proof.
#[derive(Debug, PartialEq)]
struct Numbers {
    points: Vec<(u32, String, u64)>,
    metrics: Vec<(String, u64)>,
    proof: String,
}

fn options(directory: Option<&Path>, resume: Option<PathBuf>) -> Options {
    options_with(directory, resume, Path::new(""))
}

fn options_with(directory: Option<&Path>, resume: Option<PathBuf>, data_sets: &Path) -> Options {
    let checkpoints = directory.map(|directory| Checkpoints {
        directory: directory.into(),
        every: Duration::from_secs(3600),
    });
    Options {
        device: DeviceChoice::Cpu,
        checkpoints,
        resume,
        data_sets: data_sets.to_owned(),
        held: false,
    }
}

/// Trains until the end or, if `stop_at` is given, until that step.
fn train(
    plan: &Plan,
    options: &Options,
    stop_at: Option<u32>,
    points: &mut Vec<(u32, String, u64)>,
) -> (Outcome, Option<PathBuf>) {
    let requests = Requests::default();
    // Stopping is decided after each step; a measurement or sign of life is not sent at each.
    requests.stop.store(stop_at == Some(1), Ordering::Relaxed);
    let mut written = None;
    let outcome = train::train(
        plan,
        options,
        &requests,
        &mut |event: Event| -> io::Result<()> {
            match event {
                Event::Metric { step, name, value } => {
                    points.push((step, name, value.to_bits()));
                    if Some(step) >= stop_at && stop_at.is_some() {
                        requests.stop.store(true, Ordering::Relaxed);
                    }
                }
                Event::Checkpoint(checkpoint) => written = Some(checkpoint.path),
                _ => {}
            }
            Ok(())
        },
    );
    (outcome.expect("trains"), written)
}

fn numbers(points: Vec<(u32, String, u64)>, result: &RunResult) -> Numbers {
    let metrics = result
        .metrics
        .iter()
        .map(|(name, value)| (name.clone(), value.to_bits()))
        .collect();
    Numbers {
        points,
        metrics,
        proof: serde_json::to_string(&result.treatment).expect("plain data"),
    }
}

fn finished(outcome: Outcome) -> Box<RunResult> {
    match outcome {
        Outcome::Finished(result) => result,
        Outcome::Stopped { step } => panic!("stopped at step {step}"),
    }
}

#[test]
fn trained_twice_or_interrupted_the_numbers_are_the_same_to_the_last_bit() {
    for cell in [Cell::Rnn, Cell::Gru, Cell::Lstm] {
        for optimizer in [Optimizer::Sgd, Optimizer::Adam, Optimizer::NtAsgd] {
            for task in [TaskName::Adding, TaskName::Copy, TaskName::TemporalOrder] {
                let plan = plan(cell, optimizer, task);
                let mut points = Vec::new();
                let (outcome, _) = train(&plan, &options(None, None), None, &mut points);
                let whole = numbers(points, &finished(outcome));
                assert_eq!(
                    whole.proof.matches("\"verified\":true").count(),
                    1,
                    "{}",
                    whole.proof
                );

                let mut points = Vec::new();
                let (outcome, _) = train(&plan, &options(None, None), None, &mut points);
                assert_eq!(whole, numbers(points, &finished(outcome)), "{plan:?} twice");

                // Stopped at the first step and in the middle, each time in a new process's stead.
                let folder = tempfile::tempdir().expect("a folder");
                let mut points = Vec::new();
                let mut resume = None;
                for stop_at in [1, 7] {
                    let (outcome, written) = train(
                        &plan,
                        &options(Some(folder.path()), resume),
                        Some(stop_at),
                        &mut points,
                    );
                    assert!(
                        matches!(outcome, Outcome::Stopped { step } if step >= stop_at && step < 20),
                        "{outcome:?}"
                    );
                    resume = written;
                }
                let (outcome, _) = train(&plan, &options(None, resume), None, &mut points);
                assert_eq!(
                    whole,
                    numbers(points, &finished(outcome)),
                    "{plan:?} interrupted"
                );
            }
        }
    }
}

/// Stopped within an epoch and between two, wherever the text or the order of the sequences is.
#[test]
fn interrupted_on_data_sets_the_numbers_are_the_same() {
    let data_sets = data::folder();
    for task in data::TASKS {
        for optimizer in ["sgd", "adam", "nt_asgd"] {
            let plan = data::plan(task, &format!("optimizer = \"{optimizer}\""));
            let mut points = Vec::new();
            let untouched = options_with(None, None, data_sets.path());
            let (outcome, _) = train(&plan, &untouched, None, &mut points);
            let whole = numbers(points, &finished(outcome));
            assert!(whole.proof.contains("\"verified\":true"), "{}", whole.proof);

            let folder = tempfile::tempdir().expect("a folder");
            let (mut points, mut resume) = (Vec::new(), None);
            for stop_at in [1, 7, 13] {
                let options = options_with(Some(folder.path()), resume, data_sets.path());
                let (outcome, written) = train(&plan, &options, Some(stop_at), &mut points);
                assert!(
                    matches!(outcome, Outcome::Stopped { .. }),
                    "{task} {outcome:?}"
                );
                resume = written;
            }
            let options = options_with(None, resume, data_sets.path());
            let (outcome, _) = train(&plan, &options, None, &mut points);
            let again = numbers(points, &finished(outcome));
            assert_eq!(whole, again, "{task} {optimizer}");
        }
    }
}

/// The running averages of batch normalization and those of the best weights.
#[test]
fn interrupted_under_batch_normalization_the_numbers_are_the_same() {
    let mut plan = plan(Cell::Lstm, Optimizer::Adam, TaskName::Adding);
    plan.setup.model.normalization = Normalization::Batch;
    let mut points = Vec::new();
    let (outcome, _) = train(&plan, &options(None, None), None, &mut points);
    let whole = numbers(points, &finished(outcome));
    let folder = tempfile::tempdir().expect("a folder");
    let mut points = Vec::new();
    let stopped = train(
        &plan,
        &options(Some(folder.path()), None),
        Some(7),
        &mut points,
    );
    let (outcome, _) = train(&plan, &options(None, stopped.1), None, &mut points);
    assert_eq!(whole, numbers(points, &finished(outcome)));
}

/// Every site at once, with noise, untied gates and dropped weights.
#[test]
fn interrupted_under_masks_at_every_site_the_numbers_are_the_same() {
    let mut plan = plan(Cell::Lstm, Optimizer::Adam, TaskName::Adding);
    for name in SiteName::ALL {
        // Adding reads numbers; the tasks on words are below.
        if name == SiteName::Embedding {
            continue;
        }
        let mut site = Site::new(0.25, MaskTime::PerStep);
        site.gates = name.feeds_gates().then_some(Gates::Untied);
        if name == SiteName::Output {
            site.noise = Noise::Moments;
        }
        *plan.setup.dropout.site_mut(name) = Some(site);
    }
    let mut points = Vec::new();
    let (outcome, _) = train(&plan, &options(None, None), None, &mut points);
    let whole = numbers(points, &finished(outcome));
    let folder = tempfile::tempdir().expect("a folder");
    let mut points = Vec::new();
    let directory = Some(folder.path());
    let (_, resume) = train(&plan, &options(directory, None), Some(7), &mut points);
    let (outcome, _) = train(&plan, &options(None, resume), None, &mut points);
    assert_eq!(whole, numbers(points, &finished(outcome)));
}

/// Interrupted after the averaging has begun, which a run of plain gradient descent shows by its other result.
#[test]
fn interrupted_while_it_averages_the_numbers_are_the_same() {
    let mut plan = plan(Cell::Gru, Optimizer::NtAsgd, TaskName::Adding);
    // So large that validation goes up and down.
    plan.setup.training.learning_rate = 1.0;
    plan.setup.evaluation.every = Some(1);
    let whole = |plan: &Plan| {
        let mut points = Vec::new();
        let (outcome, _) = train(plan, &options(None, None), None, &mut points);
        numbers(points, &finished(outcome))
    };
    let averaged = whole(&plan);
    let folder = tempfile::tempdir().expect("a folder");
    let mut points = Vec::new();
    let directory = Some(folder.path());
    let (_, resume) = train(&plan, &options(directory, None), Some(15), &mut points);
    let (outcome, _) = train(&plan, &options(None, resume), None, &mut points);
    assert_eq!(averaged, numbers(points, &finished(outcome)));

    plan.setup.training.optimizer = Optimizer::Sgd;
    let plain = whole(&plan);
    let before = |numbers: &Numbers| numbers.points[..2 * 13].to_vec();
    let after = |numbers: &Numbers| numbers.points[2 * 13..].to_vec();
    assert_eq!(before(&averaged)[..4], before(&plain)[..4]);
    assert_ne!(after(&averaged), after(&plain), "averaging never began");
}

/// Stopped within each of three networks and between two of them, with running averages and averaged weights too.
#[test]
fn interrupted_between_and_within_networks_the_numbers_are_the_same() {
    for (optimizer, normalization) in [
        (Optimizer::Sgd, Normalization::None),
        (Optimizer::Adam, Normalization::Batch),
        (Optimizer::NtAsgd, Normalization::None),
    ] {
        let mut plan = plan(Cell::Lstm, optimizer, TaskName::TemporalOrder);
        plan.setup.model.normalization = normalization;
        plan.setup.training.networks = Some(3);
        let mut points = Vec::new();
        let (outcome, _) = train(&plan, &options(None, None), None, &mut points);
        let whole = numbers(points, &finished(outcome));
        assert!(whole.proof.contains("\"verified\":true"), "{}", whole.proof);

        let folder = tempfile::tempdir().expect("a folder");
        let (mut points, mut resume) = (Vec::new(), None);
        // The first has its twentieth step, the second its seventh, the third its first and its nineteenth.
        for (stop_at, stops) in [(1, 1), (20, 20), (27, 29), (40, 40), (58, 58)] {
            let from = options(Some(folder.path()), resume);
            let (outcome, written) = train(&plan, &from, Some(stop_at), &mut points);
            assert_eq!(outcome, Outcome::Stopped { step: stops }, "{optimizer:?}");
            resume = written;
        }
        let (outcome, _) = train(&plan, &options(None, resume), None, &mut points);
        assert_eq!(whole, numbers(points, &finished(outcome)), "{optimizer:?}");
    }
}

/// What was written before there were several networks says nothing of them, and goes on.
#[test]
fn a_checkpoint_of_one_network_is_what_it_was() {
    let plan = plan(Cell::Gru, Optimizer::Adam, TaskName::Adding);
    let folder = tempfile::tempdir().expect("a folder");
    let directory = Some(folder.path());
    let (_, written) = train(&plan, &options(directory, None), Some(7), &mut Vec::new());
    let bytes = std::fs::read(written.expect("a checkpoint")).expect("reads");
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).expect("whole");
    let state = header.metadata().as_ref().expect("a state")["state"].clone();
    assert!(
        state.contains("\"best\":{") && !state.contains("done"),
        "{state}"
    );
    assert!(header.tensors().keys().all(|name| !name.contains("done")));
}

#[test]
fn another_seed_gives_other_numbers() {
    let mut plan = plan(Cell::Rnn, Optimizer::Sgd, TaskName::Adding);
    let mut run = |seed| {
        plan.seed = seed;
        let mut points = Vec::new();
        let (outcome, _) = train(&plan, &options(None, None), None, &mut points);
        numbers(points, &finished(outcome))
    };
    assert_ne!(run(1).metrics, run(2).metrics);
}

#[test]
fn wall_time_adds_up_over_interruptions() {
    let plan = plan(Cell::Lstm, Optimizer::Adam, TaskName::Copy);
    let folder = tempfile::tempdir().expect("a folder");
    let (_, written) = train(
        &plan,
        &options(Some(folder.path()), None),
        Some(7),
        &mut Vec::new(),
    );
    let (outcome, _) = train(&plan, &options(None, written), None, &mut Vec::new());
    let provenance = finished(outcome).provenance;
    assert!(provenance.wall_seconds > 0.0 && provenance.plan_sha256 == plan.sha256());
    assert_eq!(provenance.time_steps, 20 * 4 * 26);
}

#[test]
fn checkpoints_of_another_plan_and_damaged_ones_are_refused() {
    let plan = plan(Cell::Gru, Optimizer::Adam, TaskName::Adding);
    let folder = tempfile::tempdir().expect("a folder");
    let (_, written) = train(
        &plan,
        &options(Some(folder.path()), None),
        Some(1),
        &mut Vec::new(),
    );
    let path = written.expect("a checkpoint");
    assert_eq!(checkpoint::step(&path, &plan.sha256()).expect("reads"), 1);
    assert_eq!(
        checkpoint::list(folder.path()),
        std::slice::from_ref(&path),
        "no temporary file is left or listed"
    );

    let mut other = plan.clone();
    other.setup.training.learning_rate = 0.5;
    let error = checkpoint::step(&path, &other.sha256()).expect_err("another plan");
    assert!(
        error.to_string().contains("belongs to another plan"),
        "{error}"
    );
    let failure = train::train(
        &other,
        &options(None, Some(path.clone())),
        &Requests::default(),
        &mut |_| Ok(()),
    );
    assert_eq!(
        failure.expect_err("another plan").kind,
        FailureKind::Checkpoint
    );

    // More networks are done in it than a run of this plan has.
    let (mut state, stored) = checkpoint::load(&path, &plan.sha256(), &Device::Cpu).expect("loads");
    state.done = vec![None];
    let beyond = tempfile::tempdir().expect("a folder");
    let beyond = checkpoint::save(beyond.path(), &state, stored.into_iter().collect());
    let failure = train::train(
        &plan,
        &options(None, Some(beyond.expect("writes").path)),
        &Requests::default(),
        &mut |_| Ok(()),
    );
    assert_eq!(failure.expect_err("damaged").kind, FailureKind::Checkpoint);

    let whole = std::fs::read(&path).expect("reads");
    for damaged in [
        &whole[..whole.len() - 1],
        &whole[..20],
        b"not a checkpoint at all",
        b"",
    ] {
        std::fs::write(&path, damaged).expect("writes");
        assert!(checkpoint::step(&path, &plan.sha256()).is_err());
    }
    std::fs::remove_file(&path).expect("removes");
    assert!(checkpoint::step(&path, &plan.sha256()).is_err());
}
