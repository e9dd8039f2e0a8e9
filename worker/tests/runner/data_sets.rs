//! Workers and the data sets that they have.

use crate::{CONCLUDED, Worker, board, text, until};
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::jobs::{self, Offer};
use sqlx::PgPool;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use tempfile::TempDir;

/// A folder for checkpoints and one for data sets.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn checkpoints(&self) -> PathBuf {
        self.0.path().join("checkpoints")
    }

    pub(crate) fn data_sets(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// The flag that names the data folder, for [`Worker::start`].
    pub(crate) fn flag(&self) -> String {
        format!("--data-sets={}", self.data_sets().display())
    }

    /// Imports a text of that word over and over as `sample`.
    pub(crate) fn import(&self, word: &str) {
        let file = self.0.path().join("sample.txt");
        let line = format!("{word} {word} {word}\n");
        std::fs::write(&file, line.repeat(100)).expect("writes");
        let output = run(&["data", "import", "sample"], &file, &self.data_sets());
        assert!(output.status.success(), "{output:?}");
    }
}

fn run(words: &[&str], file: &Path, data_sets: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_breakmywork-worker"))
        .args(words)
        .arg(file)
        .arg("--data-sets")
        .arg(data_sets)
        .output()
        .expect("runs")
}

const WORKERS: &str = "select count(*) from worker";

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_data_set_that_is_imported_while_a_worker_waits_is_trained_on(pool: PgPool) {
    let url = board::url(&pool).await;
    let place = Place::new();
    board::registered_on_data(&pool).await;
    let _worker = Worker::start(&url, &place.checkpoints(), &[&place.flag()]);
    until(&pool, WORKERS, 1).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let taken = text(&pool, "select count(*)::text from run where epoch > 0").await;
    assert_eq!(taken, "0", "it has no data set");

    place.import("abc");
    until(&pool, CONCLUDED, 1).await;
    let row = text(
        &pool,
        "select string_agg(distinct state || ' ' || (result -> 'provenance' ->> 'data_set') || ' '
                           || (result -> 'provenance' ->> 'data_sha256' = d.sha256), ',')
         from run join data_set d on d.name = run.data_set",
    )
    .await;
    assert_eq!(row, "succeeded sample@1 true");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_worker_with_another_content_takes_nothing_and_says_why(pool: PgPool) {
    let url = board::url(&pool).await;
    let place = Place::new();
    board::registered_on_data(&pool).await;
    let first = uuid::Uuid::new_v4();
    jobs::register_worker(&pool, first, "first", "cpu", "0", 1)
        .await
        .expect("registers");
    let offer = Offer {
        data_set: "sample@1".parse().expect("a name"),
        sha256: "a".repeat(64),
    };
    jobs::offer(&pool, first, &[offer]).await.expect("offers");
    place.import("abc");
    let output = Command::new(env!("CARGO_BIN_EXE_breakmywork-worker"))
        .args(["--once", &place.flag(), "--checkpoint-dir"])
        .arg(place.checkpoints())
        .env("DATABASE_URL", &url)
        .env("RUST_LOG", "warn")
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("sample@1 has another content here"), "{said}");
    let states = text(&pool, "select string_agg(distinct state, ',') from run").await;
    assert_eq!(states, "queued");
}
