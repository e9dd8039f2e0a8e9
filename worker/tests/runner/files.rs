//! Machines that share no folder: what one of them trained the other goes on from, by way of the board.

use crate::board::{self, ENDLESS, SLOW};
use crate::server::{self, Server, over_rest};
use crate::{CHECKPOINTS, Worker, loses_its_lease, text, until};
use breakmywork_protocol::db::MIGRATOR;
use rustix::process::Signal;
use sqlx::PgPool;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// Of the attempts of the run that was taken first: outcome, and whether it went on from somewhere.
const ATTEMPTS: &str = "select string_agg(coalesce(outcome, 'goes on') || ':' || (resumed_from is not null)::text, ' ' order by epoch)
     from run_attempt where run_id = (select run_id from run_attempt order by started_at limit 1)";

/// Steps of the furthest registered checkpoint, and from where the second attempt went on.
const FURTHEST: &str = "select (select max(step) from run_checkpoint where epoch = 1) || ' ' || resumed_from from run_attempt
     where epoch = 2";

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A machine of its own that knows this board.
fn machine(board: &Server, url: &str, store: &TempDir, arguments: &[&str]) -> Worker {
    Worker::with_token(&board.address, &server::token(url), store.path(), arguments)
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path.display().to_string()),
        }
    }
    found
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_killed_machines_run_goes_on_elsewhere(pool: PgPool) {
    if !over_rest() {
        return;
    }
    let url = board::url(&pool).await;
    board::registered(&pool, SLOW).await;
    let board = Server::start(&url);
    let store = folder();
    let mut first = machine(&board, &url, &store, &[]);
    until(&pool, CHECKPOINTS, 4).await;
    first.signal(Signal::KILL);
    first.wait();
    drop(store);
    let kept = files(board.files.path());
    assert!(
        (1..=3).contains(&kept.len()),
        "two, and a part of one: {kept:?}"
    );
    loses_its_lease(&pool).await;

    let store = folder();
    let mut second = machine(&board, &url, &store, &["--max-runs", "1"]);
    assert_eq!(second.wait().code(), Some(0));
    assert_eq!(text(&pool, ATTEMPTS).await, "lost:false succeeded:true");
    assert_eq!(
        files(store.path()),
        Vec::<String>::new(),
        "the run has ended"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_terminated_machine_sends_its_last_step_before_it_hands_back(pool: PgPool) {
    if !over_rest() {
        return;
    }
    let url = board::url(&pool).await;
    board::registered(&pool, ENDLESS).await;
    let board = Server::start(&url);
    let store = folder();
    let mut first = machine(&board, &url, &store, &[]);
    until(&pool, CHECKPOINTS, 1).await;
    first.signal(Signal::TERM);
    assert_eq!(first.wait().code(), Some(0));
    drop(store);

    // One of the board's own, beside the server and its folder.
    let mut command = Command::new(env!("CARGO_BIN_EXE_breakmywork-worker"));
    command.env("DATABASE_URL", &url);
    let second = Worker::spawn(command, board.files.path(), &[], None);
    let resumed = "select count(*) from run_attempt where epoch = 2 and resumed_from is not null";
    until(&pool, resumed, 1).await;
    assert_eq!(text(&pool, ATTEMPTS).await, "preempted:false goes on:true");
    let steps = text(&pool, FURTHEST).await;
    let (last, from) = steps.split_once(' ').expect("two");
    assert_eq!(last, from, "no step is done twice");
    drop(second);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_board_that_cannot_keep_files_stops_nothing(pool: PgPool) {
    if !over_rest() {
        return;
    }
    let url = board::url(&pool).await;
    board::registered(&pool, SLOW).await;
    let taken = folder();
    fs::write(taken.path().join("taken"), "no folder").expect("writes");
    let board = Server::keeping(&url, Arc::new(taken), "taken/store");
    let store = folder();
    let mut worker = machine(&board, &url, &store, &["--max-runs", "1"]);
    assert_eq!(worker.wait().code(), Some(0));
    assert_eq!(text(&pool, ATTEMPTS).await, "succeeded:false");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_file_that_is_damaged_on_the_board_is_not_gone_on_from(pool: PgPool) {
    if !over_rest() {
        return;
    }
    let url = board::url(&pool).await;
    board::registered(&pool, SLOW).await;
    let board = Server::start(&url);
    let store = folder();
    let mut first = machine(&board, &url, &store, &[]);
    until(&pool, CHECKPOINTS, 2).await;
    first.signal(Signal::TERM);
    first.wait();
    let kept = files(board.files.path());
    for path in &kept {
        let mut bytes = fs::read(path).expect("reads");
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(path, bytes).expect("writes");
    }
    let elsewhere = folder();
    let mut second = machine(&board, &url, &elsewhere, &["--max-runs", "1"]);
    assert_eq!(second.wait().code(), Some(0));
    assert_eq!(
        text(&pool, ATTEMPTS).await,
        "preempted:false succeeded:false"
    );
}
