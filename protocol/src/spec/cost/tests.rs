use super::*;
use crate::spec::{Format, read};

#[derive(serde::Deserialize)]
struct Measured {
    #[serde(flatten)]
    setup: Setup,
    cpu_seconds: f64,
}

/// Short runs of all paths, each timed on one core (`bench/cost.py`).
#[test]
fn the_estimate_is_near_what_was_measured() {
    let mut off: Vec<(f64, String)> = include_str!("measured.jsonl")
        .lines()
        .map(|line| {
            let Measured { setup, cpu_seconds } =
                serde_json::from_str(line).expect("a measurement");
            (
                (run_seconds(&setup) / cpu_seconds).ln().abs().exp(),
                line.to_owned(),
            )
        })
        .collect();
    off.sort_by(|a, b| a.0.total_cmp(&b.0));
    let count = off.len();
    assert!(count >= 80);
    assert!(off[count / 2].0 < 1.2, "in the median {}", off[count / 2].0);
    assert!(
        off[count * 9 / 10].0 < 1.6,
        "one in ten: {:?}",
        off[count * 9 / 10]
    );
    assert!(off[count - 1].0 < 2.2, "worst: {:?}", off[count - 1]);
}

fn spec(sections: &str) -> Spec {
    let metric = if sections.contains("mnist") {
        "test_nll"
    } else {
        "test_mse"
    };
    let text = format!(
        "title = \"t\"\nseeds = 6\n{sections}\n[[arms]]\nname = \"a\"\n[[arms]]\nname = \"b\"\n\
         dropout.state = {{ rate = 0.25 }}\n[criterion]\nkind = \"difference\"\nmetric = \"{metric}\"\n\
         treatment = \"a\"\ncontrol = \"b\"\nmargin = 0.1\n"
    );
    read(&text, Format::Toml).expect("good")
}

#[test]
fn a_share_of_the_data_makes_epochs_shorter_and_must_fill_a_minibatch() {
    let digits = |more: &str| {
        let task = "[task]\nname = \"sequential_mnist\"\ndata = \"mnist\"\nlength = 28\n";
        spec(&format!("{task}{more}"))
    };
    let steps = |spec: &Spec| {
        let setup = &spec.arms[0].setup;
        Data::of(setup).steps(&setup.training)
    };
    let training = "[training]\nepochs = 2\nbatch = 100\n";
    let whole = steps(&digits(training));
    assert_eq!(
        steps(&digits(&format!("fraction = 0.125\n{training}"))),
        whole / 8.0
    );
    let small = digits(&format!("fraction = 0.001\n{training}"));
    let found = problems(&small, &Board::default());
    assert!(
        found.len() == 1
            && found[0].pointer == "/task/fraction"
            && found[0]
                .detail
                .contains("of mnist@1 to learn from, and a minibatch needs 100"),
        "{found:?}"
    );
}

fn past(estimated: f64, took: f64) -> Past {
    Past { estimated, took }
}

fn workers(card: bool, slots: u32, past: Vec<Past>) -> Kind {
    Kind {
        host: "attic".into(),
        device: if card { "cuda:0" } else { "cpu" }.into(),
        card,
        slots,
        past,
    }
}

#[test]
fn what_runs_took_decides_beside_the_estimate() {
    let spec = spec("[task]\nname = \"adding\"\n[training]\nsteps = 1000\n");
    let one = run_seconds(&spec.arms[0].setup);
    let kind = |past: Vec<Past>| workers(false, 1, past);
    let slow = kind(vec![past(one, 3.0 * one); 30]);
    let seconds = slow.run_seconds(&spec.arms[0].setup);
    assert!((seconds / one - 3.0).abs() < 0.1, "{seconds} of {one}");
    // Runs of about the same length count most.
    let mixed = kind(
        [
            vec![past(one, 3.0 * one); 10],
            vec![past(1e4 * one, 1e4 * one); 10],
        ]
        .concat(),
    );
    assert!(mixed.run_seconds(&spec.arms[0].setup) > 2.5 * one);
    // Two slots halve the time, not the work.
    let board = Board {
        kinds: vec![Kind {
            slots: 2,
            ..kind(Vec::new())
        }],
        ..Board::default()
    };
    let whole = cpu_seconds(&spec);
    assert!((board.worker_seconds(&spec) - whole).abs() < 1e-9 * whole);
    assert!((board.seconds(&spec) - whole / 2.0).abs() < 1e-9 * whole);
    // A fast worker takes more of the runs than a slow one.
    let both = Board {
        kinds: vec![kind(vec![past(one, one); 30]), slow],
        ..Board::default()
    };
    let mean = both.run_seconds(&spec.arms[0].setup);
    assert!(mean > one && mean < 1.6 * one, "{mean} of {one}");
}

/// The medium model of Zaremba et al. and of Gal & Ghahramani, six seeds.
fn the_papers_models() -> Spec {
    let text = "title = \"t\"\nseeds = 6\n[task]\nname = \"word_lm\"\ndata = \"penn_treebank\"\n\
        [model]\nlayers = 2\nhidden = 650\n[training]\noptimizer = \"sgd\"\nbatch = 20\nepochs = 39\n\
        [[arms]]\nname = \"one\"\ndropout = { preset = \"gal_tied\" }\n[[arms]]\nname = \"two\"\n\
        [criterion]\nkind = \"difference\"\nmetric = \"test_perplexity\"\ntreatment = \"one\"\ncontrol = \"two\"\n\
        margin = 0.02\nscale = \"log\"\n";
    read(text, Format::Toml).expect("good")
}

#[test]
fn operations_are_those_that_the_field_counts() {
    let spec = the_papers_models();
    // Two layers of 650 units read 650 numbers each, and 10,000 words are predicted (Kaplan et al. 2020: 6ND).
    let weights = 2.0 * 4.0 * 650.0 * (650.0 + 650.0) + 650.0 * 10_000.0;
    let tokens = 929_589.0 * 39.0;
    let of_a_run = flops(&spec) / spec.runs() as f64;
    let times = of_a_run / (6.0 * weights * tokens);
    // What is measured of 73,760 held-out words after each epoch, and of 82,430 at the end, adds a third for each word.
    assert!((1.0..1.06).contains(&times), "{times}");
}

#[test]
fn the_cost_is_told_for_the_workers_of_each_machine() {
    let spec = spec("[task]\nname = \"adding\"\n[training]\nsteps = 1000\n");
    let one = run_seconds(&spec.arms[0].setup);
    let board = Board {
        kinds: vec![
            workers(false, 1, vec![past(one, 3.0 * one); 30]),
            workers(false, 4, Vec::new()),
            workers(true, 0, Vec::new()),
        ],
        ..Board::default()
    };
    let cost = board.cost(&spec);
    let [fast, slow] = &cost.workers[..] else {
        panic!("one has no slot: {cost:?}");
    };
    assert_eq!([fast.slots, slow.slots], [4, 1]);
    assert_eq!([fast.measured, slow.measured], [0, 30]);
    let near = |a: f64, b: f64| (a / b - 1.0).abs() < 0.05;
    assert!(near(slow.run_seconds, 3.0 * fast.run_seconds), "{cost:?}");
    // Twelve runs are three rounds of four.
    assert!(near(fast.seconds, 3.0 * fast.run_seconds), "{cost:?}");
    assert!(near(slow.seconds, 12.0 * slow.run_seconds), "{cost:?}");
    assert!(cost.seconds < slow.seconds, "{cost:?}");
    assert_eq!(cost.allowed_worker_seconds, 86_400.0);
}

#[test]
fn the_papers_models_are_too_long_for_a_core_and_not_for_a_card() {
    let spec = the_papers_models();
    let refused = spec.registrable().expect_err("weeks of a core").to_string();
    assert!(
        refused.contains("hours of one CPU worker (12 runs); at most 24"),
        "{refused}"
    );
    let card = workers(true, 1, Vec::new());
    let board = Board {
        kinds: vec![card],
        ..Board::default()
    };
    spec.registrable_on(&board).expect("an evening of a card");
    let patient = Board {
        hours: 10_000.0,
        ..Board::default()
    };
    spec.registrable_on(&patient)
        .expect("the operator allows it");
    let tokens = 929_589.0 * 39.0;
    let a_second = tokens / card_run_seconds(&spec.arms[1].setup);
    // An H100 was measured at 155,000, evaluation left out.
    assert!((80_000.0..200_000.0).contains(&a_second), "{a_second}");
}

#[test]
fn an_experiment_keeps_a_bounded_number_of_measurements() {
    let mut spec = spec(
        "[task]\nname = \"adding\"\nlength = 3\n[model]\nhidden = 1\n[training]\nsteps = 2000\n[evaluation]\nevery = 1\nsequences = 1\n",
    );
    spec.registrable().expect("24,000 are few enough");
    spec.seeds = crate::spec::Seeds::Count(40);
    let refused = spec.registrable().expect_err("160,000 are not").to_string();
    assert!(
        refused
            .starts_with("evaluation.every: all 80 runs together would be measured 160000 times"),
        "{refused}"
    );
}

/// Five networks are five times the training, of which the data are read once, and the weights of four are kept.
#[test]
fn several_networks_take_their_time_and_their_memory() {
    use crate::spec::{DataShape, run_memory};
    let spec = spec(
        "[task]\nname = \"adding\"\n[model]\nhidden = 256\n[training]\nsteps = 1000\n[evaluation]\nevery = 1\n",
    );
    let one = &spec.arms[0].setup;
    let mut five = one.clone();
    five.training.networks = Some(5);
    let ratio = run_seconds(&five) / run_seconds(one);
    assert!((4.9..5.2).contains(&ratio), "{ratio}");
    let ratio = card_run_seconds(&five) / card_run_seconds(one);
    assert!((4.0..5.2).contains(&ratio), "{ratio}");

    let memory = |setup: &Setup| run_memory(setup, DataShape::expected(setup)) as f64;
    // An LSTM of 256 units on two inputs, with its biases, and one output: last and best of four, in memory and in a file.
    let weights = 4.0 * 256.0 * (2.0 + 256.0 + 1.0) + 257.0;
    let more = memory(&five) - memory(one);
    assert!((more - 4.0 * 4.0 * 4.0 * weights).abs() < 10.0, "{more}");

    let mut measured = spec.clone();
    measured.seeds = crate::spec::Seeds::Count(40);
    measured.registrable().expect("80,000 measurements");
    measured.arms[1].setup.training.networks = Some(2);
    let refused = measured.registrable().expect_err("120,000").to_string();
    assert!(
        refused.contains("would be measured 120000 times"),
        "{refused}"
    );
}
