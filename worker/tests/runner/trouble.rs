//! A worker whose machine is in trouble: what it costs the runs (nothing), what it says, and how it comes back.

use crate::board::{self, ENDLESS, QUICK, SLOW};
use crate::data_sets::Place;
use crate::server::over_rest;
use crate::{CHECKPOINTS, CONCLUDED, LEASE, Worker, text, timing, until};
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::jobs;
use rustix::process::{Signal, kill_process};
use sqlx::PgPool;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const STEPS: &str = "select count(*) from run_lease where step > 0";
const SUCCEEDED: &str = "select count(*) from run where state = 'succeeded'";
/// What all runs have cost so far.
const COST: &str = "select sum(failures) || ' ' || sum(losses) from run";

async fn set(pool: &PgPool, statements: &'static str) {
    sqlx::raw_sql(statements).execute(pool).await.expect("sets");
}

/// A build or a package upgrade puts a new file under the old name.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_worker_whose_program_is_replaced_goes_on_with_the_one_it_is(pool: PgPool) {
    let url = board::url(&pool).await;
    let place = tempfile::tempdir().expect("a folder");
    let program = place.path().join("breakmywork-worker");
    std::fs::copy(env!("CARGO_BIN_EXE_breakmywork-worker"), &program).expect("copies");
    let mut worker = Worker::start_program(
        &program,
        &url,
        &place.path().join("c"),
        &["--idle-exit", "5"],
    );
    until(&pool, "select count(*) from worker", 1).await;
    let other = place.path().join("new");
    std::fs::write(&other, "not a program").expect("writes");
    std::fs::rename(&other, &program).expect("replaces");
    board::registered(&pool, QUICK).await;
    until(&pool, CONCLUDED, 1).await;
    assert_eq!(worker.wait().code(), Some(0));
    assert_eq!(text(&pool, COST).await, "0 0");
    let states = text(&pool, "select string_agg(distinct state, ',') from run").await;
    assert_eq!(states, "succeeded");
}

/// A folder in which nothing can be written: as full as a disk can be, or, where nothing may be mounted here, one in
/// which a file stands in the place of each run's folder.
struct SickDisk {
    place: tempfile::TempDir,
    mounted: bool,
}

impl SickDisk {
    fn new() -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4k", "tmpfs"])
            .arg(place.path())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        Self { place, mounted }
    }

    fn path(&self) -> &Path {
        self.place.path()
    }

    async fn fill(&self, pool: &PgPool) {
        if self.mounted {
            return;
        }
        let runs: Vec<i64> = sqlx::query_scalar("select id from run")
            .fetch_all(pool)
            .await
            .expect("runs");
        for run in runs {
            std::fs::write(self.path().join(format!("run-{run}")), "").expect("writes");
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.path().to_owned()];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path)
                } else {
                    files.push(path)
                }
            }
        }
        files.retain(|file| file.metadata().is_ok_and(|metadata| metadata.len() > 0));
        files
    }
}

impl Drop for SickDisk {
    fn drop(&mut self) {
        if self.mounted {
            let _ = Command::new("umount")
                .arg("-l")
                .arg(self.place.path())
                .status();
        }
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn on_a_full_disk_training_goes_on_without_checkpoints_and_says_so(pool: PgPool) {
    let url = board::url(&pool).await;
    let disk = SickDisk::new();
    // Longer than a worker keeps to itself what is wrong, however fast the machine.
    board::registered(&pool, 3 * SLOW).await;
    disk.fill(&pool).await;
    let mut worker = Worker::start(&url, disk.path(), &["--max-runs", "1"]);
    until(
        &pool,
        "select count(*) from worker where takes and trouble like 'Checkpoints cannot be written (%'",
        1,
    )
    .await;
    assert_eq!(worker.wait().code(), Some(0));
    until(&pool, SUCCEEDED, 1).await;
    assert_eq!(text(&pool, COST).await, "0 0");
    assert_eq!(
        disk.files(),
        Vec::<PathBuf>::new(),
        "half a checkpoint is left"
    );
    let told = text(&pool, "select trouble from worker").await;
    assert!(
        !told.contains('/') || told.contains("--checkpoint-dir"),
        "{told}"
    );
    assert!(!told.contains(&disk.path().display().to_string()), "{told}");

    // Handed back without a checkpoint, it is handed back all the same.
    let mut next = Worker::start(&url, disk.path(), &[]);
    until(&pool, STEPS, 1).await;
    next.signal(Signal::TERM);
    assert_eq!(next.wait().code(), Some(0));
    until(
        &pool,
        "select count(*) from run_attempt where outcome = 'preempted'",
        1,
    )
    .await;
    assert_eq!(text(&pool, COST).await, "0 0");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn with_damaged_data_a_worker_stops_taking_says_why_and_comes_back(pool: PgPool) {
    let url = board::url(&pool).await;
    let place = Place::new();
    place.import("abc");
    let file = place.data_sets().join("sample/1/train.txt");
    let whole = std::fs::read(&file).expect("the data");
    let mut damaged = whole.clone();
    damaged[0] ^= 1;
    std::fs::write(&file, &damaged).expect("damages");
    board::registered_on_data(&pool).await;
    let _worker = Worker::start(&url, &place.checkpoints(), &[&place.flag()]);
    until(&pool, "select count(*) from worker where not takes", 1).await;
    let told = text(&pool, "select trouble from worker").await;
    assert!(
        told.contains("sample@1 is damaged on this worker's machine"),
        "{told}"
    );
    assert!(
        !told.contains(&place.data_sets().display().to_string()),
        "{told}"
    );
    let public = text(
        &pool,
        "select string_agg(distinct error, ' ') from run_attempt",
    )
    .await;
    assert!(
        !public.contains(&place.data_sets().display().to_string()),
        "{public}"
    );
    assert_eq!(text(&pool, COST).await, "0 0");
    let outcomes = text(
        &pool,
        "select string_agg(distinct outcome, ',') from run_attempt",
    )
    .await;
    assert_eq!(outcomes, "unable");
    // Three, and then one at a time.
    let attempts = "select count(*)::text from run_attempt";
    assert!(text(&pool, attempts).await.parse::<u32>().expect("a count") < 8);

    std::fs::write(&file, &whole).expect("mends");
    until(&pool, CONCLUDED, 1).await;
    until(
        &pool,
        "select count(*) from worker where takes and trouble is null",
        1,
    )
    .await;
    assert_eq!(text(&pool, COST).await, "0 0");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_measurement_that_takes_longer_than_the_limit_of_silence_is_no_silence(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, QUICK).await;
    set(
        &pool,
        "update run set plan = jsonb_set(plan, '{evaluation}', plan -> 'evaluation' || '{\"samples\": 300, \"sequences\": 10000}')",
    )
    .await;
    let measuring = "select count(*) from run_lease where step = 10 and taken_at < now() - interval '3 seconds'";
    let mut worker = Worker::start(
        &url,
        store.path(),
        &["--max-runs", "1", "--stall-seconds", "2"],
    );
    until(&pool, measuring, 1).await;
    // The ten steps are done long before that, so what the board hears then are signs of the measurement.
    let heard = "select count(*) from run_lease where step = 10 and progress_at > taken_at + interval '3 seconds'";
    until(&pool, heard, 1).await;
    assert_eq!(worker.wait().code(), Some(0));
    until(&pool, SUCCEEDED, 1).await;
    assert_eq!(text(&pool, COST).await, "0 0");

    // A measurement hears that it should stop.
    let mut next = Worker::start(&url, store.path(), &[]);
    until(&pool, measuring, 1).await;
    let asked = Instant::now();
    next.signal(Signal::TERM);
    assert_eq!(next.wait().code(), Some(0));
    assert!(
        asked.elapsed() < Duration::from_secs(15),
        "{:?}",
        asked.elapsed()
    );
    until(
        &pool,
        "select count(*) from run_checkpoint where step = 10",
        1,
    )
    .await;
    let outcomes = text(
        &pool,
        "select string_agg(outcome, ' ' order by started_at) from run_attempt",
    )
    .await;
    assert_eq!(outcomes, "succeeded preempted");
}

/// Writes the checkpoint anew without one of its tensors, as a version that kept other things might have.
async fn spoil(pool: &PgPool, root: &Path) -> (i64, i32) {
    let (run, step, key): (i64, i32, String) = sqlx::query_as(
        "select run_id, step, object_key from run_checkpoint order by step desc limit 1",
    )
    .fetch_one(pool)
    .await
    .expect("a checkpoint");
    let path = root.join(&key);
    let bytes = std::fs::read(&path).expect("reads");
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).expect("a header");
    let whole = safetensors::SafeTensors::deserialize(&bytes).expect("whole");
    let mut tensors = whole.tensors();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    tensors.remove(0);
    safetensors::serialize_to_file(tensors, header.metadata().clone(), &path).expect("writes");
    sqlx::query("update run_checkpoint set sha256 = $1 where object_key = $2")
        .bind(breakmywork_protocol::checkpoint_files::sha256(&path).expect("reads"))
        .bind(&key)
        .execute(pool)
        .await
        .expect("sets");
    (run, step)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_checkpoint_that_cannot_be_loaded_is_passed_over_for_an_older_one(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, SLOW).await;
    let mut first = Worker::start(&url, store.path(), &[]);
    until(&pool, CHECKPOINTS, 2).await;
    first.signal(Signal::TERM);
    assert_eq!(first.wait().code(), Some(0));
    let (_, step) = spoil(&pool, store.path()).await;
    let mut second = Worker::start(&url, store.path(), &["--once"]);
    assert_eq!(second.wait().code(), Some(0));
    assert_eq!(text(&pool, COST).await, "0 0");
    let marked = text(
        &pool,
        "select string_agg(step::text, ' ') from run_checkpoint where unusable_at is not null",
    )
    .await;
    assert_eq!(marked, step.to_string());
    let resumed: i32 = sqlx::query_scalar("select resumed_from from run_attempt where epoch = 2")
        .fetch_one(&pool)
        .await
        .expect("from an older one");
    assert!(resumed > 0 && resumed < step, "{resumed}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn checkpoints_of_ended_runs_are_swept_away_and_no_others(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, QUICK).await;
    set(
        &pool,
        "update run set state = 'failed', failure = 'lost', error = 'e', finished_at = now() where id = (select min(id) from run);
         update queue_control set paused_at = now(), pause_reason = 'r'",
    )
    .await;
    let runs: Vec<i64> = sqlx::query_scalar("select id from run order by id limit 2")
        .fetch_all(&pool)
        .await
        .expect("runs");
    let folder = |run: i64| store.path().join(format!("run-{run}"));
    for run in [runs[0], runs[1], 1_000_000] {
        std::fs::create_dir_all(folder(run).join("epoch-1")).expect("makes");
    }
    let _worker = Worker::start(&url, store.path(), &[]);
    let started = Instant::now();
    while folder(runs[0]).exists() {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "it is still there"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(folder(runs[1]).exists(), "it waits");
    assert!(folder(1_000_000).exists(), "nobody knows whose it is");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_worker_takes_nothing_while_program_and_database_do_not_fit(pool: PgPool) {
    if over_rest() {
        // The server does not start then.
        return;
    }
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, QUICK).await;
    set(
        &pool,
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (20990101000000, 'later', true, '', 0)",
    )
    .await;
    let output = Command::new(env!("CARGO_BIN_EXE_breakmywork-worker"))
        .arg("--checkpoint-dir")
        .arg(store.path())
        .env("DATABASE_URL", &url)
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(10));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("newer than this program"), "{said}");

    set(
        &pool,
        "delete from _sqlx_migrations where version = 20990101000000;
         create table kept as select * from _sqlx_migrations order by version desc limit 1;
         delete from _sqlx_migrations where version in (select version from kept)",
    )
    .await;
    let _worker = Worker::start(&url, store.path(), &[]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(text(&pool, "select count(*)::text from worker").await, "0");
    set(&pool, "insert into _sqlx_migrations select * from kept").await;
    until(&pool, CONCLUDED, 1).await;
}

/// As after an older copy of the database was restored under it.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_worker_that_the_board_forgot_registers_again(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    let _worker = Worker::start(&url, store.path(), &[]);
    until(&pool, "select count(*) from worker", 1).await;
    set(&pool, "delete from worker_data_set; delete from worker").await;
    board::registered(&pool, QUICK).await;
    until(&pool, CONCLUDED, 1).await;
}

/// What stands between the take and the training may take long: here a checkpoint on a disk that does not answer.
#[sqlx::test(migrator = "MIGRATOR")]
async fn the_heart_beats_while_a_checkpoint_is_read(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    let pipe = store.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("runs");
    assert!(made.success());
    board::registered(&pool, QUICK).await;
    set(
        &pool,
        "insert into worker (id, host, device, version) values ('00000000-0000-4000-8000-000000000009', 'h', 'cpu', '0');
         update run set epoch = 1 where id = (select min(id) from run);
         insert into run_attempt (run_id, epoch, worker_id, ended_at, outcome)
           select min(id), 1, '00000000-0000-4000-8000-000000000009', now(), 'lost' from run;
         insert into run_checkpoint (run_id, epoch, step, object_key, bytes, sha256)
           select min(id), 1, 5, 'pipe', 1, repeat('0', 64) from run",
    )
    .await;
    let mut worker = Worker::start(&url, store.path(), &["--once"]);
    until(&pool, "select count(*) from run_lease", 1).await;
    let held = Duration::from_secs(u64::from(LEASE.unsigned_abs()) + 2);
    tokio::time::sleep(held).await;
    assert_eq!(jobs::reap(&pool, timing()).await.expect("reaps").lost, 0);
    // Somebody answers at last: nothing.
    tokio::task::spawn_blocking(move || std::fs::write(pipe, ""))
        .await
        .expect("runs")
        .expect("writes");
    assert_eq!(worker.wait().code(), Some(0));
    until(&pool, SUCCEEDED, 1).await;
}

/// When a supervisor is killed, the kernel sends its signal once for each of its threads.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_signal_that_comes_twice_at_once_is_one(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, ENDLESS).await;
    let mut worker = Worker::start(&url, store.path(), &[]);
    until(&pool, STEPS, 1).await;
    for _ in 0..3 {
        worker.signal(Signal::TERM);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(worker.wait().code(), Some(0));
    until(
        &pool,
        "select count(*) from run_attempt where outcome = 'preempted'",
        1,
    )
    .await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_stopped_worker_does_not_wait_for_ever_for_a_database_that_is_gone(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, ENDLESS).await;
    let mut worker = Worker::start(&url, store.path(), &[]);
    until(&pool, STEPS, 1).await;
    let name = text(&pool, "select current_database()::text").await;
    let gate = board::gate(&url).await;
    board::close(&gate, &name).await;
    worker.signal(Signal::TERM);
    let asked = Instant::now();
    worker.wait();
    let longest = Duration::from_secs(u64::from(LEASE.unsigned_abs()) + 40);
    assert!(asked.elapsed() < longest, "{:?}", asked.elapsed());
    board::open(&gate, &name).await;
}

#[test]
fn an_address_that_is_none_is_told_at_once() {
    let output = Command::new(env!("CARGO_BIN_EXE_breakmywork-worker"))
        .args(["--database-url", "mysql://nobody@nowhere/x", "--once"])
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(10));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("--database-url cannot be used"), "{said}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_trainer_is_held_to_the_memory_that_its_plan_should_need(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, ENDLESS).await;
    let worker = Worker::start(&url, store.path(), &[]);
    until(&pool, STEPS, 1).await;
    let pid = worker.trainers()[0].as_raw_nonzero();
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).expect("Linux");
    let data = limits
        .lines()
        .find(|line| line.starts_with("Max data size"))
        .expect("a line");
    let most: u64 = data
        .split_whitespace()
        .nth(3)
        .and_then(|word| word.parse().ok())
        .expect("a limit");
    assert!(most < 4_000_000_000, "{data}");
    drop(worker);

    // Under less than it needs it ends, and the reason is told as what it is.
    set(&pool, "update run set plan = jsonb_set(jsonb_set(plan, '{model,hidden}', '512'), '{training,batch}', '256'), state = 'queued' where state <> 'queued';
                delete from run_lease; update run_attempt set ended_at = now(), outcome = 'lost'").await;
    let script = format!(
        "ulimit -d 150000; exec {} --once --checkpoint-dir {}",
        env!("CARGO_BIN_EXE_breakmywork-worker"),
        store.path().display()
    );
    let status = Command::new("sh")
        .args(["-c", &script])
        .env("DATABASE_URL", &url)
        .status()
        .expect("runs");
    assert_eq!(status.code(), Some(10));
    let why = text(
        &pool,
        "select failure || ': ' || error from run where state = 'failed'",
    )
    .await;
    assert!(
        why.starts_with("out_of_memory: The run took much more memory"),
        "{why}"
    );
}

/// The kernel's way when memory is short.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_worker_whose_trainers_are_killed_stops_taking_for_a_while(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, ENDLESS).await;
    let worker = Worker::start(&url, store.path(), &[]);
    for killed in 1..=3 {
        until(&pool, STEPS, 1).await;
        kill_process(worker.trainers()[0], Signal::KILL).expect("it lives");
        while text(
            &pool,
            "select count(*)::text from run_attempt where outcome = 'lost'",
        )
        .await
            != killed.to_string()
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    until(
        &pool,
        "select count(*) from worker where not takes and trouble like '%was killed%'",
        1,
    )
    .await;
    assert_eq!(text(&pool, COST).await, "0 3");
    // By itself it tries again.
    until(&pool, STEPS, 1).await;
}
