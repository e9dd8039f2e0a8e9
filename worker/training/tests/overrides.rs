//! What is accepted with an arm's overrides is what its frozen form says and what a worker trains.

#[path = "support/data.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod data;

use breakmywork_protocol::spec::{self, Format, Plan, Spec};
use breakmywork_training::device::DeviceChoice;
use breakmywork_training::plan;
use breakmywork_training::rng::{Purpose, Stream};
use breakmywork_training::train::{self, Options, Outcome, Requests};

/// What sections may say: small numbers, so that whatever is accepted is trained in a moment. An empty line says
/// nothing.
const TASKS: &[&str] = &[
    "task = { name = \"adding\" }",
    "task = { name = \"copy\", length = 3 }",
    "task = { name = \"temporal_order\", length = 7 }",
    "task = { name = \"char_lm\", data = \"text\", length = 7 }",
    "task = { name = \"char_lm\", data = \"text\", length = 5, windows = \"variable\" }",
    "task = { name = \"word_lm\", data = \"text\", length = 6, vocabulary = 10 }",
    "task = { name = \"sentiment\", data = \"reviews\", length = 5 }",
    "task = { name = \"music\", data = \"pieces\", length = 4 }",
    "task = { name = \"sequential_mnist\", data = \"digits\", length = 7 }",
    "task = { name = \"permuted_mnist\", data = \"digits\", length = 14 }",
    "task = { name = \"sequential_mnist\", data = \"digits\", length = 1 }",
    "task = { name = \"permuted_mnist\", data = \"digits\" , length = 50 }",
];
const FIELDS: &[(&str, &[&str])] = &[
    ("task.length", &["", "", "3", "5", "7", "28"]),
    ("model.cell", &["", "\"rnn\"", "\"gru\"", "\"lstm\""]),
    ("model.hidden", &["", "1", "3", "4"]),
    ("model.layers", &["", "", "1", "2"]),
    (
        "model.normalization",
        &["", "", "", "\"layer\"", "\"batch\"", "\"none\""],
    ),
    ("task.fraction", &["", "", "", "0.5", "1"]),
    ("model.forget_bias", &["", "", "", "0", "1"]),
    ("model.normalization_gain", &["", "", "", "0.1"]),
    ("model.embedding", &["", "", "", "3", "4"]),
    ("model.tied_embeddings", &["", "", "", "true", "false"]),
    ("model.initial_range", &["", "", "", "0.1"]),
    ("training.steps", &["", "1", "2", "3"]),
    ("training.epochs", &["", "", "", "1"]),
    ("training.anneal", &["", "", "", "", "0.5"]),
    ("training.batch", &["", "1", "2", "3"]),
    (
        "training.optimizer",
        &["", "\"sgd\"", "\"adam\"", "\"nt_asgd\""],
    ),
    ("training.loss_over_time", &["", "", "", "\"sum\""]),
    ("training.networks", &["", "", "", "1", "2"]),
    ("evaluation.every", &["", "", "1", "2"]),
    ("evaluation.sequences", &["", "1", "2"]),
    ("evaluation.samples", &["", "", "2"]),
    ("evaluation.uncertainty", &["", "", "", "\"entropy\""]),
    ("evaluation.temperature", &["", "", "", "2", "\"valid\""]),
    ("evaluation.shift", &["", "", "", "1"]),
    ("evaluation.length", &["", "", "", "4", "9"]),
];
const DROPOUT: &[&str] = &[
    "",
    "",
    "dropout.preset = \"gal_untied\"",
    "dropout.preset = \"awd\"",
    "dropout.preset = \"moon\"",
    "dropout.preset = \"fast_dropout\"",
    "dropout.preset = \"zoneout\"",
    "dropout.state = { rate = 0.5, gates = \"untied\" }",
    "dropout.recurrent_weights = { rate = 0.5, time = \"per_step\" }",
    "dropout.state = { rate = 0.5, until = 0.5 }",
    "dropout.between = { rate = 0.5 }",
    "dropout.embedding = { rate = 0.5, by = \"token\" }",
];

fn one<'a>(stream: &mut Stream, choices: &[&'a str]) -> &'a str {
    choices[stream.below(choices.len() as u32) as usize]
}

/// Some fields of some sections, each as a line.
fn fields(stream: &mut Stream, most: u32, without: &str) -> String {
    let mut lines = String::new();
    for (name, values) in FIELDS {
        // A field cannot be added to a table that was written in braces.
        if name.starts_with("task.") && without.starts_with("task") {
            continue;
        }
        let value = one(stream, values);
        if !value.is_empty() && stream.below(10) < most {
            lines += &format!("{name} = {value}\n");
        }
    }
    lines
}

fn text(stream: &mut Stream) -> String {
    let task = one(stream, TASKS);
    let base = fields(stream, 6, task);
    let mut more = String::new();
    if !base.contains("epochs") && !base.contains("steps") {
        more += "training.steps = 2\n";
    }
    // The usual 32 are more than the data sets here have.
    if !base.contains("training.batch") {
        more += "training.batch = 2\n";
    }
    let mut text = format!("title = \"t\"\nseeds = [1]\n{task}\n{base}{more}");
    for name in ["a", "b"] {
        let other = if stream.below(4) == 0 {
            one(stream, TASKS)
        } else {
            ""
        };
        let fields = fields(stream, 3, other);
        let dropout = one(stream, DROPOUT);
        text += &format!("[[arms]]\nname = \"{name}\"\n{other}\n{fields}{dropout}\n");
    }
    text
}

#[test]
fn what_is_accepted_is_frozen_and_trained_as_it_was_read() {
    let folder = data::folder();
    let options = Options {
        device: DeviceChoice::Cpu,
        checkpoints: None,
        resume: None,
        held: false,
        data_sets: folder.path().to_owned(),
    };
    let (mut accepted, mut overridden) = (0, 0);
    for number in 0..12_000 {
        let text = text(&mut Stream::new(1, Purpose::Training, number));
        let Ok(spec) = spec::read(&text, Format::Toml) else {
            continue;
        };
        accepted += 1;
        let stored = spec.to_json();
        for again in [
            Spec::from_stored(&stored).expect("stored"),
            spec::read_value(&stored).expect("registered"),
            spec::read(&spec.to_toml(), Format::Toml).expect("its own TOML"),
        ] {
            assert_eq!(again, spec, "{text}");
        }
        for arm in &spec.arms {
            overridden += usize::from(!arm.overrides.is_empty());
            let plan = Plan {
                arm: arm.name.clone(),
                seed: 1,
                setup: arm.setup.clone(),
            };
            let sent = serde_json::to_string(&plan).expect("plain data");
            let plan: Plan = serde_json::from_str(&sent).expect("as a worker reads it");
            assert_eq!(plan.setup, arm.setup, "{text}");
            plan::check(&plan).unwrap_or_else(|error| panic!("{error}\n{text}"));
            // Each is checked; training every one of them would take minutes.
            if number % 16 == 0 {
                let outcome = train::train(&plan, &options, &Requests::default(), &mut |_| Ok(()));
                let outcome = outcome.unwrap_or_else(|failure| panic!("{failure:?}\n{text}"));
                assert!(matches!(outcome, Outcome::Finished(_)));
            }
        }
    }
    assert!(
        accepted > 300 && overridden > 300,
        "{accepted} accepted, {overridden} overridden"
    );
}
