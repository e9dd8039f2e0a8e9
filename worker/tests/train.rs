//! `breakmywork-worker train` as a person or a script uses it.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// Six pairs of runs of a moment each.
const SPEC: &str = r#"
title = "Fixed or fresh?"
seeds = 6
[task]
name = "adding"
length = 6
[model]
hidden = 4
[training]
batch = 4
steps = 12
[evaluation]
every = 5
sequences = 20
[[arms]]
name = "fixed"
dropout.state = { rate = 0.25, time = "fixed" }
[[arms]]
name = "fresh"
dropout.state = { rate = 0.25, time = "per_step" }
[criterion]
kind = "difference"
metric = "test_mse"
treatment = "fixed"
control = "fresh"
margin = 0.02
"#;

fn folder_with(spec: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("spec.toml");
    std::fs::write(&path, spec).expect("writes");
    (folder, path)
}

fn command(spec: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_breakmywork-worker"));
    command.arg("train").arg(spec).args(arguments);
    command
}

fn train(spec: &Path, arguments: &[&str]) -> Output {
    command(spec, arguments).output().expect("runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// The lines of `--json`; each must be an object.
fn lines(output: &Output) -> Vec<Value> {
    let text = text(&output.stdout);
    let parse = |line| serde_json::from_str(line).expect("stdout carries only JSON lines");
    text.lines().map(parse).collect()
}

#[test]
fn all_arms_and_seeds_end_in_a_table_and_the_verdict() {
    let (folder, spec) = folder_with(SPEC);
    let report = folder.path().join("report.json");
    let output = train(&spec, &["--out", &report.to_string_lossy()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    for row in [
        "arm    seed  test_mse",
        "fixed  1  ",
        "fresh  6  ",
        "fixed  mean",
    ] {
        assert!(table.contains(row), "{row} is not in\n{table}");
    }
    let report: Value =
        serde_json::from_slice(&std::fs::read(report).expect("a report")).expect("JSON");
    assert_eq!(report["runs"].as_array().map(Vec::len), Some(12));
    let explanation = report["verdict"]["explanation"]
        .as_str()
        .expect("a verdict");
    assert!(table.contains(explanation), "{table}");
    assert!(report["runs"][0]["result"]["treatment"]["verified"] == true);
}

/// Each arm tries three learning rates on two seeds after those that are compared, and is compared with what it chose.
#[test]
fn a_tuned_specification_is_tuned_before_it_is_compared() {
    let tuning = "[tuning]\nsearch = \"grid\"\nseeds = 2\n[[tuning.fields]]\nfield = \"training.learning_rate\"\n\
                  values = [1e-8, 0.01, 1e-7]\n";
    let (folder, spec) = folder_with(&format!("{SPEC}{tuning}"));
    let report = folder.path().join("report.json");
    let output = train(&spec, &["--json", "--out", &report.to_string_lossy()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let lines = lines(&output);
    let results: Vec<&Value> = lines
        .iter()
        .filter(|line| line["event"] == "result")
        .collect();
    let tried = |line: &&&Value| line["trial"].is_u64();
    let seeds = |runs: Vec<&&Value>| -> Vec<u64> {
        let mut seeds: Vec<u64> = runs.iter().filter_map(|run| run["seed"].as_u64()).collect();
        seeds.dedup();
        seeds
    };
    assert_eq!(results.iter().filter(tried).count(), 12);
    assert_eq!(seeds(results.iter().filter(tried).collect()), [7, 8]);
    let compared: Vec<&&Value> = results.iter().filter(|line| !tried(line)).collect();
    assert_eq!(
        (compared.len(), seeds(compared)),
        (12, vec![1, 2, 3, 4, 5, 6])
    );
    // What barely moves learns nothing in twelve steps.
    let chosen = lines
        .iter()
        .find(|line| line["event"] == "tuned")
        .expect("one line")["chosen"]
        .clone();
    for arm in ["fixed", "fresh"] {
        assert_eq!(chosen[arm]["training.learning_rate"], 0.01, "{chosen}");
    }
    // By the best median of what each run ended with in validation.
    let best = |trial: u64| -> f64 {
        let of = results.iter().filter(|line| line["trial"] == trial);
        of.filter_map(|line| line["metrics"]["valid_mse"].as_f64())
            .sum::<f64>()
            / 2.0
    };
    assert!(
        best(2) < best(1) && best(2) < best(3) && best(5) < best(4),
        "{}",
        text(&output.stdout)
    );
    let report: Value =
        serde_json::from_slice(&std::fs::read(report).expect("a report")).expect("JSON");
    assert_eq!(report["chosen"], chosen);
    assert_eq!(report["runs"].as_array().map(Vec::len), Some(12));
    assert_eq!(report["verdict"]["pairs"].as_array().map(Vec::len), Some(6));

    // What was chosen on a seed is not compared on it.
    let refused = train(&spec, &["--seed", "7"]);
    assert_eq!(refused.status.code(), Some(10));
    assert!(
        text(&refused.stderr).contains("settings are chosen on seed 7"),
        "{}",
        text(&refused.stderr)
    );
}

#[test]
fn one_run_as_json_lines_ends_with_its_result() {
    let (_folder, spec) = folder_with(SPEC);
    let output = train(&spec, &["--arm", "fresh", "--seed", "2", "--json"]);
    assert_eq!(output.status.code(), Some(0));
    let lines = lines(&output);
    let metrics: Vec<String> = lines
        .iter()
        .filter(|line| line["event"] == "metric")
        .map(|line| {
            format!(
                "{} {}",
                line["step"],
                line["name"].as_str().expect("a name")
            )
        })
        .collect();
    let expected = [
        "5 train_loss",
        "5 valid_mse",
        "10 train_loss",
        "10 valid_mse",
        "12 train_loss",
        "12 valid_mse",
    ];
    assert_eq!(metrics, expected);
    let last = lines.last().expect("a last line");
    assert_eq!(last["event"], "result");
    assert!(
        last["metrics"]["test_mse"]
            .as_f64()
            .is_some_and(f64::is_finite)
    );
    assert!(last["treatment"]["sites"]["state"]["different_steps"].as_u64() > Some(0));
    assert_eq!(last["provenance"]["seed"], 2);
    assert_eq!(last["provenance"]["time_steps"], 12 * 4 * 6);
}

#[test]
fn every_problem_of_a_specification_is_told_with_its_place() {
    let wrong = SPEC
        .replace(
            "rate = 0.25, time = \"fixed\"",
            "rate = 1.5, time = \"fixed\"",
        )
        .replace("hidden = 4", "hiden = 4");
    let (_folder, spec) = folder_with(&wrong);
    let output = train(&spec, &["--json"]);
    assert_eq!(output.status.code(), Some(10));
    assert!(output.stdout.is_empty());
    let told = text(&output.stderr);
    assert!(told.contains("arms[0].dropout.state.rate: "), "{told}");
    assert!(
        told.contains("model.hiden: ") && told.contains("hidden"),
        "{told}"
    );
}

#[test]
fn what_is_not_there_is_told_plainly() {
    let (folder, spec) = folder_with(SPEC);
    let told = |output: Output| {
        assert_eq!(output.status.code(), Some(10));
        text(&output.stderr)
    };
    let missing = told(train(&folder.path().join("none.toml"), &[]));
    assert!(missing.contains("none.toml: No such file"), "{missing}");
    let arm = told(train(&spec, &["--arm", "nobody"]));
    assert!(
        arm.contains("there is no arm \"nobody\"; the specification has \"fixed\", \"fresh\""),
        "{arm}"
    );
    let device = told(train(&spec, &["--device", "cuda:99"]));
    assert!(device.contains("cuda:99 cannot be used"), "{device}");
}

#[test]
fn an_interrupted_call_goes_on_where_it_was_and_gives_the_same_numbers() {
    let long = SPEC
        .replace("steps = 12", "steps = 3000")
        .replace("every = 5", "every = 100");
    let (folder, spec) = folder_with(&long);
    let chosen = ["--arm", "fixed", "--seed", "1", "--json"];
    let whole = lines(&train(&spec, &chosen)).pop().expect("a result");

    let kept = folder.path().join("kept");
    let kept = kept.to_string_lossy();
    let arguments = [&chosen[..], &["--checkpoint-dir", &kept]].concat();
    let mut child = command(&spec, &arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut said = BufReader::new(child.stdout.take().expect("its output")).lines();
    while !said
        .next()
        .expect("a line")
        .expect("readable")
        .contains("valid_mse")
    {}
    let pid = Pid::from_raw(child.id().cast_signed()).expect("a process");
    kill_process(pid, Signal::INT).expect("it lives");
    let rest: Vec<String> = said.map(|line| line.expect("readable")).collect();
    assert_eq!(child.wait().expect("ends").code(), Some(13));
    assert!(
        rest.last()
            .expect("a line")
            .contains("\"event\":\"checkpoint\""),
        "{rest:?}"
    );

    let again = lines(&train(&spec, &arguments));
    let result = again.last().expect("a result");
    assert_eq!(result["metrics"], whole["metrics"]);
    assert_eq!(result["treatment"], whole["treatment"]);
    let first = again
        .iter()
        .find(|line| line["event"] == "metric")
        .expect("a metric");
    assert!(
        first["step"].as_u64() > Some(100),
        "it does not start again: {first}"
    );

    // Once it is done, it is not done again.
    let third = lines(&train(&spec, &arguments));
    assert_eq!(third.len(), 1);
    assert_eq!(third[0]["provenance"], result["provenance"]);
}

/// candle keeps a graph alive as long as anything that came from it: nothing may be left of an earlier step.
#[test]
fn memory_does_not_grow_with_the_number_of_steps() {
    let peak = |steps: &str| {
        let spec = SPEC
            .replace("steps = 12", steps)
            .replace("every = 5", "every = 20")
            .replace("length = 6", "length = 60")
            .replace("batch = 4", "batch = 32")
            .replace("hidden = 4", "hidden = 16");
        let (_folder, path) = folder_with(&spec);
        let output = train(&path, &["--arm", "fixed", "--seed", "1", "--json"]);
        let last = lines(&output).pop().expect("a result");
        last["provenance"]["peak_memory_bytes"]
            .as_u64()
            .expect("Linux tells")
    };
    let (few, many) = (peak("steps = 20"), peak("steps = 320"));
    assert!(
        many < few + (8 << 20),
        "{few} bytes after 20 steps, {many} after 320"
    );
}
