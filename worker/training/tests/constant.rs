//! What reading nothing reaches, by hand.

#[path = "support/data.rs"]
mod data;

use breakmywork_protocol::result::RunResult;
use breakmywork_protocol::spec::Plan;
use breakmywork_training::data::{Content, Image, Review, Splits};
use breakmywork_training::device::DeviceChoice;
use breakmywork_training::rng::Purpose;
use breakmywork_training::tasks::{Piece, Task};
use breakmywork_training::train::{self, Options, Outcome, Requests};
use candle_core::{DType, Device};
use tempfile::TempDir;

fn open(plan: &Plan, folder: &TempDir) -> Task {
    Task::open(&plan.setup.task, folder.path()).expect("opens")
}

fn train(plan: &Plan, folder: &TempDir) -> Box<RunResult> {
    let options = Options {
        device: DeviceChoice::Cpu,
        checkpoints: None,
        resume: None,
        data_sets: folder.path().to_owned(),
        held: false,
    };
    let outcome = train::train(plan, &options, &Requests::default(), &mut |_| Ok(()));
    match outcome.expect("trains") {
        Outcome::Finished(result) => result,
        Outcome::Stopped { step } => panic!("stopped at {step}"),
    }
}

fn text(train: &str, valid: &str, test: &str) -> Content {
    let splits = Splits { train, valid, test };
    Content::Text(splits.map(str::to_owned))
}

/// Frequencies of what is learned from, with one more of each, on the test: by hand, for every kind of answer.
#[test]
fn what_an_answer_reaches_that_is_always_the_same() {
    let constant_of = |task: &str, content: &Content, sequences: u32| {
        let folder = tempfile::tempdir().expect("a folder");
        data::add(&folder, "d", content);
        let plan = data::plan_of(&format!(
            "[task]\n{task}\ndata = \"d\"\n[training]\nsteps = 1\n[[arms]]\nname = \"a\"\n"
        ));
        open(&plan, &folder).constant(sequences).expect("there")
    };
    let constant = |task: &str, content: &Content| constant_of(task, content, 10_000);
    let near = |one: f64, other: f64| assert!((one - other).abs() < 1e-12, "{one} {other}");
    // Three of "a" and one of "b".
    let letters = text("aaab", "ab", "aab");
    let of = constant("name = \"char_lm\"\nlength = 3", &letters);
    near(of.loss, (2.0 * 1.5_f64.ln() + 3_f64.ln()) / 3.0);
    near(of.accuracy.expect("classes"), 2.0 / 3.0);
    let half = constant("name = \"char_lm\"\nlength = 3\nfraction = 0.5", &letters);
    near(half.loss, (2.0 * (4.0 / 3.0_f64).ln() + 4_f64.ln()) / 3.0);
    // Two of "a", one of "b", one end of a line; what is not known is the fourth.
    let words = text("a a b\n", "a\n", "a c\n");
    let of = constant("name = \"word_lm\"\nlength = 3\nvocabulary = 10", &words);
    near(
        of.loss,
        ((8.0 / 3.0_f64).ln() + 8_f64.ln() + 4_f64.ln()) / 3.0,
    );
    near(of.accuracy.expect("classes"), 1.0 / 3.0);
    let review = |label: f64| Review {
        text: "so so".into(),
        label,
    };
    let reviews = Content::Labelled(Splits {
        train: vec![review(0.2), review(0.6)],
        valid: vec![review(0.1)],
        test: vec![review(0.5), review(0.3)],
    });
    let of = constant("name = \"sentiment\"\nlength = 3", &reviews);
    near(of.loss, 0.01);
    assert_eq!(of.accuracy, None);
    // What sounds next is one key, then another; what is silent has sounded in none of two frames.
    let frames = Content::Frames(Splits {
        train: vec![vec![vec![21], vec![21], vec![22]]],
        valid: vec![vec![vec![21], vec![21]]],
        test: vec![vec![vec![22], vec![21]]],
    });
    let of = constant("name = \"music\"\nlength = 3", &frames);
    near(of.loss, 2.0 * 2_f64.ln() + 86.0 * (4.0 / 3.0_f64).ln());
    let image = |label: u8| Image {
        pixels: vec![0; 784],
        label,
    };
    let pictures = Content::Images(Splits {
        train: vec![image(1), image(1), image(2)],
        valid: vec![image(1)],
        test: vec![image(1), image(3)],
    });
    let of = constant("name = \"permuted_mnist\"\nlength = 7", &pictures);
    near(of.loss, f64::midpoint((13.0 / 3.0_f64).ln(), 13_f64.ln()));
    near(of.accuracy.expect("classes"), 0.5);
    // Of a test that is cut short, what is tested.
    let first = constant_of("name = \"permuted_mnist\"\nlength = 7", &pictures, 1);
    near(first.loss, (13.0 / 3.0_f64).ln());
}

/// Each run says it with its result, of generated sequences too: the spread of their answers.
#[test]
fn a_run_reports_what_reading_nothing_reaches() {
    let data_sets = data::folder();
    for (task, has_classes) in [(0, true), (3, false), (4, false), (5, true)] {
        let mut plan = data::plan(data::TASKS[task], "");
        plan.setup.training.steps = Some(5);
        let result = train(&plan, &data_sets);
        let constant = result.constant.expect("reported");
        assert_eq!(constant.accuracy.is_some(), has_classes);
        assert_eq!(Some(constant), open(&plan, &data_sets).constant(3));
    }
    for name in ["adding", "copy", "temporal_order"] {
        let plan = data::plan_of(&format!(
            "[task]\nname = \"{name}\"\nlength = 12\n[training]\nsteps = 1\n[evaluation]\nevery = 1\n[[arms]]\nname = \"a\"\n"
        ));
        let constant = train(&plan, &data_sets).constant;
        let constant = constant.expect("reported");
        let task = open(&plan, &data_sets);
        let piece = Piece::Sequences(Purpose::Test, (0..4_000).collect());
        let batch = task
            .batch(1, &piece, DType::F64, &Device::Cpu)
            .expect("draws");
        let targets = batch.targets.flatten_all().expect("answers");
        let targets = targets
            .to_dtype(DType::F64)
            .and_then(|all| all.to_vec1::<f64>());
        let targets = targets.expect("numbers");
        let of = |what: &dyn Fn(f64) -> f64| {
            targets.iter().map(|answer| what(*answer)).sum::<f64>() / targets.len() as f64
        };
        match constant.accuracy {
            None => {
                let mean = of(&|sum| sum);
                let spread = of(&|sum| (sum - mean).powi(2));
                assert!((spread - constant.loss).abs() < 0.02, "{spread}");
            }
            Some(share) => {
                let first = of(&|class| f64::from(u8::from(class == targets[0])));
                assert!((first - share).abs() < 0.03, "{name} {first} {share}");
                assert!((constant.loss + share.ln()).abs() < 1e-12);
            }
        }
    }
}
