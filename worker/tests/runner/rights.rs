//! What a trainer is given of its worker, and what it is held to.

use crate::board::{self, ENDLESS, SLOW};
use crate::{Worker, text, until};
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

const STEPS: &str = "select count(*) from run_lease where step > 0";

/// The numbers of a limit, the soft one and the hard one.
fn limit(pid: i32, name: &str) -> (u64, u64) {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).expect("Linux");
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .expect("a limit");
    let mut words = line
        .split_whitespace()
        .map(|word| word.parse().unwrap_or(u64::MAX));
    (words.next().expect("soft"), words.next().expect("hard"))
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_trainer_has_no_secret_no_network_and_an_end(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, ENDLESS).await;
    let worker = Worker::start_with(&url, store.path(), &[], &[("AWS_SECRET_ACCESS_KEY", "x")]);
    until(&pool, STEPS, 1).await;
    let pid = worker.trainers()[0].as_raw_nonzero().get();

    let environment = std::fs::read(format!("/proc/{pid}/environ")).expect("it is ours");
    let environment = String::from_utf8(environment).expect("text");
    let variables = environment
        .split_terminator('\0')
        .filter_map(|entry| entry.split_once('='));
    let mut variables: BTreeMap<&str, &str> = variables.collect();
    // Set on some machines alone.
    variables.remove("LD_LIBRARY_PATH");
    variables.remove("RUST_BACKTRACE");
    let expected = BTreeMap::from([
        ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"),
        ("RAYON_NUM_THREADS", "1"),
        ("RUST_LOG", "warn"),
    ]);
    assert_eq!(variables, expected);

    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux");
    for line in ["Seccomp:\t2", "NoNewPrivs:\t1"] {
        assert!(status.contains(line), "{line} is missing in {status}");
    }
    assert_eq!(limit(pid, "Max core file size").0, 1);
    let (soft, hard) = limit(pid, "Max cpu time");
    assert!(
        soft > 900 && soft + 5 == hard && hard < 1_000_000,
        "{soft} {hard}"
    );
    assert!(limit(pid, "Max data size").1 < 4_000_000_000);
    assert!(limit(pid, "Max file size").1 < 200_000_000);
}

/// Runs a worker for one run, under limits that the shell sets.
fn under(limits: &str, url: &str, store: &Path) -> ExitStatus {
    let script = format!(
        "{limits}; exec {} --once --checkpoint-every 0.2 --checkpoint-dir {}",
        env!("CARGO_BIN_EXE_breakmywork-worker"),
        store.display()
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]).env("DATABASE_URL", url);
    // Its log would count where it goes to a file.
    command.stderr(Stdio::null()).status().expect("runs")
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_run_out_of_processor_time_is_stopped_and_told(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, ENDLESS).await;
    assert_eq!(under("ulimit -t 8", &url, store.path()).code(), Some(11));
    let end = text(&pool, "select outcome || ': ' || error from run_attempt").await;
    assert!(
        end.starts_with("failed: The run took more than ten times the processor time"),
        "{end}"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_checkpoint_that_would_be_too_large_is_not_written_and_stops_nothing(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, SLOW).await;
    assert_eq!(under("ulimit -f 1", &url, store.path()).code(), Some(0));
    let end = text(&pool, "select outcome from run_attempt").await;
    assert_eq!(end, "succeeded");
    until(&pool, "select 1 - count(*) from run_checkpoint", 1).await;
}
