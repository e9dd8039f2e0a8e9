//! One worker with two runs at once: what happens to one leaves the other alone.

use crate::board::{self, ENDLESS, QUICK};
use crate::{Worker, text, timing, until};
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::id::RunId;
use breakmywork_protocol::jobs;
use rustix::process::{Signal, kill_process};
use sqlx::PgPool;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const TRAINING: &str = "select count(*) from run_lease where step > 0";
const PREEMPTED: &str = "select count(*) from run_attempt where outcome = 'preempted'";

/// The leases that are held: run, epoch and step.
async fn leases(pool: &PgPool) -> BTreeMap<i64, (i64, i32)> {
    let rows: Vec<(i64, i64, i32)> = sqlx::query_as("select run_id, epoch, step from run_lease")
        .fetch_all(pool)
        .await
        .expect("the leases");
    let entry = |(run, epoch, step)| (run, (epoch, step));
    rows.into_iter().map(entry).collect()
}

/// Waits until that run has made a step after `step`, and says under which epoch.
async fn goes_on(pool: &PgPool, run: i64, step: i32) -> i64 {
    let started = Instant::now();
    loop {
        let (epoch, now) = leases(pool).await[&run];
        if now > step {
            return epoch;
        }
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "run {run} is stuck at step {step}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn two_runs_are_trained_at_the_same_time_under_two_leases(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, ENDLESS).await;
    let worker = Worker::start(&url, store.path(), &["--slots", "2"]);
    until(&pool, TRAINING, 2).await;
    for (run, (_, step)) in leases(&pool).await {
        assert_eq!(goes_on(&pool, run, step).await, 1);
    }
    assert_eq!(worker.trainers().len(), 2);
    let row = text(
        &pool,
        "select count(*) || ' ' || count(distinct worker_id) || ' ' || max(slots)
         from run_lease join worker on worker.id = worker_id",
    )
    .await;
    assert_eq!(row, "2 1 2", "leases, workers, slots");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_killed_trainer_costs_only_its_own_run(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, ENDLESS).await;
    let worker = Worker::start(&url, store.path(), &["--slots", "2"]);
    until(&pool, TRAINING, 2).await;
    let before = leases(&pool).await;
    kill_process(worker.trainers()[0], Signal::KILL).expect("it lives");
    until(
        &pool,
        "select count(*) from run_attempt where outcome = 'lost'",
        1,
    )
    .await;
    let killed: i64 = sqlx::query_scalar("select run_id from run_attempt where outcome = 'lost'")
        .fetch_one(&pool)
        .await
        .expect("a run");
    let other = before.keys().find(|run| **run != killed).expect("another");
    assert_eq!(
        goes_on(&pool, *other, before[other].1).await,
        1,
        "it never stopped"
    );
    // The free slot has a run again.
    until(&pool, TRAINING, 2).await;
    assert_eq!(worker.trainers().len(), 2);
    let outcomes = text(&pool, "select string_agg(outcome, ' ') from run_attempt").await;
    assert_eq!(outcomes, "lost");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_lost_lease_ends_only_its_own_run(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, ENDLESS).await;
    let worker = Worker::start(&url, store.path(), &["--slots", "2"]);
    until(&pool, TRAINING, 2).await;
    let before = leases(&pool).await;
    let trainers = worker.trainers();
    let mut runs = before.keys().copied();
    let (lost, other) = (runs.next().expect("one"), runs.next().expect("two"));
    // A beat between the two statements revives the lease; then it is taken away with the next lap.
    loop {
        sqlx::query(
            "update run_lease set expires_at = now() - interval '1 minute' where run_id = $1",
        )
        .bind(lost)
        .execute(&pool)
        .await
        .expect("expires");
        if jobs::reap(&pool, timing()).await.expect("reaps").lost == 1 {
            break;
        }
    }
    // The worker learns it with its next report, ends that trainer, and its free slot takes the run again.
    until(&pool, TRAINING, 2).await;
    assert_eq!(
        goes_on(&pool, other, before[&other].1).await,
        1,
        "it never stopped"
    );
    let now = worker.trainers();
    let still = trainers.iter().filter(|pid| now.contains(pid)).count();
    assert_eq!((still, now.len()), (1, 2));
    let outcomes = text(&pool, "select string_agg(outcome, ' ') from run_attempt").await;
    assert_eq!(outcomes, "lost");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_cancelled_run_leaves_the_other_alone(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    let ada = board::registered(&pool, ENDLESS).await;
    let _worker = Worker::start(&url, store.path(), &["--slots", "2"]);
    until(&pool, TRAINING, 2).await;
    let before = leases(&pool).await;
    let mut runs = before.keys().copied();
    let (cancelled, other) = (runs.next().expect("one"), runs.next().expect("two"));
    let mut connection = pool.acquire().await.expect("a connection");
    jobs::cancel(&mut connection, RunId(cancelled), ada, "a slip")
        .await
        .expect("cancels");
    until(
        &pool,
        "select count(*) from run where state = 'cancelled'",
        1,
    )
    .await;
    assert_eq!(
        goes_on(&pool, other, before[&other].1).await,
        1,
        "it never stopped"
    );
    // A third run has the free slot.
    until(&pool, TRAINING, 2).await;
    assert_eq!(leases(&pool).await.len(), 2);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_terminated_worker_hands_all_runs_back_and_none_waits_for_another(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, ENDLESS).await;
    let mut worker = Worker::start(&url, store.path(), &["--slots", "2"]);
    until(&pool, TRAINING, 2).await;
    // A trainer that does not answer: the other's run is given back meanwhile.
    let deaf = worker.trainers()[0];
    kill_process(deaf, Signal::STOP).expect("it lives");
    worker.signal(Signal::TERM);
    until(&pool, PREEMPTED, 1).await;
    assert_eq!(leases(&pool).await.len(), 1);
    kill_process(deaf, Signal::CONT).expect("it lives");
    assert_eq!(worker.wait().code(), Some(0));
    until(&pool, PREEMPTED, 2).await;
    let row = text(
        &pool,
        "select count(*) || ' ' || sum(losses) || ' ' || sum(failures) || ' ' || sum(epoch) from run where state = 'queued'",
    )
    .await;
    assert_eq!(row, "12 0 0 2", "queued, losses, failures, attempts");
    until(
        &pool,
        "select count(distinct run_id) from run_checkpoint",
        2,
    )
    .await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_second_signal_ends_the_worker_whatever_its_trainers_do(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, ENDLESS).await;
    let mut worker = Worker::start(&url, store.path(), &["--slots", "2"]);
    until(&pool, TRAINING, 2).await;
    kill_process(worker.trainers()[0], Signal::STOP).expect("it lives");
    worker.signal(Signal::TERM);
    until(&pool, PREEMPTED, 1).await;
    // A second one at once would be the first, told twice.
    tokio::time::sleep(Duration::from_secs(2)).await;
    worker.signal(Signal::TERM);
    assert_eq!(worker.wait().code(), Some(13));
    assert_eq!(leases(&pool).await.len(), 1, "that lease runs out");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_most_runs_are_counted_over_all_slots(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, QUICK).await;
    for (argument, ended) in [("--max-runs=3", "3 3"), ("--once", "4 4")] {
        let mut worker = Worker::start(&url, store.path(), &["--slots", "2", argument]);
        assert_eq!(worker.wait().code(), Some(0));
        let row = text(
            &pool,
            "select sum(epoch) || ' ' || count(*) filter (where state = 'succeeded') from run",
        )
        .await;
        assert_eq!(row, ended, "taken and succeeded after {argument}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_worker_leaves_an_empty_queue_only_when_all_slots_are_idle(pool: PgPool) {
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    board::registered(&pool, QUICK).await;
    // The last of them outlasts the others, so that the second slot finds nothing while it is trained.
    sqlx::query(
        "update run set plan = jsonb_set(plan, '{training,steps}', '6000') where id = (select max(id) from run)",
    )
    .execute(&pool)
    .await
    .expect("sets");
    let mut worker = Worker::start(&url, store.path(), &["--slots", "2", "--idle-exit", "0"]);
    assert_eq!(worker.wait().code(), Some(0));
    let states = text(&pool, "select string_agg(distinct state, ',') from run").await;
    assert_eq!(states, "succeeded");
}
