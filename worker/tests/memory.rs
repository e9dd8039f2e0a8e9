//! The estimate of a run's memory, held against what real runs take.

use breakmywork_protocol::spec::{self, DataShape, Format, limits};
use std::process::Command;

/// A run of two steps; what is not said is small.
fn spec(model: &str, length: u32, batch: u32, rest: &str, dropout: &str) -> String {
    format!(
        "title = \"t\"\nseeds = 6\n[task]\nname = \"adding\"\nlength = {length}\n[model]\n{model}\n\
         [training]\nbatch = {batch}\nsteps = 2\n{rest}\n[evaluation]\nsequences = 20\n\
         [[arms]]\nname = \"a\"\n{dropout}\n[[arms]]\nname = \"b\"\n\
         [criterion]\nkind = \"difference\"\nmetric = \"test_mse\"\ntreatment = \"a\"\ncontrol = \"b\"\nmargin = 0.02\n"
    )
}

const MASK: &str = "dropout.state = { rate = 0.25, time = \"per_step\" }";
const MOMENTS: &str = "dropout.state = { rate = 0.25, time = \"per_step\", noise = \"moments\" }";
const WEIGHTS: &str = "dropout.recurrent_weights = { rate = 0.25, time = \"per_step\" }";

/// Largest resident memory of a process that trains the first arm, in bytes.
fn peak(text: &str) -> u64 {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("spec.toml");
    std::fs::write(&path, text).expect("writes");
    let output = Command::new(env!("CARGO_BIN_EXE_breakmywork-worker"))
        .args([
            "train",
            "--json",
            "--arm",
            "a",
            "--seed",
            "1",
            "--checkpoint-dir",
        ])
        .arg(folder.path())
        .arg(&path)
        .output()
        .expect("runs");
    let last = String::from_utf8(output.stdout).expect("UTF-8");
    let last: serde_json::Value =
        serde_json::from_str(last.lines().last().expect("a line")).expect("JSON");
    last["provenance"]["peak_memory_bytes"]
        .as_u64()
        .expect("Linux tells")
}

fn estimate(text: &str) -> u64 {
    let spec = spec::read(text, Format::Toml).expect("a good specification");
    let setup = &spec.arms[0].setup;
    spec::run_memory(setup, DataShape::expected(setup))
}

#[test]
fn what_a_run_takes_is_foreseen_on_every_path() {
    let model = |cell: &str, layers: u32, hidden: u32| {
        format!("cell = \"{cell}\"\nlayers = {layers}\nhidden = {hidden}")
    };
    let normalized = |kind: &str| format!("{}\nnormalization = \"{kind}\"", model("lstm", 1, 128));
    let adam = "optimizer = \"adam\"";
    // A test of far longer sequences than those of training, and more of them.
    let tested = |model: &str| {
        spec(model, 5, 4, adam, MASK).replace(
            "sequences = 20",
            "sequences = 256\nlength = 1000\nsamples = 1",
        )
    };
    let cases = [
        spec(&model("lstm", 1, 256), 60, 64, adam, MASK),
        spec(&model("rnn", 2, 256), 60, 64, adam, MASK),
        spec(&model("gru", 1, 1024), 5, 4, "optimizer = \"sgd\"", MASK),
        spec(&model("lstm", 1, 128), 60, 64, adam, MOMENTS),
        spec(&model("gru", 2, 128), 60, 64, adam, MOMENTS),
        spec(&normalized("layer"), 60, 64, adam, MASK),
        spec(&normalized("batch"), 60, 64, adam, MASK),
        spec(&model("lstm", 1, 256), 50, 8, adam, WEIGHTS),
        spec(&model("rnn", 2, 128), 50, 8, adam, WEIGHTS),
        // Three networks are kept while the fourth is trained.
        spec(
            &model("lstm", 1, 1024),
            5,
            4,
            "optimizer = \"adam\"\nnetworks = 4",
            MASK,
        ),
        tested(&model("rnn", 1, 64)),
        tested(&model("gru", 1, 64)),
        tested(&model("lstm", 2, 32)),
    ];
    for text in cases {
        let (peak, estimate) = (peak(&text), estimate(&text));
        assert!(
            peak <= estimate && estimate < peak * 3,
            "{estimate} bytes were foreseen, {peak} taken by:\n{text}"
        );
    }
}

/// Once accepted as "about 10 min on one CPU worker"; it would take about 256 GB.
#[test]
fn a_plan_that_no_machine_may_be_asked_for_cannot_be_registered() {
    let huge = spec("hidden = 1500\ncell = \"lstm\"", 1000, 1, "", WEIGHTS);
    assert!(estimate(&huge) > 200_000_000_000);
    let read = spec::read(&huge, Format::Toml).expect("readable");
    let refused = read.registrable().expect_err("too large").to_string();
    assert!(
        refused.contains("of memory; at most 16.0 GB are allowed"),
        "{refused}"
    );
    assert!(refused.contains("time = \"fixed\""), "{refused}");

    // The largest networks that the literature trains fit.
    let large = spec("hidden = 1500\nlayers = 2", 35, 20, "", MASK);
    assert!(estimate(&large) < limits::RUN_MEMORY / 2);
}
