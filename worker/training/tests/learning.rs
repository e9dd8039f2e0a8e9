//! Anchors: what a network that knows nothing scores, that it learns, and that a run that cannot learn says so.

mod support;

use breakmywork_protocol::result::RunResult;
use breakmywork_protocol::spec::{
    Cell, Dropout, MaskTime, Optimizer, Plan, Site, TaskName, Temperature,
};
use breakmywork_training::device::DeviceChoice;
use breakmywork_training::events::{Event, Failure, FailureKind};
use breakmywork_training::train::{self, Options, Outcome, Requests};
use support::plan;

/// A plain LSTM with 16 units.
fn lstm(name: TaskName, length: u32, steps: u32) -> Plan {
    let mut plan = plan(Cell::Lstm, Optimizer::Adam, name);
    plan.setup.task.length = length;
    plan.setup.model.layers = 1;
    plan.setup.model.hidden = 16;
    plan.setup.training.batch = 32;
    plan.setup.training.steps = Some(steps);
    plan.setup.evaluation.every = Some(steps);
    plan.setup.evaluation.sequences = 500;
    plan.setup.evaluation.samples = 0;
    plan.setup.dropout = Dropout::default();
    plan
}

/// Points of the learning curves, in order.
type Curves = Vec<(String, f64)>;

fn train(plan: &Plan) -> Result<(Curves, Box<RunResult>), Failure> {
    let options = Options {
        device: DeviceChoice::Cpu,
        checkpoints: None,
        resume: None,
        data_sets: std::path::PathBuf::new(),
        held: false,
    };
    let mut curves = Vec::new();
    let outcome = train::train(plan, &options, &Requests::default(), &mut |event| {
        if let Event::Metric { name, value, .. } = event {
            curves.push((name, value));
        }
        Ok(())
    })?;
    match outcome {
        Outcome::Finished(result) => Ok((curves, result)),
        Outcome::Stopped { step } => panic!("stopped at {step}"),
    }
}

#[test]
fn before_learning_the_losses_are_those_of_knowing_nothing() {
    let first_loss = |name| {
        let mut plan = lstm(name, 20, 1);
        plan.setup.training.batch = 512;
        train(&plan).expect("trains").0[0].1
    };
    // ln 4 for four classes, ln 8 for eight symbols; the untrained output is near, not exactly, uniform.
    assert!((first_loss(TaskName::TemporalOrder) - 4_f64.ln()).abs() < 0.05);
    assert!((first_loss(TaskName::Copy) - 8_f64.ln()).abs() < 0.05);
    // Answering 0 scores 1 + 1/6.
    assert!((first_loss(TaskName::Adding) - 7.0 / 6.0).abs() < 0.5);
}

#[test]
fn the_lstm_learns_to_add() {
    let mut plan = lstm(TaskName::Adding, 10, 1500);
    plan.setup.training.learning_rate = 0.01;
    let result = train(&plan).expect("trains").1;
    assert!(result.metrics["test_mse"] < 0.01, "{:?}", result.metrics);
    assert!(result.treatment.verified && result.treatment.sites.is_empty());
}

#[test]
fn the_lstm_learns_temporal_order_under_a_fixed_state_mask() {
    let mut plan = lstm(TaskName::TemporalOrder, 12, 600);
    plan.setup.training.learning_rate = 0.02;
    plan.setup.dropout.state = Some(Site::new(0.1, MaskTime::Fixed));
    let result = train(&plan).expect("trains").1;
    assert!(
        result.metrics["test_accuracy"] > 0.98,
        "{:?}",
        result.metrics
    );
    let state = &result.treatment.sites["state"];
    assert!(
        result.treatment.verified
            && state.different_steps == 0
            && state.equal_steps == state.windows * 11
    );
}

#[test]
fn a_run_that_leaves_the_finite_numbers_ends_as_diverged_with_its_step() {
    let mut plan = plan(Cell::Rnn, Optimizer::Sgd, TaskName::Adding);
    plan.setup.training.learning_rate = 1e30;
    plan.setup.training.clip = 0.0;
    let failure = train(&plan).expect_err("diverges");
    assert_eq!(failure.kind, FailureKind::Diverged, "{failure}");
    assert!(failure.step > 0 && failure.step < 20, "{failure:?}");
    assert!(
        failure
            .message
            .starts_with(&format!("diverged at step {}: ", failure.step)),
        "{failure}"
    );
}

#[test]
fn a_run_that_cannot_fit_into_memory_says_so_before_it_tries() {
    let mut plan = lstm(TaskName::Adding, 1000, 1);
    plan.setup.model.hidden = 1024;
    plan.setup.training.batch = 1_000_000;
    let failure = train(&plan).expect_err("is too large");
    assert_eq!(failure.kind, FailureKind::OutOfMemory, "{failure}");
    assert!(failure.message.contains("use a smaller batch"), "{failure}");
}

/// The longest, deepest network allowed: candle recurses as deep as its graph.
#[test]
fn the_deepest_graph_does_not_overflow_the_stack() {
    let mut plan = plan(Cell::Lstm, Optimizer::Sgd, TaskName::Copy);
    plan.setup.task.length = 1000;
    plan.setup.model.layers = 4;
    plan.setup.model.hidden = 2;
    plan.setup.training.batch = 1;
    plan.setup.training.steps = Some(1);
    plan.setup.evaluation.sequences = 1;
    train(&plan).expect("trains");
}

/// What early stopping reports is what a run reports that ends at that step: everything else depends on the step alone.
#[test]
fn early_stopping_gives_the_weights_of_the_best_measurement() {
    let mut long = lstm(TaskName::Adding, 10, 60);
    // So large that the loss goes up and down.
    long.setup.training.learning_rate = 0.1;
    long.setup.evaluation.every = Some(3);
    let (curves, result) = train(&long).expect("trains");
    let at = result.metrics["early_stopped_at"];
    assert!(at < 60.0, "the last measurement is the best by chance");
    let losses = || curves.iter().filter(|(name, _)| name == "valid_mse");
    let lowest = losses()
        .map(|(_, loss)| *loss)
        .fold(f64::INFINITY, f64::min);
    let first = losses()
        .position(|(_, loss)| *loss == lowest)
        .expect("there is a lowest");
    assert_eq!(at, 3.0 * (first + 1) as f64);

    let mut short = long.clone();
    short.setup.training.steps = Some(at as u32);
    let stopped = train(&short).expect("trains").1.metrics;
    assert_eq!(
        result.metrics["test_mse_early_stopped"],
        stopped["test_mse"]
    );
    assert_ne!(result.metrics["test_mse"], stopped["test_mse"]);
}

/// Sampling at test changes neither training nor what validation says; without masks it changes nothing at all.
#[test]
fn monte_carlo_averages_what_is_predicted() {
    let mut plan = lstm(TaskName::TemporalOrder, 10, 30);
    plan.setup.dropout.state = Some(Site::new(0.4, MaskTime::Fixed));
    let (curves, deterministic) = train(&plan).expect("trains");
    plan.setup.evaluation.samples = 20;
    let (same, sampled) = train(&plan).expect("trains");
    assert_eq!(curves, same);
    assert_eq!(
        deterministic.metrics["train_nll"],
        sampled.metrics["train_nll"]
    );
    assert_ne!(
        deterministic.metrics["test_nll"],
        sampled.metrics["test_nll"]
    );
    assert!(sampled.metrics["test_variance"] > 0.0);
    assert!(!deterministic.metrics.contains_key("test_variance"));

    plan.setup.dropout = Dropout::default();
    let averaged = train(&plan).expect("trains").1.metrics;
    plan.setup.evaluation.samples = 0;
    let plain = train(&plan).expect("trains").1.metrics;
    // Averages are taken in double precision, a single pass is scored in the precision of training.
    assert!((averaged["test_nll"] - plain["test_nll"]).abs() < 1e-6);
    assert!(averaged["test_variance"].abs() < 1e-20);
}

#[test]
fn a_high_temperature_makes_all_classes_alike() {
    let mut plan = lstm(TaskName::TemporalOrder, 10, 30);
    plan.setup.evaluation.temperature = Temperature::Given(20.0);
    let hot = train(&plan).expect("trains").1.metrics["test_nll"];
    plan.setup.evaluation.temperature = Temperature::Given(1.0);
    let plain = train(&plan).expect("trains").1.metrics["test_nll"];
    let (hot, plain) = ((hot - 4_f64.ln()).abs(), (plain - 4_f64.ln()).abs());
    assert!(hot < plain / 5.0, "{hot} {plain} from knowing nothing");
}
