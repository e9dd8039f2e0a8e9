//! What a token is to a worker that has nothing else.

use crate::board::{self, ENDLESS, QUICK};
use crate::front::Authority;
use crate::server::{self, Server, over_rest};
use crate::{Worker, text, until};
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

const STEPS: &str = "select count(*) from run_lease where step > 0";

/// Runs a worker to its end with these arguments alone.
fn run(arguments: &[&str], store: &tempfile::TempDir) -> Output {
    Command::new(env!("CARGO_BIN_EXE_breakmywork-worker"))
        .args(arguments)
        .arg("--checkpoint-dir")
        .arg(store.path())
        .env_remove("DATABASE_URL")
        .output()
        .expect("runs")
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_worker_whose_token_is_revoked_stops_at_once_and_writes_nothing_more(pool: PgPool) {
    if !over_rest() {
        return;
    }
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, ENDLESS).await;
    let mut worker = Worker::start(&url, store.path(), &[]);
    until(&pool, STEPS, 1).await;
    sqlx::query("update api_token set revoked_at = now()")
        .execute(&pool)
        .await
        .expect("revokes");
    assert_eq!(worker.wait().code(), Some(10));
    let left = text(
        &pool,
        "select count(*) || ' ' || (select count(*) from run_attempt where ended_at is not null) from run_lease",
    )
    .await;
    assert_eq!(left, "1 0", "the lease runs out, as a dead worker's does");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_token_is_one_worker_the_one_that_came_last(pool: PgPool) {
    if !over_rest() {
        return;
    }
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, ENDLESS).await;
    let (board, token) = (Server::start(&url), server::token(&url));
    let mut first = Worker::with_token(&board.address, &token, store.path(), &[]);
    until(&pool, STEPS, 1).await;
    let mut second = Worker::with_token(&board.address, &token, store.path(), &["--max-runs", "1"]);
    assert_eq!(first.wait().code(), Some(10), "it is no worker any more");
    until(&pool, STEPS, 2).await;
    second.signal(rustix::process::Signal::TERM);
    assert_eq!(second.wait().code(), Some(0));
}

/// A board with an authority of its own is worked for by who was told to trust it, and by nobody else.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_board_is_believed_that_has_a_certificate_of_who_is_trusted(pool: PgPool) {
    if !over_rest() {
        return;
    }
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, QUICK).await;
    let board = Server::start(&url);
    let port = board.address.rsplit(':').next();
    let port = port.and_then(|port| port.parse().ok()).expect("a port");
    let (trusted, other) = (Authority::new(), Authority::new());
    let front = trusted.front(port);
    let address = format!("https://localhost:{}", front.port);
    let token = server::token(&url);
    let token = ["--server", &address, "--once", "--token", &token];

    let file = trusted.file();
    let file = file.to_str().expect("a path");
    let output = run(&[&token[..], &["--ca-file", file]].concat(), &store);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let done = "select count(*)::text from run where state = 'succeeded'";
    assert_eq!(text(&pool, done).await, "1");

    let file = other.file();
    let mut stranger = Command::new(env!("CARGO_BIN_EXE_breakmywork-worker"))
        .args(token)
        .env("SSL_CERT_FILE", &file)
        .env_remove("DATABASE_URL")
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let log = BufReader::new(stranger.stderr.take().expect("a log"));
    let mut said = log.lines().map(|line| line.expect("reads"));
    let why = said.find(|line| line.contains("UnknownIssuer"));
    assert!(
        why.expect("it says why").contains("--ca-file"),
        "and what to do"
    );
    stranger.kill().expect("ends");
    stranger.wait().expect("has ended");

    let missing = store.path().join("none.pem");
    let missing = missing.to_str().expect("a path");
    let output = run(&[&token[..], &["--ca-file", missing]].concat(), &store);
    assert_eq!(output.status.code(), Some(10));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("No such file"), "{said}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_token_by_file_by_flag_or_a_wrong_one(pool: PgPool) {
    if !over_rest() {
        return;
    }
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, QUICK).await;
    let board = Server::start(&url);
    let file = store.path().join("token");
    let by_file = format!("--token-file={}", file.display());
    let address = ["--server", &board.address, "--once"];
    std::fs::write(&file, server::token(&url) + "\n").expect("writes");
    let output = run(&[&address[..], &[by_file.as_str()]].concat(), &store);
    assert_eq!(output.status.code(), Some(0), "{output:?}");

    for (token, why) in [
        ("bmw_0", "unknown or was revoked"),
        ("x", "the token is none"),
    ] {
        let output = run(&[&address[..], &["--token", token]].concat(), &store);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(10), "{said}");
        assert!(said.contains(why), "{said}");
    }
    let output = run(&address, &store);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("--server needs a token"), "{said}");

    let token = server::token(&url);
    let worker = Worker::with_flags(
        &["--server", &board.address, "--token", &token],
        store.path(),
    );
    until(
        &pool,
        "select count(*) from worker where stopped_at is null",
        1,
    )
    .await;
    let listed = std::fs::read(format!("/proc/{}/cmdline", worker.id())).expect("Linux");
    let listed = String::from_utf8(listed).expect("text");
    assert!(
        listed.contains("--server") && !listed.contains("bmw_"),
        "{listed}"
    );
    let done = text(
        &pool,
        "select count(*)::text from run where state = 'succeeded'",
    )
    .await;
    assert_ne!(done, "0", "the file's token was good");
}
