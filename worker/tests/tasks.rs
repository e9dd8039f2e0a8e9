//! What the tasks on data sets read and ask, and what they refuse.

#[path = "support/data.rs"]
mod data;

use breakmywork_protocol::result::RunResult;
use breakmywork_protocol::spec::Plan;
use breakmywork_worker::data::{Content, Image, Review, Splits};
use breakmywork_worker::device::DeviceChoice;
use breakmywork_worker::events::{Event, Failure, FailureKind};
use breakmywork_worker::rng::Purpose;
use breakmywork_worker::tasks::{Batch, Inputs, Lesson, Piece, Schedule, Task};
use breakmywork_worker::train::{self, Options, Outcome, Requests};
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
        hold_memory: false,
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
