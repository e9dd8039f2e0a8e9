//! Several networks in one run: each is a run of its own seed, and what is reported is of their averaged predictions.

#[path = "support/data.rs"]
mod data;

use breakmywork_protocol::metric;
use breakmywork_protocol::spec::{FittedOn, Plan, Temperature};
use breakmywork_training::device::DeviceChoice;
use breakmywork_training::dropout::{MaskShape, Masks};
use breakmywork_training::events::Event;
use breakmywork_training::model::{Parameters, Weights};
use breakmywork_training::network::Network;
use breakmywork_training::rng::Purpose;
use breakmywork_training::tasks::{Batch, Head, Task};
use breakmywork_training::train::{self, Checkpoints, Options, Outcome, Requests, network_seed};
use breakmywork_training::{checkpoint, plan};
use candle_core::{DType, Device, Tensor};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// Points of the curves, the last sign of life, and what is reported at the end.
struct Ran {
    points: Vec<(u32, String, u64)>,
    progress: (u32, u32),
    metrics: BTreeMap<String, f64>,
    time_steps: u64,
    verified: bool,
}

/// Trains to the end; `checkpoints` gets one after every step.
fn run(plan: &Plan, data_sets: &Path, checkpoints: Option<&TempDir>) -> Ran {
    let options = Options {
        device: DeviceChoice::Cpu,
        checkpoints: checkpoints.map(|folder| Checkpoints {
            directory: folder.path().into(),
            every: Duration::ZERO,
        }),
        resume: None,
        held: false,
        data_sets: data_sets.to_owned(),
    };
    let (mut points, mut progress) = (Vec::new(), (0, 0));
    let outcome = train::train(plan, &options, &Requests::default(), &mut |event| {
        match event {
            Event::Metric { step, name, value } => points.push((step, name, value.to_bits())),
            Event::Progress { step, steps } => progress = (step, steps),
            _ => {}
        }
        Ok(())
    });
    let Outcome::Finished(result) = outcome.expect("trains") else {
        panic!("stopped");
    };
    Ran {
        points,
        progress,
        metrics: result.metrics,
        time_steps: result.provenance.time_steps,
        verified: result.treatment.verified,
    }
}

/// A plan that learns something, tested with masks at their mean.
fn plan_of(task: &str, training: &str) -> Plan {
    let mut plan = data::plan(task, training);
    plan.setup.training.learning_rate = 0.05;
    plan.setup.evaluation.samples = 0;
    plan
}

/// The same plan for one network, with the seed of the one of that number.
fn alone(plan: &Plan, number: usize) -> Plan {
    let mut plan = plan.clone();
    plan.setup.training.networks = None;
    plan.seed = network_seed(plan.seed, number);
    plan
}

/// Weights of a checkpoint, the last or, prefixed `best.`, those of early stopping.
fn weights(stored: &HashMap<String, Tensor>, prefix: &str, network: &Network) -> Weights {
    let parameters = Parameters::initial(network, 0, DType::F32, &Device::Cpu).expect("fits");
    let values: Vec<Tensor> = (parameters.named().iter())
        .map(|(name, _)| stored[&format!("{prefix}{name}")].clone())
        .collect();
    parameters.with_values(&values).expect("fits")
}

/// What each network predicts at each output of the test, by the reference in candle's operations: values, or the
/// probabilities of the classes or of the keys.
fn predicted(plan: &Plan, task: &Task, network: &Network, weights: &Weights) -> Vec<Vec<f64>> {
    let mut carried = None;
    let mut all = Vec::new();
    for piece in task.held_out(Purpose::Test, plan.setup.evaluation.sequences) {
        let batch = batch(plan, task, &piece);
        if piece.begins() {
            carried = None;
        }
        let masks = Masks::mean(MaskShape {
            dropout: &plan.setup.dropout,
            network,
            steps: batch.inputs.steps(),
            batch: batch.size,
            tokens: batch.inputs.tokens(),
        });
        let before = carried
            .as_ref()
            .filter(|_| plan.setup.task.name.is_language_model());
        let pass = network
            .pass(weights, &batch.inputs, before, &masks)
            .expect("passes");
        let outputs = pass.outputs.to_dtype(DType::F64).expect("numbers");
        carried = Some(pass.carried);
        let rows: Vec<Vec<f64>> = match network.head {
            Head::Value => {
                let values: Vec<f64> = outputs
                    .flatten_all()
                    .and_then(|o| o.to_vec1())
                    .expect("values");
                values.into_iter().map(|value| vec![value]).collect()
            }
            Head::Classes(_) => {
                let rows: Vec<Vec<f64>> = outputs.to_vec2().expect("logits");
                rows.iter().map(|row| softmax(row)).collect()
            }
            Head::Keys(_) => {
                let rows: Vec<Vec<f64>> = outputs.to_vec2().expect("logits");
                let sigmoid = |logit: &f64| 1.0 / (1.0 + (-logit).exp());
                rows.iter()
                    .map(|row| row.iter().map(sigmoid).collect())
                    .collect()
            }
        };
        all.extend(rows);
    }
    all
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let all: f64 = logits.iter().map(|logit| logit.exp()).sum();
    logits.iter().map(|logit| logit.exp() / all).collect()
}

fn batch(plan: &Plan, task: &Task, piece: &breakmywork_training::tasks::Piece) -> Batch {
    let batch = task.batch(plan.seed, piece, DType::F32, &Device::Cpu);
    batch.expect("data")
}

/// The mean loss of those predictions: squared error, or negative log-likelihood of what happened.
fn loss(plan: &Plan, task: &Task, head: Head, predicted: &[Vec<f64>]) -> f64 {
    let (mut sum, mut outputs, mut at) = (0.0, 0.0, 0);
    for piece in task.held_out(Purpose::Test, plan.setup.evaluation.sequences) {
        let batch = batch(plan, task, &piece);
        let flat = |tensor: &Tensor| -> Vec<f64> {
            let tensor = tensor.to_dtype(DType::F64).and_then(|t| t.flatten_all());
            tensor.and_then(|t| t.to_vec1()).expect("numbers")
        };
        let targets = flat(&batch.targets);
        let counts = batch.targets.dim(0).expect("rows");
        let weights = batch.weights.as_ref().map(flat);
        for row in 0..counts {
            let p = &predicted[at];
            at += 1;
            let loss = match head {
                Head::Value => (p[0] - targets[row]).powi(2),
                Head::Classes(_) => -p[targets[row] as usize].ln(),
                Head::Keys(keys) => (0..keys)
                    .map(|key| match targets[row * keys + key] {
                        on if on > 0.5 => -p[key].ln(),
                        _ => -(1.0 - p[key]).ln(),
                    })
                    .sum(),
            };
            let weight = weights.as_ref().map_or(1.0, |weights| weights[row]);
            sum += weight * loss;
            outputs += weight;
        }
    }
    assert_eq!(at, predicted.len());
    sum / outputs
}

/// Three runs of one network, each with the seed of one of three: their predictions, averaged by hand, have the loss that
/// the run of three reports, of the last weights and of those of early stopping. Texts, values, keys and classes.
#[test]
fn it_reports_the_loss_of_the_averaged_predictions_of_single_runs() {
    const NETWORKS: usize = 3;
    let data_sets = data::folder();
    for task in [0, 3, 4, 5] {
        let mut plan = plan_of(data::TASKS[task], "");
        plan.setup.training.networks = Some(NETWORKS as u32);
        let ran = run(&plan, data_sets.path(), None);
        let opened = Task::open(&plan.setup.task, data_sets.path()).expect("opens");
        let network = Network::new(&plan.setup.model, opened.shape());
        let mut singles = Vec::new();
        let mut points = Vec::new();
        for number in 0..NETWORKS {
            let folder = tempfile::tempdir().expect("a folder");
            let alone = alone(&plan, number);
            let ran = run(&alone, data_sets.path(), Some(&folder));
            let before = 20 * number as u32;
            points.extend(
                ran.points
                    .into_iter()
                    .map(|(step, name, value)| (step + before, name, value)),
            );
            let newest = &checkpoint::list(folder.path())[0];
            let (state, stored) =
                checkpoint::load(newest, &alone.sha256(), &Device::Cpu).expect("loads");
            assert_eq!(state.step, 20);
            singles.push((ran.metrics, stored));
        }
        assert_eq!(ran.points, points, "each learns as it does alone");
        for (prefix, suffix) in [("", ""), ("best.", "_early_stopped")] {
            let of =
                |stored| predicted(&plan, &opened, &network, &weights(stored, prefix, &network));
            let each: Vec<_> = singles.iter().map(|(_, stored)| of(stored)).collect();
            let name = match network.head {
                Head::Value => format!("test_mse{suffix}"),
                _ => format!("test_nll{suffix}"),
            };
            for ((metrics, _), predicted) in singles.iter().zip(&each) {
                let by_hand = loss(&plan, &opened, network.head, predicted);
                assert!(
                    (metrics[&name] / by_hand - 1.0).abs() < 1e-5,
                    "{task} {name}"
                );
            }
            let mean: Vec<Vec<f64>> = (0..each[0].len())
                .map(|output| {
                    let of = |at: usize| each.iter().map(|one| one[output][at]).sum::<f64>();
                    (0..each[0][output].len())
                        .map(|at| of(at) / NETWORKS as f64)
                        .collect()
                })
                .collect();
            let by_hand = loss(&plan, &opened, network.head, &mean);
            let found = ran.metrics[&name];
            assert!(
                (found / by_hand - 1.0).abs() < 1e-5,
                "{task} {name}: {found}, by hand {by_hand}"
            );
            // Jensen's inequality: no worse than they are in the mean, and as they differ, better.
            let alone: f64 = singles.iter().map(|(metrics, _)| metrics[&name]).sum();
            assert!(found < alone / NETWORKS as f64 - 1e-6, "{task} {name}");
        }
    }
}

/// What a criterion and a tuning may name is what a run reports; steps and time steps are those of all networks.
#[test]
fn it_reports_what_was_said_before_it() {
    let data_sets = data::folder();
    for task in [0, 2, 3, 4, 6] {
        for samples in [0, 2] {
            let mut plan = plan_of(data::TASKS[task], "");
            plan.setup.evaluation.samples = samples;
            let one = run(&plan, data_sets.path(), None);
            plan.setup.training.networks = Some(1);
            assert_eq!(run(&plan, data_sets.path(), None).metrics, one.metrics);
            plan.setup.training.networks = Some(2);
            let two = run(&plan, data_sets.path(), None);
            assert_eq!((one.progress, two.progress), ((20, 20), (40, 40)));
            assert!(two.time_steps >= one.time_steps * 3 / 2 && two.verified);
            let name = plan.setup.task.name;
            let mut named = metric::of(&plan.setup);
            named.extend(metric::validation_metrics(name));
            named.sort_unstable();
            let reported: Vec<&str> = two.metrics.keys().map(String::as_str).collect();
            assert_eq!(reported, named, "{task} {samples}");
        }
    }
}

/// Windows of variable length make epochs of different lengths in different orders: each network has its own.
#[test]
fn networks_by_epochs_have_as_many_steps_as_their_orders() {
    let data_sets = data::folder();
    let mut plan = plan_of(data::TASKS[2], "");
    (plan.setup.training.steps, plan.setup.training.epochs) = (None, Some(2));
    plan.setup.evaluation.every = None;
    let steps = |number| {
        run(&alone(&plan, number), data_sets.path(), None)
            .progress
            .1
    };
    let each: Vec<u32> = (0..4).map(steps).collect();
    assert!(each.iter().any(|steps| *steps != each[0]), "{each:?}");
    plan.setup.training.networks = Some(4);
    let ran = run(&plan, data_sets.path(), None);
    assert_eq!(ran.progress.1, each.iter().sum::<u32>());
    let measured = ran.points.iter().filter(|(_, name, _)| name == "valid_nll");
    assert_eq!(measured.count(), 8);
}

#[test]
fn a_plan_that_fits_a_temperature_to_several_networks_is_refused() {
    let mut plan = plan_of(data::TASKS[0], "");
    plan.setup.evaluation.temperature = Temperature::Fitted(FittedOn::Valid);
    plan::check(&plan).expect("of one it can");
    plan.setup.training.networks = Some(2);
    let refused = plan::check(&plan).expect_err("of two it cannot");
    assert!(refused.contains("to one network only"), "{refused}");
    plan.setup.training.networks = Some(0);
    plan::check(&plan).expect_err("none is no network");
}

#[test]
fn seeds_of_networks_are_the_runs_own_and_others() {
    let mut seeds: Vec<u32> = (0..100)
        .flat_map(|run| (0..10).map(move |number| network_seed(run, number)))
        .collect();
    assert_eq!(network_seed(7, 0), 7);
    // For good: a run that is repeated has the same networks.
    assert_eq!(
        [1, 2].map(|number| network_seed(3, number)),
        [4_030_668_678, 3_175_161_473]
    );
    seeds.sort_unstable();
    seeds.dedup();
    assert_eq!(seeds.len(), 1000);
}
