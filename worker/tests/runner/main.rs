//! Real workers against a real job table: to the verdict, and through everything that ends a worker.

mod board;
mod data_sets;
mod files;
#[path = "../../../tests/pages/front.rs"]
mod front;
mod outside;
mod reproduce;
mod rights;
mod search;
mod server;
mod slots;
mod trouble;

use board::{QUICK, SLOW};
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::jobs::{self, Timing};
use rustix::process::{Pid, Signal, kill_process};
use server::{Server, over_rest};
use sqlx::PgPool;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A worker process with times short enough for a test; killed when dropped.
struct Worker {
    child: Child,
    /// Where it comes over REST.
    _server: Option<Server>,
}

/// Seconds of a lease in these tests; long enough for a busy machine, short enough to wait for.
const LEASE: i32 = 3;

fn timing() -> Timing {
    Timing {
        lease_s: LEASE,
        backoff_s: 0,
        ..Timing::default()
    }
}

impl Worker {
    fn start(url: &str, store: &Path, arguments: &[&str]) -> Self {
        Self::start_with(url, store, arguments, &[])
    }

    /// With more in its environment.
    fn start_with(url: &str, store: &Path, arguments: &[&str], more: &[(&str, &str)]) -> Self {
        let program = env!("CARGO_BIN_EXE_breakmywork-worker");
        Self::launch(Path::new(program), url, store, arguments, more)
    }

    fn start_program(program: &Path, url: &str, store: &Path, arguments: &[&str]) -> Self {
        Self::launch(program, url, store, arguments, &[])
    }

    fn launch(
        program: &Path,
        url: &str,
        store: &Path,
        arguments: &[&str],
        more: &[(&str, &str)],
    ) -> Self {
        let mut command = Command::new(program);
        // Over REST it is given nothing but an address and a token.
        let server = over_rest().then(|| Server::start(url));
        match &server {
            Some(server) => command
                .args(["--server", &server.address])
                .env("BREAKMYWORK_TOKEN", server::token(url))
                .env_remove("DATABASE_URL"),
            None => command.env("DATABASE_URL", url),
        };
        command.envs(more.iter().copied());
        Self::spawn(command, store, arguments, server)
    }

    /// One of those that come over REST, with this token.
    fn with_token(address: &str, token: &str, store: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_breakmywork-worker"));
        command
            .args(["--server", address])
            .env("BREAKMYWORK_TOKEN", token)
            .env_remove("DATABASE_URL");
        Self::spawn(command, store, arguments, None)
    }

    /// One that these flags tell all.
    fn with_flags(flags: &[&str], store: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_breakmywork-worker"));
        command.env_remove("DATABASE_URL");
        Self::spawn(command, store, flags, None)
    }

    fn spawn(
        mut command: Command,
        store: &Path,
        arguments: &[&str],
        server: Option<Server>,
    ) -> Self {
        let child = command
            .args([
                "--lease-seconds",
                &LEASE.to_string(),
                "--beat-seconds",
                "0.3",
                "--poll-seconds",
                "0.1",
            ])
            .args(["--checkpoint-every", "0.2", "--backoff-seconds", "0"])
            .args(arguments)
            .arg("--checkpoint-dir")
            .arg(store)
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .spawn()
            .expect("the worker starts");
        Self {
            child,
            _server: server,
        }
    }

    fn id(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.id().cast_signed()).expect("a process");
        kill_process(pid, signal).expect("it lives");
    }

    /// The processes that train for it.
    fn trainers(&self) -> Vec<Pid> {
        let path = format!("/proc/{0}/task/{0}/children", self.id());
        let children = std::fs::read_to_string(path).expect("Linux");
        let pids = children.split_whitespace().map(|pid| pid.parse().ok());
        pids.map(|pid| pid.and_then(Pid::from_raw).expect("a process"))
            .collect()
    }

    fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("it ends")
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until a count that the query gives is at least `least`.
async fn until(pool: &PgPool, query: &'static str, least: i64) {
    let started = Instant::now();
    loop {
        let count: i64 = sqlx::query_scalar(query)
            .fetch_one(pool)
            .await
            .expect("a count");
        if count >= least {
            return;
        }
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "waited for {least} of: {query}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the one lease has run out and is taken away.
///
/// A worker that is stopped within a transaction holds its lease's row, which the reaper passes over
/// until Postgres ends the transaction (`idle_in_transaction_session_timeout`, half a minute).
async fn loses_its_lease(pool: &PgPool) {
    let started = Instant::now();
    loop {
        let reaped = jobs::reap(pool, timing()).await.expect("reaps");
        if reaped.lost == 1 {
            break;
        }
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "the lease was not taken away"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn text(pool: &PgPool, query: &'static str) -> String {
    sqlx::query_scalar(query)
        .fetch_one(pool)
        .await
        .expect("one row")
}

const CHECKPOINTS: &str = "select count(*) from run_checkpoint";
const CONCLUDED: &str = "select count(*) from experiment where state = 'concluded'";
const POSTS: &str = "select count(*) from comment where kind = 'result'";

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_worker_takes_an_experiment_to_its_verdict(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, QUICK).await;
    let mut worker = Worker::start(&url, store.path(), &["--idle-exit", "0"]);
    assert_eq!(worker.wait().code(), Some(0));
    until(&pool, CONCLUDED, 1).await;
    until(&pool, POSTS, 1).await;
    assert_eq!(
        text(&pool, "select string_agg(distinct state, ',') from run").await,
        "succeeded"
    );
    until(
        &pool,
        "select count(distinct (run_id, name)) from run_metric",
        24,
    )
    .await;
    let verified = text(
        &pool,
        "select string_agg(distinct result -> 'treatment' ->> 'verified', ',') from run",
    )
    .await;
    assert_eq!(verified, "true");
    assert_eq!(
        std::fs::read_dir(store.path()).expect("a folder").count(),
        0,
        "checkpoints of ended runs are removed"
    );
    let stopped = text(&pool, "select (stopped_at is not null)::text from worker").await;
    assert_eq!(stopped, "true", "it signed off");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_killed_workers_run_goes_on_from_its_checkpoint(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, SLOW).await;
    let mut first = Worker::start(&url, store.path(), &[]);
    until(&pool, CHECKPOINTS, 2).await;
    first.signal(Signal::KILL);
    first.wait();
    loses_its_lease(&pool).await;

    let mut second = Worker::start(&url, store.path(), &["--max-runs", "1"]);
    assert_eq!(second.wait().code(), Some(0));
    let timeline = text(
        &pool,
        "select string_agg(epoch || ':' || outcome || ':' || (resumed_from > 0)::text, ' ' order by epoch)
         from (select epoch, outcome, coalesce(resumed_from, 0) as resumed_from from run_attempt where run_id = (select min(id) from run)) a",
    )
    .await;
    assert_eq!(timeline, "1:lost:false 2:succeeded:true");
    // The same run without an interruption has the same metrics to the last bit.
    let undisturbed = text(&pool, "insert into run (experiment_id, owner_id, arm, seed, plan, steps, priority)
        select experiment_id, owner_id, 'again', seed, plan, steps, 1 from run order by id limit 1 returning arm").await;
    jobs::complete_lines(&pool).await.expect("it waits in line");
    let mut third = Worker::start(&url, store.path(), &["--max-runs", "1"]);
    assert_eq!(
        (undisturbed.as_str(), third.wait().code()),
        ("again", Some(0))
    );
    let same = text(
        &pool,
        "select (a.result -> 'metrics' = b.result -> 'metrics')::text from run a, run b
         where a.id = (select min(id) from run) and b.arm = 'again'",
    )
    .await;
    assert_eq!(same, "true");
    let curves = text(
        &pool,
        "select count(*)::text from run_metric a join run b on b.arm = 'again' join run_metric c on c.run_id = b.id and c.name = a.name and c.step = a.step
         where a.run_id = (select min(id) from run) and a.value is distinct from c.value",
    )
    .await;
    assert_eq!(curves, "0", "points of the curves that differ");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_worker_that_was_stopped_past_its_lease_is_told_and_writes_nothing(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, SLOW).await;
    let mut stale = Worker::start(&url, store.path(), &["--once"]);
    until(&pool, CHECKPOINTS, 1).await;
    stale.signal(Signal::STOP);
    loses_its_lease(&pool).await;
    let mut fresh = Worker::start(&url, store.path(), &["--once"]);
    assert_eq!(fresh.wait().code(), Some(0));
    let before = text(&pool, "select (select count(*) from run_checkpoint)::text || ' ' || (select max(id) from run_event)::text || ' ' || (select count(*) from run_metric)::text").await;
    stale.signal(Signal::CONT);
    assert_eq!(
        stale.wait().code(),
        Some(12),
        "the exit code for a lost lease"
    );
    let after = text(&pool, "select (select count(*) from run_checkpoint)::text || ' ' || (select max(id) from run_event)::text || ' ' || (select count(*) from run_metric)::text").await;
    assert_eq!(before, after);
    assert_eq!(
        text(
            &pool,
            "select string_agg(outcome, ' ' order by epoch) from run_attempt"
        )
        .await,
        "lost succeeded"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_terminated_worker_hands_its_run_back(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, SLOW).await;
    let mut worker = Worker::start(&url, store.path(), &[]);
    until(&pool, "select count(*) from run_lease where step > 5", 1).await;
    worker.signal(Signal::TERM);
    assert_eq!(worker.wait().code(), Some(0));
    let row = text(
        &pool,
        "select state || ' ' || losses || ' ' || failures from run order by id limit 1",
    )
    .await;
    assert_eq!(row, "queued 0 0");
    assert_eq!(
        text(&pool, "select outcome from run_attempt").await,
        "preempted"
    );
    until(&pool, CHECKPOINTS, 1).await;
    let mut next = Worker::start(&url, store.path(), &["--once"]);
    assert_eq!(next.wait().code(), Some(0));
    until(
        &pool,
        "select count(*) from run_attempt where epoch = 2 and resumed_from > 5",
        1,
    )
    .await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_cancelled_run_ends_with_the_next_beat(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    let ada = board::registered(&pool, SLOW).await;
    let mut worker = Worker::start(&url, store.path(), &["--once"]);
    until(&pool, "select count(*) from run_lease where step > 0", 1).await;
    let run = sqlx::query_scalar("select run_id from run_lease")
        .fetch_one(&pool)
        .await
        .expect("a lease");
    let mut connection = pool.acquire().await.expect("a connection");
    jobs::cancel(
        &mut connection,
        breakmywork_protocol::id::RunId(run),
        ada,
        "a slip",
    )
    .await
    .expect("cancels");
    assert_eq!(worker.wait().code(), Some(0));
    assert_eq!(
        text(&pool, "select state from run order by id limit 1").await,
        "cancelled"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_plan_that_cannot_be_run_fails_with_the_reason_and_the_next_goes_on(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, QUICK).await;
    sqlx::raw_sql(
        "update run set plan = '{\"arm\": 7}' where id = (select min(id) from run);
         update run set plan = jsonb_set(plan, '{model,hidden}', '0') where id = (select min(id) + 1 from run)",
    )
    .execute(&pool)
    .await
    .expect("sets");
    let mut worker = Worker::start(&url, store.path(), &["--max-runs", "3"]);
    assert_eq!(worker.wait().code(), Some(0));
    let states = text(&pool, "select string_agg(state || coalesce(':' || failure, ''), ' ' order by id) from (select * from run order by id limit 3) r").await;
    assert_eq!(
        states,
        "failed:specification failed:specification succeeded"
    );
    assert_eq!(
        text(
            &pool,
            "select count(*)::text from run where state = 'failed' and error <> ''"
        )
        .await,
        "2"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_killed_trainer_is_a_loss_and_the_run_is_tried_again(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, SLOW).await;
    let mut worker = Worker::start(&url, store.path(), &["--once"]);
    until(&pool, "select count(*) from run_lease where step > 0", 1).await;
    kill_process(worker.trainers()[0], Signal::KILL).expect("it lives");
    assert_eq!(worker.wait().code(), Some(11));
    assert_eq!(
        text(
            &pool,
            "select state || ' ' || failures || ' ' || losses from run order by id limit 1"
        )
        .await,
        "queued 0 1"
    );
    let error = text(&pool, "select error from run_attempt").await;
    assert!(error.contains("signal 9"), "{error}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn while_the_database_refuses_training_goes_on_and_nothing_is_lost(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, SLOW).await;
    let mut worker = Worker::start(&url, store.path(), &["--once"]);
    until(&pool, "select count(*) from run_lease where step > 0", 1).await;
    let name = text(&pool, "select current_database()::text").await;
    let gate = board::gate(&url).await;
    board::close(&gate, &name).await;
    // Longer than the lease and than the rest of the training: only the reports are late.
    tokio::time::sleep(Duration::from_secs(u64::from(LEASE.unsigned_abs()) + 1)).await;
    board::open(&gate, &name).await;
    assert_eq!(worker.wait().code(), Some(0));
    let pool = sqlx::PgPool::connect(&url).await.expect("it is open again");
    assert_eq!(
        text(
            &pool,
            "select state || ' ' || epoch from run order by id limit 1"
        )
        .await,
        "succeeded 1"
    );
    let points = text(
        &pool,
        "select count(*)::text from run_metric where name = 'train_loss'",
    )
    .await;
    assert_eq!(points, "20", "every measurement arrived");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_worker_without_its_device_takes_nothing(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, QUICK).await;
    let mut worker = Worker::start(&url, store.path(), &["--device", "cuda:99"]);
    assert_eq!(worker.wait().code(), Some(10));
    let untouched = "select count(*)::text from run where state = 'queued' and failures = 0";
    assert_eq!(text(&pool, untouched).await, "12");
}
