//! `reproduce`, as a person uses it against a board whose experiment a worker has trained.

use crate::board::{self, QUICK};
use crate::data_sets::Place;
use crate::server::{Server, over_rest};
use crate::{CONCLUDED, Worker, text, until};
use breakmywork_protocol::db::MIGRATOR;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use std::path::Path;
use std::process::{Command, Output};

fn reproduce(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_breakmywork-worker"))
        .arg("reproduce")
        .args(words)
        .env_remove("DATABASE_URL")
        .env_remove("BREAKMYWORK_TOKEN")
        .output()
        .expect("runs")
}

/// What it said, if it ended with that code.
fn said(output: &Output, code: i32) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    (out, err)
}

fn get(url: &str) -> Vec<u8> {
    let mut answer = ureq::get(url).call().expect("an answer");
    answer.body_mut().read_to_vec().expect("a body")
}

fn write(path: &Path, value: &Value) {
    std::fs::write(path, value.to_string()).expect("writes");
}

/// A token of somebody who may report.
async fn member(pool: &PgPool, name: &str) -> String {
    let token = format!("bmw_{}", uuid::Uuid::new_v4().simple());
    sqlx::query(
        "with somebody as (insert into account (name, password_hash) values ($1, 'x') returning id)
         insert into api_token (account_id, label, token_hash, scopes, expires_at)
         select id, 'mine', $2, array['read', 'propose'], now() + interval '1 day' from somebody",
    )
    .bind(name)
    .bind(Sha256::digest(&token).to_vec())
    .execute(pool)
    .await
    .expect("makes");
    token
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_a_worker_came_to_is_identical_here_and_a_changed_number_is_named(pool: PgPool) {
    if !over_rest() {
        return;
    }
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, QUICK).await;
    let server = Server::start(&url);
    let page = format!("{}/experiments/1", server.address);
    let (_, err) = said(&reproduce(&[&page]), 2);
    assert!(
        err.contains("experiment 1 is registered: there is nothing to compare"),
        "{err}"
    );

    let _worker = Worker::start(&url, store.path(), &[]);
    until(&pool, CONCLUDED, 1).await;
    let (out, err) = said(&reproduce(&[&page]), 0);
    assert!(
        err.contains("training 6 runs of 12 (--seeds all for every one) again, about "),
        "{err}"
    );
    for words in [
        "arm    seed ",
        "test_mse",
        "  0           identical",
        "on the board: ",
        "here:         ",
        "Identical: all 6 runs have the board's numbers to the last bit.",
    ] {
        assert!(out.contains(words), "{words} is not in\n{out}");
    }

    // One run by its own address, with more threads: as near as that allows, or the same.
    let (run, arm, seed): (i64, String, i64) =
        sqlx::query_as("select id, arm, seed from run order by id limit 1")
            .fetch_one(&pool)
            .await
            .expect("a run");
    let of_run = format!("{}/api/v1/runs/{run}", server.address);
    let (out, _) = said(&reproduce(&[&of_run, "--threads", "2", "--json"]), 0);
    let told: Value = serde_json::from_str(&out).expect("one line");
    assert_eq!(
        (
            told["runs"][0]["run"].as_i64(),
            told["here"]["threads"].as_i64()
        ),
        (Some(run), Some(2))
    );
    assert_eq!(told["runs"][0]["should_repeat"], false);

    // The same from files: the document and the archive.
    let file = store.path().join("reproduce.json");
    let name = file.to_string_lossy();
    let whole: Value =
        serde_json::from_slice(&get(&format!("{page}/reproduce.json"))).expect("JSON");
    write(&file, &whole);
    let number = seed.to_string();
    let one = ["--arm", arm.as_str(), "--seed", number.as_str()];
    said(&reproduce(&[&[&*name][..], &one].concat()), 0);
    let archive = store.path().join("bundle.zip");
    std::fs::write(&archive, get(&format!("{page}/bundle.zip"))).expect("writes");
    said(
        &reproduce(&[&[&*archive.to_string_lossy()][..], &one].concat()),
        0,
    );

    // A number that was changed by its last bit is found, and the run that has it is named.
    let mut changed = whole.clone();
    let number = &mut changed["runs"][0]["metrics"]["test_mse"];
    *number = f64::from_bits(number.as_f64().expect("a number").to_bits() + 1).into();
    write(&file, &changed);
    let (out, _) = said(&reproduce(&[&name, "--json", "--seeds", "1"]), 1);
    let told: Value = serde_json::from_str(&out).expect("one line");
    assert_eq!(
        (&told["word"], told["runs"].as_array().map(Vec::len)),
        (&"different".into(), Some(2))
    );
    assert_eq!(
        (&told["runs"][0]["word"], told["runs"][0]["run"].as_i64()),
        (&"different".into(), Some(run))
    );
    assert_eq!(told["runs"][1]["word"], "identical");
    let (out, _) = said(&reproduce(&[&[&*name][..], &one].concat()), 1);
    let named = format!("in run {run} ({arm}, seed {seed}) test_mse is ");
    assert!(
        out.contains(&named) && out.contains("every bit should be the same"),
        "{out}"
    );
    // Made on another machine, that much may be.
    changed["runs"][0]["provenance"]["device_name"] = "Another processor".into();
    write(&file, &changed);
    let (out, _) = said(&reproduce(&[&[&*name][..], &one].concat()), 0);
    assert!(
        out.contains("Within tolerance: the largest difference is "),
        "{out}"
    );
    said(
        &reproduce(&[&[&*name, "--tolerance", "0"][..], &one].concat()),
        1,
    );

    // What is not what was registered is not trained.
    for (place, value, why) in [
        (
            "/spec",
            Value::from("{}"),
            "these are not the bytes that were frozen",
        ),
        (
            "/runs/0/provenance/plan_sha256",
            Value::from("0"),
            "Take the release that the board has",
        ),
        (
            "/runs/0/arm",
            Value::from("x"),
            "which the specification has not",
        ),
        ("/state", Value::from("stalled"), "experiment 1 is stalled"),
        ("/shares_runs_of", Value::from(7), "Reproduce that one"),
        ("/runs", Value::Array(Vec::new()), "nothing to compare with"),
    ] {
        let mut wrong = whole.clone();
        *wrong.pointer_mut(place).expect(place) = value;
        write(&file, &wrong);
        let (_, err) = said(&reproduce(&[&name]), 2);
        assert!(err.contains(why), "{place}: {err}");
    }
    write(&file, &whole);
    for (words, why) in [
        (["--seed", "1"], "has no run with the seed 1"),
        (["--arm", "third"], "has no run of an arm \"third\""),
        (["--seeds", "0"], "give a number from 1, or `all`"),
        (["--report", "--json"], "--report needs a token"),
        (
            ["--report", "--token=bmw_0"],
            "name the board with --server",
        ),
        (
            ["--products", "bf16"],
            "a CPU multiplies in single precision",
        ),
    ] {
        let (_, err) = said(&reproduce(&[&[&*name][..], &words].concat()), 2);
        assert!(err.contains(why), "{words:?}: {err}");
    }
    let (_, err) = said(&reproduce(&["board.example.org/experiments/1"]), 2);
    assert!(err.contains("write it with https://"), "{err}");

    // What came out is reported, and stands on the page.
    let token = member(&pool, "bob").await;
    let flag = format!("--token={token}");
    let (out, _) = said(&reproduce(&[&page, "--report", &flag, "--seeds", "1"]), 0);
    assert!(
        out.contains("the board says identical") && out.contains("#reproduced"),
        "{out}"
    );
    let shown = String::from_utf8(get(&page)).expect("UTF-8");
    assert!(
        shown.contains("Trained again by 1 person: 1 identical on CPU "),
        "{shown}"
    );
    let list: Value = serde_json::from_slice(&get(&format!(
        "{}/api/v1/experiments/1/reproductions",
        server.address
    )))
    .expect("JSON");
    assert_eq!(
        (&list["items"][0]["by"], &list["items"][0]["runs"]),
        (&"bob".into(), &2.into())
    );
    let (_, err) = said(
        &reproduce(&[&page, "--report", "--token=bmw_0", "--seeds", "1"]),
        2,
    );
    assert!(err.contains("unknown or was revoked"), "{err}");
    assert_eq!(
        text(&pool, "select count(*)::text from reproduction").await,
        "1"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_was_tuned_is_trained_again_with_what_each_arm_chose(pool: PgPool) {
    if !over_rest() {
        return;
    }
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered_tuned(&pool).await;
    let server = Server::start(&url);
    let _worker = Worker::start(&url, store.path(), &["--slots", "2"]);
    until(&pool, CONCLUDED, 1).await;
    let page = format!("{}/experiments/1", server.address);
    let (out, _) = said(&reproduce(&[&page, "--seeds", "1"]), 0);
    assert!(
        out.contains("Identical: all 2 runs have the board's numbers to the last bit."),
        "{out}"
    );

    let file = store.path().join("reproduce.json");
    let name = file.to_string_lossy();
    let whole: Value =
        serde_json::from_slice(&get(&format!("{page}/reproduce.json"))).expect("JSON");
    // Trials are no runs that it compares.
    assert_eq!(whole["runs"].as_array().map(Vec::len), Some(12));
    let chosen = "/chosen/fixed/training.learning_rate";
    assert_eq!(whole.pointer(chosen), Some(&0.01.into()), "{whole}");
    let mut other = whole.clone();
    *other.pointer_mut(chosen).expect("chosen") = 1e-8.into();
    write(&file, &other);
    let (_, err) = said(&reproduce(&[&name, "--arm", "fixed"]), 2);
    assert!(err.contains("Take the release that the board has"), "{err}");
    let mut silent = whole;
    silent["chosen"] = serde_json::json!({});
    write(&file, &silent);
    let (_, err) = said(&reproduce(&[&name]), 2);
    assert!(
        err.contains("it is not said what the arm \"fixed\" chose"),
        "{err}"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn without_the_data_of_the_runs_nothing_is_trained_and_the_command_is_told(pool: PgPool) {
    if !over_rest() {
        return;
    }
    let url = board::url(&pool).await;
    let place = Place::new();
    board::registered_on_data(&pool).await;
    place.import("abc");
    let server = Server::start(&url);
    let _worker = Worker::start(&url, &place.checkpoints(), &[&place.flag()]);
    until(&pool, CONCLUDED, 1).await;
    let page = format!("{}/experiments/1", server.address);
    let (out, _) = said(&reproduce(&[&page, "--seeds", "1", &place.flag()]), 0);
    assert!(
        out.contains("test_bits") && out.contains("Identical"),
        "{out}"
    );
    let elsewhere = Place::new();
    let (_, err) = said(&reproduce(&[&page, &elsewhere.flag()]), 2);
    let command = format!(
        "breakmywork-worker data import sample FILE --data-sets {}",
        elsewhere.data_sets().display()
    );
    assert!(
        err.contains("is not here. Bring it with") && err.contains(&command),
        "{err}"
    );
    elsewhere.import("xyz");
    let (_, err) = said(&reproduce(&[&page, &elsewhere.flag()]), 2);
    assert!(err.contains("another content under the same name"), "{err}");
}
