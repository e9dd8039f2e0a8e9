//! What the tasks on data sets read and ask, and what they refuse.

#[path = "support/data.rs"]
mod data;

use breakmywork_protocol::metric;
use breakmywork_protocol::result::RunResult;
use breakmywork_protocol::spec::{
    Dropout, FittedOn, MaskTime, Plan, Scaling, Site, Temperature, Uncertainty, limits,
};
use breakmywork_training::data::{Content, Image, Review, Splits};
use breakmywork_training::device::DeviceChoice;
use breakmywork_training::events::{Event, Failure, FailureKind};
use breakmywork_training::rng::Purpose;
use breakmywork_training::tasks::{Batch, Head, Inputs, Lesson, Piece, Schedule, Task};
use breakmywork_training::train::{self, Options, Outcome, Requests};
use candle_core::{DType, Device};
use std::collections::BTreeSet;
use std::path::Path;
use tempfile::TempDir;

/// A folder with one data set, `d`.
fn folder(content: &Content) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    data::add(&folder, "d", content);
    folder
}

fn text(train: &str, valid: &str, test: &str) -> Content {
    let splits = Splits { train, valid, test };
    Content::Text(splits.map(str::to_owned))
}

fn plan(task: &str, training: &str) -> Plan {
    data::plan_of(&format!(
        "[task]\n{task}\ndata = \"d\"\n[training]\n{training}\n[[arms]]\nname = \"a\"\n"
    ))
}

fn open(plan: &Plan, folder: &TempDir) -> Task {
    Task::open(&plan.setup.task, folder.path()).expect("opens")
}

fn batch(task: &Task, piece: &Piece) -> Batch {
    task.batch(1, piece, DType::F64, &Device::Cpu)
        .expect("data")
}

fn tokens(batch: &Batch) -> Vec<u32> {
    batch.inputs.tokens().expect("tokens").ids.clone()
}

fn lessons(task: &Task, plan: &Plan) -> Vec<Lesson> {
    let mut schedule = Schedule::new(task, &plan.setup.training, plan.seed).expect("fits");
    (0..schedule.steps())
        .map(|step| schedule.lesson(step))
        .collect()
}

/// Points of the learning curves, in order.
type Curves = Vec<(String, f64)>;

fn train(plan: &Plan, folder: &Path) -> Result<(Curves, Box<RunResult>), Failure> {
    let options = Options {
        device: DeviceChoice::Cpu,
        checkpoints: None,
        resume: None,
        data_sets: folder.to_owned(),
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

/// Twenty letters in two streams: abcdefghij and klmnopqrst, nine predictions each.
#[test]
fn a_text_is_read_in_streams_window_by_window() {
    let letters = "abcdefghijklmnopqrst";
    let folder = folder(&text(letters, letters, "abcdefg"));
    let plan = plan(
        "name = \"char_lm\"\nlength = 4",
        "epochs = 2\nbatch = 2\nanneal = 0.5\nanneal_after = 1",
    );
    let task = open(&plan, &folder);
    let lessons = lessons(&task, &plan);
    // Two whole windows an epoch; the ninth prediction is left out.
    assert_eq!(lessons.len(), 4);
    let begins: Vec<bool> = lessons.iter().map(|l| l.piece.begins()).collect();
    assert_eq!(begins, [true, false, true, false]);
    let ends: Vec<bool> = lessons.iter().map(|lesson| lesson.ends_epoch).collect();
    assert_eq!(ends, [false, true, false, true]);
    let rates: Vec<f64> = lessons.iter().map(|lesson| lesson.rate).collect();
    assert_eq!(rates, [1.0, 1.0, 0.5, 0.5]);
    let second = batch(&task, &lessons[1].piece);
    assert_eq!(tokens(&second), [4, 14, 5, 15, 6, 16, 7, 17]);
    let targets: Vec<u32> = second.targets.to_vec1().expect("classes");
    assert_eq!(targets, [5, 15, 6, 16, 7, 17, 8, 18]);

    // Held out, the last window is as short as it is, and one stream reads everything.
    let pieces = task.held_out(Purpose::Validation, 2);
    let lengths: Vec<usize> = pieces
        .iter()
        .map(|p| batch(&task, p).inputs.steps())
        .collect();
    assert_eq!(lengths, [4, 4, 1]);
    let whole: Vec<u32> = task
        .held_out(Purpose::Validation, 1)
        .iter()
        .flat_map(|piece| {
            batch(&task, piece)
                .targets
                .to_vec1::<u32>()
                .expect("classes")
        })
        .collect();
    assert_eq!(whole, (1..20).collect::<Vec<u32>>());
    // Of the training text as much as the test has: seven letters.
    let beside: usize = task
        .held_out(Purpose::Training, 1)
        .iter()
        .map(|piece| batch(&task, piece).inputs.steps())
        .sum();
    assert_eq!(beside, 6);
}

#[test]
fn variable_windows_cover_the_text_and_their_learning_rate_goes_with_them() {
    let long = "abcdefghij".repeat(500);
    let folder = folder(&text(&long, "ab", "ab"));
    let plan = plan(
        "name = \"char_lm\"\nlength = 40\nwindows = \"variable\"",
        "epochs = 3\nbatch = 1",
    );
    let task = open(&plan, &folder);
    let lessons = lessons(&task, &plan);
    let mut lengths = BTreeSet::new();
    for (index, lesson) in lessons.iter().enumerate() {
        let Piece::Window(_, window) = lesson.piece else {
            panic!("a text has windows");
        };
        assert!((5..=60).contains(&window.length), "{window:?}");
        assert!((lesson.rate - window.length as f64 / 40.0).abs() < 1e-12);
        if let (Some(next), false) = (lessons.get(index + 1), lesson.ends_epoch) {
            let Piece::Window(_, next) = next.piece else {
                panic!("a text has windows");
            };
            assert_eq!(next.start, window.start + window.length);
        }
        lengths.insert(window.length);
    }
    assert!(lengths.len() > 10, "{lengths:?}");
    // A schedule that is asked for a late step first says the same.
    let mut schedule = Schedule::new(&task, &plan.setup.training, plan.seed).expect("fits");
    let last = lessons.len() - 1;
    assert_eq!(schedule.lesson(last as u32), lessons[last]);
    assert_eq!(schedule.lesson(0), lessons[0]);
}

#[test]
fn an_epoch_has_each_sequence_once_in_an_order_of_the_seed() {
    let data_sets = data::folder();
    let mut plan = data::plan(data::TASKS[5], "");
    plan.setup.training.steps = None;
    plan.setup.training.epochs = Some(3);
    plan.setup.training.batch = 6;
    let task = open(&plan, &data_sets);
    let of_epoch = |plan: &Plan, epoch: u32| -> Vec<u64> {
        let lessons = lessons(&task, plan).into_iter();
        let numbers = lessons.filter(|l| l.epoch == epoch).map(|l| match l.piece {
            Piece::Sequences(Purpose::Training, numbers) => numbers,
            piece => panic!("{piece:?}"),
        });
        numbers.flatten().collect()
    };
    // Twenty pictures in minibatches of six: three, and two pictures are left out.
    let first = of_epoch(&plan, 0);
    assert_eq!(first.len(), 18);
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 18);
    assert_ne!(first, of_epoch(&plan, 1));
    let other = Plan {
        seed: 4,
        ..plan.clone()
    };
    assert_ne!(first, of_epoch(&other, 0));
}

#[test]
fn a_review_is_cut_into_segments_that_end_where_the_reading_ends() {
    let review = |text: &str, label| Review {
        text: text.to_owned(),
        label,
    };
    let folder = folder(&Content::Labelled(Splits {
        train: vec![review("a a a b b", 0.25), review("a", 1.0)],
        valid: vec![review("b new", 0.5)],
        test: vec![review("a", 0.0)],
    }));
    let plan = plan(
        "name = \"sentiment\"\nlength = 3\nvocabulary = 10",
        "steps = 1\nbatch = 1",
    );
    let task = open(&plan, &folder);
    // By frequency: a, b or <eos>, then <unk>; two lines give two <eos>, b comes first in the text.
    let read = batch(&task, &Piece::Sequences(Purpose::Training, vec![0, 1, 2]));
    assert_eq!(tokens(&read), [0, 2, 2, 0, 1, 2, 0, 1, 0]);
    let labels: Vec<Vec<f64>> = read.targets.to_vec2().expect("labels");
    assert_eq!(labels, [[0.25], [0.25], [1.0]]);
    let held = batch(&task, &Piece::Sequences(Purpose::Validation, vec![0]));
    assert_eq!(tokens(&held), [2, 1, 3]);
}

#[test]
fn a_piece_is_predicted_frame_by_frame_and_silence_after_it_does_not_count() {
    let piece = |frames: &[&[u8]]| frames.iter().map(|f| f.to_vec()).collect::<Vec<_>>();
    let folder = folder(&Content::Frames(Splits {
        train: vec![
            piece(&[&[21], &[22], &[], &[108]]),
            piece(&[&[60], &[61, 62]]),
        ],
        valid: vec![piece(&[&[21], &[22]])],
        test: vec![piece(&[&[21], &[22]])],
    }));
    let plan = plan("name = \"music\"\nlength = 3", "steps = 1\nbatch = 1");
    let task = open(&plan, &folder);
    let read = batch(&task, &Piece::Sequences(Purpose::Training, vec![0, 1]));
    let Inputs::Numbers(inputs) = &read.inputs else {
        panic!("frames are numbers");
    };
    let keys = |row: &[f64]| -> Vec<usize> {
        let on = row.iter().enumerate().filter(|(_, on)| **on == 1.0);
        on.map(|(key, _)| key).collect()
    };
    let at = |t: usize| -> Vec<Vec<usize>> {
        let rows: Vec<Vec<f64>> = inputs[t].to_vec2().expect("frames");
        rows.iter().map(|row| keys(row)).collect()
    };
    assert_eq!(at(0), [vec![0], vec![39]]);
    assert_eq!(at(1), [vec![1], vec![]]);
    let targets: Vec<Vec<f64>> = read.targets.to_vec2().expect("frames");
    let targets: Vec<Vec<usize>> = targets.iter().map(|row| keys(row)).collect();
    assert_eq!(targets[..2], [vec![1], vec![40, 41]]);
    assert_eq!(targets[4], [87]);
    let weights: Vec<f64> = read
        .weights
        .expect("some do not count")
        .to_vec1()
        .expect("weights");
    assert_eq!(weights, [1.0, 1.0, 1.0, 0.0, 1.0, 0.0]);
}

#[test]
fn a_permuted_picture_has_the_pixels_of_the_picture_in_one_order_for_all() {
    let picture = |start: usize| Image {
        pixels: (0..784).map(|i| ((i + start) % 251) as u8).collect(),
        label: 7,
    };
    let images = || vec![picture(0), picture(1)];
    let folder = folder(&Content::Images(Splits {
        train: images(),
        valid: images(),
        test: images(),
    }));
    let pixels = |name: &str| -> Vec<Vec<f64>> {
        let task = format!("name = \"{name}\"\nlength = 28");
        let plan = plan(&task, "steps = 1\nbatch = 1");
        let task = open(&plan, &folder);
        let read = batch(&task, &Piece::Sequences(Purpose::Test, vec![0, 1]));
        let Inputs::Numbers(inputs) = &read.inputs else {
            panic!("pixels are numbers");
        };
        let of = |row: usize| -> Vec<f64> {
            let step = |x: &candle_core::Tensor| x.get(row)?.to_vec1::<f64>();
            inputs
                .iter()
                .flat_map(|x| step(x).expect("pixels"))
                .collect()
        };
        vec![of(0), of(1)]
    };
    let (plain, permuted) = (pixels("sequential_mnist"), pixels("permuted_mnist"));
    assert_eq!(plain[0][..3], [0.0, 1.0 / 255.0, 2.0 / 255.0]);
    assert_ne!(plain[0], permuted[0]);
    // The same order for both: where the first has pixel i, the second has the one that was moved there too.
    for (a, b) in permuted[0].iter().zip(&permuted[1]) {
        let next = (a * 255.0 + 1.0).round() as u32 % 251;
        assert_eq!(*b, f64::from(next) / 255.0);
    }
}

/// A picture that is read at once is learned by a plain network of two layers, with masks that are proven.
#[test]
fn pictures_are_learned_in_one_step() {
    let picture = |number: usize| Image {
        pixels: (0..784)
            .map(|pixel| if pixel % 10 == number % 10 { 255 } else { 0 })
            .collect(),
        label: (number % 10) as u8,
    };
    let pictures = |count: usize| (0..count).map(picture).collect();
    let folder = folder(&Content::Images(Splits {
        train: pictures(40),
        valid: pictures(10),
        test: pictures(10),
    }));
    let plan = data::plan_of(
        "[task]\nname = \"sequential_mnist\"\ndata = \"d\"\nlength = 1\n[model]\ncell = \"rnn\"\nlayers = 2\nhidden = 16\n\
         [training]\nepochs = 20\nbatch = 10\nlearning_rate = 0.01\ntar = 1\n[[arms]]\nname = \"a\"\n\
         dropout.input = { rate = 0.2 }\ndropout.output = { rate = 0.2, time = \"per_step\" }\n",
    );
    let (curves, result) = train(&plan, folder.path()).expect("trains");
    assert!((curves[0].1 - 10_f64.ln()).abs() < 0.5, "{curves:?}");
    assert_eq!(result.metrics["test_accuracy"], 1.0);
    assert!(result.treatment.verified, "{:?}", result.treatment);
    assert_eq!(result.provenance.time_steps, 20 * 40);
}

/// Twenty pictures without any rule are learned by heart: the gap is what the test loses beside them, whether or not the
/// test draws its masks.
#[test]
fn the_gap_is_the_loss_on_the_test_less_that_on_what_was_learned() {
    let data_sets = data::folder();
    let mut plan = data::plan(data::TASKS[5], "");
    plan.setup.training.steps = Some(120);
    plan.setup.evaluation.every = Some(120);
    plan.setup.evaluation.sequences = 100;
    plan.setup.evaluation.samples = 0;
    let plain = train(&plan, data_sets.path()).expect("trains").1.metrics;
    assert!((plain["gap"] - (plain["test_nll"] - plain["train_nll"])).abs() < 1e-12);
    assert!(plain["gap"] > 1.0, "{plain:?}");
    plan.setup.evaluation.samples = 3;
    let sampled = train(&plan, data_sets.path()).expect("trains").1.metrics;
    assert_ne!(sampled["test_nll"], plain["test_nll"]);
    assert_eq!(sampled["gap"], plain["gap"]);
    // Of labels the loss is the squared error, though its root is what is shown first.
    let mut plan = data::plan(data::TASKS[3], "");
    plan.setup.evaluation.samples = 0;
    let reviews = train(&plan, data_sets.path()).expect("trains").1.metrics;
    assert!((reviews["gap"] - (reviews["test_mse"] - reviews["train_mse"])).abs() < 1e-12);
}

/// What is tested beyond what was trained on is the test alone, with batch normalization's statistics of the last step.
#[test]
fn a_test_of_longer_sequences_and_shifted_numbers_leaves_training_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |more: &str| {
        let plan = data::plan_of(&format!(
            "[task]\nname = \"adding\"\nlength = 8\n[model]\nhidden = 6\nnormalization = \"batch\"\n[training]\nsteps = 6\n\
             batch = 4\n[evaluation]\nevery = 2\nsequences = 50\nsamples = 2\n{more}\n[[arms]]\nname = \"a\"\n\
             dropout.state = {{ rate = 0.2, time = \"per_step\" }}\n"
        ));
        train(&plan, folder.path()).expect("trains")
    };
    let (curves, plain) = run("");
    for more in ["shift = 1", "length = 20", "shift = -1\nlength = 5"] {
        let (others, result) = run(more);
        assert_eq!(others, curves);
        assert_eq!(result.metrics["train_mse"], plain.metrics["train_mse"]);
        assert_ne!(result.metrics["test_mse"], plain.metrics["test_mse"]);
        assert!(result.treatment.verified);
    }
    // From [1, 2) the sum is two more, which nobody can know.
    let shifted = run("shift = 1").1.metrics["test_mse"];
    assert!(shifted > plain.metrics["test_mse"] + 1.0, "{shifted}");
}

/// What a criterion may name is what a run reports, of classes, of keys and of a text; asking for an entropy changes nothing
/// else.
#[test]
fn a_run_reports_what_was_said_before_it_and_an_entropy_only_where_it_is_asked_for() {
    let data_sets = data::folder();
    for (task, steps) in [(0, 20), (4, 20), (5, 5), (6, 20)] {
        for samples in [0, 2] {
            let mut plan = data::plan(data::TASKS[task], "");
            plan.setup.training.steps = Some(steps);
            plan.setup.evaluation.every = Some(steps);
            plan.setup.evaluation.samples = samples;
            let mut run = |uncertainty| {
                plan.setup.evaluation.uncertainty = uncertainty;
                let result = train(&plan, data_sets.path()).expect("trains").1;
                for name in metric::of(&plan.setup) {
                    assert!(result.metrics.contains_key(name), "{task} {samples} {name}");
                }
                result.metrics
            };
            let (mut plain, mut asked) = (run(None), run(Some(Uncertainty::Entropy)));
            let rank = "uncertainty_error_rank";
            let variance = plain.get("variance_error_rank").copied();
            assert_eq!(plain.remove(rank), variance, "{task} {samples}");
            let entropy = asked.remove(rank).expect("asked for");
            assert!((-1.0..=1.0).contains(&entropy) && Some(entropy) != variance);
            assert!(plain.keys().eq(asked.keys()));
            for (name, value) in plain {
                let off = (asked[&name] - value).abs();
                assert!(
                    off < 1e-6 * value.abs().max(1.0),
                    "{task} {samples} {name}: {off}"
                );
            }
        }
    }
}

/// The fitted temperature against measurements at fixed ones, of classes, of keys and of a text: none is better on
/// validation, and what is reported is what that one would have reported.
#[test]
fn a_temperature_that_was_fitted_is_the_best_on_validation() {
    let data_sets = data::folder();
    let (lowest, highest) = limits::TEMPERATURE.into_inner();
    for (task, steps) in [(0, 60), (4, 60), (5, 5), (6, 60)] {
        let mut plan = data::plan(data::TASKS[task], "");
        plan.setup.training.steps = Some(steps);
        plan.setup.evaluation.every = Some(steps);
        plan.setup.evaluation.samples = 0;
        let mut run = |temperature| {
            plan.setup.evaluation.temperature = temperature;
            let (curves, result) = train(&plan, data_sets.path()).expect("trains");
            (curves, result.metrics)
        };
        let valid = |curves: &Curves| {
            let found = curves.iter().find(|(name, _)| name == "valid_nll");
            found.expect("measured").1
        };
        let (curves, fitted) = run(Temperature::Fitted(FittedOn::Valid));
        let (plain, _) = run(Temperature::Given(1.0));
        assert_eq!(curves, plain, "during training it is 1");
        let best = fitted["temperature"];
        assert_eq!(fitted["temperature_early_stopped"], best, "one measurement");
        // What was measured in validation is that of training.
        assert_eq!(fitted["valid_nll"], valid(&plain));
        let (curves, given) = run(Temperature::Given(best));
        for (name, value) in given {
            if !name.starts_with("valid_") {
                assert!((fitted[&name] - value).abs() < 1e-9, "{name}");
            }
        }
        assert!(valid(&curves) <= valid(&plain));
        for other in [best / 1.03, best * 1.03] {
            let there = valid(&run(Temperature::Given(other.clamp(lowest, highest))).0);
            assert!(
                there > valid(&curves) || !(lowest..=highest).contains(&other),
                "{task}: {there} at {other}, {} at {best}",
                valid(&curves)
            );
        }
    }
}

/// With weights that stay where they began, measurements show what is dropped: while a site drops, all is scaled by 1 − rate
/// (published), and after its time nothing is, nor is anything drawn.
#[test]
fn a_site_drops_until_its_time_is_over_and_is_then_as_if_it_were_not_there() {
    let data_sets = data::folder();
    let run = |until: Option<f64>, rate: f64, learning_rate: f64| {
        let mut plan = data::plan(data::TASKS[5], "");
        plan.setup.training.learning_rate = learning_rate;
        plan.setup.evaluation.every = Some(1);
        plan.setup.evaluation.samples = 0;
        plan.setup.dropout = Dropout {
            output: Some(Site {
                scaling: Some(Scaling::Published),
                until,
                ..Site::new(rate, MaskTime::Fixed)
            }),
            ..Dropout::default()
        };
        let (curves, result) = train(&plan, data_sets.path()).expect("trains");
        let curve = |wanted: &str| -> Vec<f64> {
            let points = curves.iter().filter(|(name, _)| name == wanted);
            points.map(|(_, value)| *value).collect()
        };
        (curve("train_loss"), curve("valid_nll"), result)
    };
    let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
    let (_, always, _) = run(None, 0.5, 1e-12);
    let (_, never, without) = run(None, 0.0, 1e-12);
    // Seven of twenty steps.
    let (_, early, result) = run(Some(0.35), 0.5, 1e-12);
    assert!((always[0] - never[0]).abs() > 1e-3, "{always:?} {never:?}");
    assert!(
        close(&early[..7], &always[..7]) && close(&early[7..], &never[7..]),
        "{early:?}"
    );
    for name in ["test_nll", "train_nll"] {
        assert!(
            (result.metrics[name] - without.metrics[name]).abs() < 1e-6,
            "{name}"
        );
    }
    assert!(result.treatment.verified, "{:?}", result.treatment);
    let seen = |result: &RunResult| result.treatment.sites["output"].windows;
    let (losses, _, whole) = run(None, 0.5, 0.05);
    let (until, _, part) = run(Some(0.35), 0.5, 0.05);
    assert_eq!(until[..7], losses[..7]);
    assert_ne!(until[7], losses[7]);
    assert!(part.treatment.verified && seen(&part) < seen(&whole));
}

/// However it is cut into windows, a text is one sequence: its state goes on.
#[test]
fn the_state_is_carried_across_windows() {
    let data_sets = data::folder();
    let measured = |length: u32| {
        let mut plan = data::plan(data::TASKS[0], "");
        plan.setup.task.length = length;
        // One step of no length: all weights are those of the seed.
        plan.setup.training.steps = Some(1);
        plan.setup.training.learning_rate = 1e-12;
        plan.setup.training.weight_decay = 0.0;
        plan.setup.evaluation.every = Some(1);
        plan.setup.evaluation.samples = 0;
        train(&plan, data_sets.path()).expect("trains").1.metrics["test_nll"]
    };
    let (short, long) = (measured(3), measured(60));
    assert!((short - long).abs() < 1e-5, "{short} {long}");
}

#[test]
fn before_learning_a_language_model_knows_nothing_and_then_it_learns() {
    let line = "to be or not to be that is the question\n";
    let folder = folder(&text(&line.repeat(40), &line.repeat(4), &line.repeat(4)));
    let plan = data::plan_of(
        "[task]\nname = \"char_lm\"\ndata = \"d\"\nlength = 20\n[model]\nhidden = 24\n[training]\nepochs = 12\n\
         batch = 4\nlearning_rate = 0.03\n[[arms]]\nname = \"a\"\n",
    );
    let task = open(&plan, &folder);
    let characters = 15.0_f64;
    let (curves, result) = train(&plan, folder.path()).expect("trains");
    // Measured after each epoch: the training loss, and three of validation.
    assert_eq!(curves.len(), 12 * 4);
    let first = Plan {
        setup: {
            let mut setup = plan.setup.clone();
            setup.training.epochs = None;
            setup.training.steps = Some(1);
            setup.evaluation.every = Some(1);
            setup
        },
        ..plan
    };
    let before = train(&first, folder.path()).expect("trains").0[0].1;
    assert!((before - characters.ln()).abs() < 0.1, "{before}");
    let bits = result.metrics["test_bits"];
    assert!(bits < 0.3, "{:?}", result.metrics);
    let nll = result.metrics["test_nll"];
    assert!((bits - nll / 2_f64.ln()).abs() < 1e-12);
    let provenance = &result.provenance;
    assert_eq!(provenance.data_set.as_deref(), Some("d@1"));
    assert_eq!(provenance.data_sha256.as_deref(), task.data().map(|d| d.1));
}

/// A new window has new masks and the pass of a Monte Carlo sample the same: see the proof and the variance.
#[test]
fn samples_of_a_language_model_average_probabilities() {
    let data_sets = data::folder();
    let mut plan = data::plan(data::TASKS[1], "");
    plan.setup.evaluation.samples = 20;
    let (_, sampled) = train(&plan, data_sets.path()).expect("trains");
    assert!(
        sampled.metrics["test_variance"] > 0.0,
        "{:?}",
        sampled.metrics
    );
    assert!(sampled.treatment.verified, "{:?}", sampled.treatment);
    let embedding = &sampled.treatment.sites["embedding"];
    assert!(embedding.equal_steps > 0 && embedding.different_steps == 0);
    let perplexity = sampled.metrics["test_perplexity"];
    assert!((perplexity.ln() - sampled.metrics["test_nll"]).abs() < 1e-9);
}

#[test]
fn what_cannot_be_learned_is_refused_with_the_reason() {
    let refused = |content: &Content, task: &str, training: &str| {
        let folder = folder(content);
        let failure = train(&plan(task, training), folder.path()).expect_err("is refused");
        assert_eq!(failure.kind, FailureKind::Specification, "{failure}");
        assert!(failure.message.contains("d@1"), "{failure}");
        failure.message
    };
    let short = text("abcabc", "ab", "ab");
    let model = "name = \"char_lm\"\nlength = 9";
    let message = refused(&short, model, "steps = 1\nbatch = 2");
    assert!(
        message.contains(
            "train split of d@1 has 6 characters, too few for 2 streams with a window of 9"
        ),
        "{message}"
    );
    let message = refused(&text("abc", "a", "b"), model, "steps = 1\nbatch = 1");
    assert!(
        message.contains("valid split of d@1 has 1 characters"),
        "{message}"
    );
    let message = refused(&short, "name = \"music\"", "steps = 1\nbatch = 1");
    assert!(
        message.contains("music cannot be learned from d@1, which is a data set of kind text"),
        "{message}"
    );
    let many: String = (0..6000)
        .filter_map(|n| char::from_u32(0x4e00 + n))
        .collect();
    let message = refused(&text(&many, "ab", "ab"), model, "steps = 1\nbatch = 1");
    assert!(message.contains("at most 5000"), "{message}");
    let few = Content::Frames(Splits {
        train: vec![vec![vec![21], vec![22]]],
        valid: vec![vec![vec![21]]],
        test: vec![vec![vec![21], vec![22]]],
    });
    let message = refused(&few, "name = \"music\"", "steps = 1\nbatch = 1");
    assert!(
        message.contains("valid split of d@1 has 0 pieces of two frames"),
        "{message}"
    );
    let message = refused(
        &Content::Frames(Splits {
            train: vec![vec![vec![21], vec![22]]],
            valid: vec![vec![vec![21], vec![22]]],
            test: vec![vec![vec![21], vec![22]]],
        }),
        "name = \"music\"",
        "steps = 1\nbatch = 2",
    );
    assert!(
        message.contains("has 1 sequences, too few for a minibatch of 2"),
        "{message}"
    );
}

#[test]
fn a_data_set_that_is_not_here_may_come_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = plan("name = \"char_lm\"", "steps = 1");
    let failure = train(&plan, folder.path()).expect_err("nothing is there");
    assert_eq!(failure.kind, FailureKind::Machine);
    assert!(failure.message.contains("d@1"), "{failure}");
}

/// A share is the same for every seed, a smaller one is part of a larger one, and held-out data stay whole.
#[test]
fn a_share_of_the_training_data_is_learned_from_and_held_out_data_stay_whole() {
    let picture = |number: usize| Image {
        pixels: vec![number as u8; 784],
        label: 0,
    };
    let folder = folder(&Content::Images(Splits {
        train: (0..40).map(picture).collect(),
        valid: (0..8).map(picture).collect(),
        test: (0..8).map(picture).collect(),
    }));
    let learned = |share: &str, seed: u32| -> BTreeSet<u64> {
        let task = format!("name = \"sequential_mnist\"\nlength = 28\n{share}");
        let mut plan = plan(&task, "epochs = 1\nbatch = 1");
        plan.seed = seed;
        let task = open(&plan, &folder);
        assert_eq!(
            task.held_out(Purpose::Test, 100),
            [Piece::Sequences(Purpose::Test, (0..8).collect())]
        );
        let first = |lesson: &Lesson| {
            let Inputs::Numbers(inputs) = batch(&task, &lesson.piece).inputs else {
                panic!("pixels are numbers");
            };
            let rows: Vec<Vec<f64>> = inputs[0].to_vec2().expect("pixels");
            (rows[0][0] * 255.0).round() as u64
        };
        let lessons = lessons(&task, &plan);
        let seen: BTreeSet<u64> = lessons.iter().map(first).collect();
        assert_eq!(seen.len(), lessons.len());
        seen
    };
    let (quarter, half) = (learned("fraction = 0.25", 1), learned("fraction = 0.5", 1));
    assert_eq!((quarter.len(), half.len()), (10, 20));
    assert!(quarter.is_subset(&half));
    assert_eq!(quarter, learned("fraction = 0.25", 2));
    // Drawn from everywhere, not from the front.
    assert!(half.iter().any(|number| *number >= 20));
    assert_eq!(learned("fraction = 1", 1), learned("", 1));
}

#[test]
fn a_share_of_a_text_is_its_beginning_with_the_vocabulary_of_the_whole() {
    let folder = folder(&text("abcdefghijklmnopqrst", "abcdefgh", "tsrq"));
    let plan = plan(
        "name = \"char_lm\"\nlength = 4\nfraction = 0.5",
        "epochs = 1\nbatch = 1",
    );
    let task = open(&plan, &folder);
    let read: Vec<u32> = lessons(&task, &plan)
        .iter()
        .flat_map(|lesson| tokens(&batch(&task, &lesson.piece)))
        .collect();
    // Ten letters are nine predictions: two whole windows.
    assert_eq!(read, (0..8).collect::<Vec<u32>>());
    assert_eq!(task.shape().head, Head::Classes(20));
    let held = task.held_out(Purpose::Validation, 1);
    assert_eq!(
        held.iter()
            .map(|piece| batch(&task, piece).inputs.steps())
            .sum::<usize>(),
        7
    );
}
