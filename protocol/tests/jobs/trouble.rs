//! A worker whose machine is in trouble never costs science.

use crate::common::*;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::id::RunId;
use breakmywork_protocol::jobs::{
    self, Checkpoint, Ending, Error, FailureKind, Progress, Timing, Trouble,
};
use sqlx::PgPool;

/// State, failures and losses of a run.
async fn cost(pool: &PgPool, run: RunId) -> (String, i16, i16) {
    let row = sqlx::query!(
        "select state, failures, losses from run where id = $1",
        run as RunId
    )
    .fetch_one(pool)
    .await
    .expect("the run");
    (row.state, row.failures, row.losses)
}

fn unable() -> Ending {
    Ending::Unable {
        error: "The disk is full.".into(),
    }
}

fn broken() -> Ending {
    Ending::Failed {
        kind: FailureKind::Error,
        error: "why".into(),
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_worker_that_cannot_train_costs_the_run_nothing_however_often(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let experiment = registered(&pool, ada, &spec(6)).await;
    let worker = worker(&pool).await;
    let run = take(&pool, worker).await.expect("a run");
    finish(&pool, &run, unable(), TIMING)
        .await
        .expect("goes back");
    // More often than failures or losses may be; the answer may get lost too.
    for _ in 0..12 {
        let again = take(&pool, worker).await.expect("alone it tries again");
        assert_eq!(again.run, run.run);
        for _ in 0..2 {
            finish(&pool, &again, unable(), TIMING)
                .await
                .expect("goes back");
        }
    }
    assert_eq!(cost(&pool, run.run).await, ("queued".into(), 0, 0));
    assert_eq!(experiment_state(&pool, experiment).await, "running");
    let told = sqlx::query_scalar!("select count(*) from run_event where kind = 'unable'")
        .fetch_one(&pool)
        .await;
    assert_eq!(told.expect("a count"), Some(13));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_run_waits_for_another_worker_after_a_failure_and_where_one_cannot_train_it(
    pool: PgPool,
) {
    let ada = account(&pool, "ada").await;
    for ending in [broken(), unable()] {
        registered(&pool, ada, &spec(1)).await;
        let (sick, well) = (worker(&pool).await, worker(&pool).await);
        let first = take(&pool, sick).await.expect("a run");
        finish(&pool, &first, ending.clone(), TIMING)
            .await
            .expect("ends");
        let next = take(&pool, sick).await.expect("the other run");
        assert_ne!(next.run, first.run);
        assert!(
            take(&pool, sick).await.is_none(),
            "the first waits for the other worker"
        );
        let elsewhere = take(&pool, well).await.expect("the first run");
        assert_eq!(elsewhere.run, first.run);
        // Where nobody is left who has not failed it, whoever asks gets it.
        finish(&pool, &elsewhere, ending.clone(), TIMING)
            .await
            .expect("ends");
        assert_eq!(take(&pool, sick).await.expect("again").run, first.run);
        for worker in [sick, well] {
            jobs::stop_worker(&pool, worker).await.expect("signs off");
        }
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_run_does_not_wait_for_a_worker_that_could_not_have_it(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(6)).await;
    let (sick, other) = (worker(&pool).await, worker(&pool).await);
    let first = take(&pool, sick).await.expect("a run");
    finish(&pool, &first, unable(), TIMING)
        .await
        .expect("goes back");
    let trouble = Trouble {
        reason: "The device is gone.".into(),
        pauses: true,
    };
    jobs::report_trouble(&pool, other, Some(&trouble))
        .await
        .expect("says so");
    let again = take(&pool, sick).await.expect("the other takes nothing");
    assert_eq!(again.run, first.run);
    finish(&pool, &again, unable(), TIMING)
        .await
        .expect("goes back");

    jobs::report_trouble(&pool, other, None)
        .await
        .expect("says so");
    assert_ne!(take(&pool, sick).await.expect("a run").run, first.run);
    jobs::stop_worker(&pool, other).await.expect("signs off");
    assert_eq!(take(&pool, sick).await.expect("a run").run, first.run);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn alone_a_worker_gets_the_run_again_after_a_pause_that_grows(pool: PgPool) {
    let timing = Timing {
        backoff_s: 60,
        ..TIMING
    };
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(1)).await;
    let worker = worker(&pool).await;
    let waited = async |seconds: f64| {
        sqlx::query!(
            "update run_attempt set ended_at = ended_at - make_interval(secs => $1) where ended_at is not null",
            seconds
        )
        .execute(&pool)
        .await
        .expect("time passes");
    };
    let take = async || jobs::take(&pool, worker, timing).await.expect("asks");
    let first = take().await.expect("a run");
    take().await.expect("the other run");
    finish(&pool, &first, unable(), timing)
        .await
        .expect("goes back");
    assert!(take().await.is_none());
    waited(61.0).await;
    let second = take().await.expect("the first again");
    assert_eq!(second.run, first.run);
    finish(&pool, &second, unable(), timing)
        .await
        .expect("goes back");
    waited(61.0).await;
    assert!(take().await.is_none(), "twice as long this time");
    waited(61.0).await;
    assert_eq!(take().await.expect("the first again").run, first.run);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_killed_trainer_is_a_loss_and_losses_end_a_run(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(6)).await;
    sqlx::query!("update run set max_losses = 2")
        .execute(&pool)
        .await
        .expect("sets");
    let worker = worker(&pool).await;
    let killed = || Ending::Lost {
        error: "The trainer was killed.".into(),
    };
    let first = take(&pool, worker).await.expect("a run");
    finish(&pool, &first, killed(), TIMING).await.expect("ends");
    assert_eq!(cost(&pool, first.run).await, ("queued".into(), 0, 1));
    let again = take(&pool, worker).await.expect("the run");
    finish(&pool, &again, killed(), TIMING).await.expect("ends");
    assert_eq!(cost(&pool, first.run).await, ("failed".into(), 0, 2));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_cancelled_run_that_its_worker_cannot_train_is_cancelled(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(6)).await;
    let worker = worker(&pool).await;
    for ending in [unable(), broken(), Ending::Lost { error: "e".into() }] {
        let lease = take(&pool, worker).await.expect("a run");
        let mut connection = pool.acquire().await.expect("a connection");
        jobs::cancel(&mut connection, lease.run, ada, "a slip")
            .await
            .expect("asks");
        finish(&pool, &lease, ending, TIMING).await.expect("ends");
        assert_eq!(run_state(&pool, lease.run).await, "cancelled");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_sign_of_life_without_a_step_is_progress(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(6)).await;
    let worker = worker(&pool).await;
    let lease = take(&pool, worker).await.expect("a run");
    let silent_for_an_hour = async || {
        sqlx::query!("update run_lease set progress_at = now() - interval '1 hour'")
            .execute(&pool)
            .await
            .expect("sets");
    };
    let measuring = Progress {
        alive: true,
        ..Progress::at(0)
    };
    silent_for_an_hour().await;
    jobs::beat(&pool, &lease, measuring, TIMING)
        .await
        .expect("beats");
    assert_eq!(jobs::reap(&pool, TIMING).await.expect("reaps").lost, 0);
    silent_for_an_hour().await;
    jobs::report_metrics(&pool, &lease, measuring, &[])
        .await
        .expect("reports");
    assert_eq!(jobs::reap(&pool, TIMING).await.expect("reaps").lost, 0);
    silent_for_an_hour().await;
    jobs::beat(&pool, &lease, Progress::at(0), TIMING)
        .await
        .expect("beats");
    assert_eq!(jobs::reap(&pool, TIMING).await.expect("reaps").lost, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_worker_that_the_board_forgot_is_told_and_registers_again(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(6)).await;
    let worker = worker(&pool).await;
    sqlx::query!("delete from worker")
        .execute(&pool)
        .await
        .expect("an older copy is restored");
    let refused = jobs::take(&pool, worker, TIMING).await;
    assert!(
        matches!(refused, Err(Error::NotFound("worker"))),
        "{refused:?}"
    );
    jobs::register_worker(&pool, worker, "host", "cpu", "0", 1)
        .await
        .expect("registers");
    assert!(take(&pool, worker).await.is_some());
}

/// As after a restore: the epoch counts up to the same number again, for somebody else.
#[sqlx::test(migrator = "MIGRATOR")]
async fn the_epoch_of_another_workers_lease_is_no_lease(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(6)).await;
    let (old, new) = (worker(&pool).await, worker(&pool).await);
    let mut stale = take(&pool, new).await.expect("a run");
    stale.worker = old;
    let lost = |error| assert!(matches!(error, Error::LeaseLost { .. }), "{error}");
    lost(
        jobs::beat(&pool, &stale, Progress::at(5), TIMING)
            .await
            .expect_err("stale"),
    );
    lost(
        jobs::report_metrics(&pool, &stale, Progress::at(5), &[])
            .await
            .expect_err("stale"),
    );
    lost(jobs::resumed(&pool, &stale, 5).await.expect_err("stale"));
    lost(
        finish(&pool, &stale, success(1.0), TIMING)
            .await
            .expect_err("stale"),
    );
    assert_eq!(run_state(&pool, stale.run).await, "running");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_unusable_checkpoint_is_passed_over_and_a_repeated_one_is_told_once(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(6)).await;
    let worker = worker(&pool).await;
    let lease = take(&pool, worker).await.expect("a run");
    for step in [5, 5, 9] {
        let checkpoint = Checkpoint {
            epoch: lease.epoch,
            step,
            object_key: format!("k{step}"),
            bytes: 10,
            sha256: "0".repeat(64),
        };
        jobs::checkpoint(&pool, &lease, &checkpoint)
            .await
            .expect("registers");
    }
    for _ in 0..2 {
        jobs::resumed(&pool, &lease, 9).await.expect("notes");
    }
    let told = sqlx::query_scalar!(
        "select string_agg(kind || ' ' || (data ->> 'step'), ', ' order by id) from run_event
         where kind in ('checkpoint', 'resumed')"
    )
    .fetch_one(&pool)
    .await
    .expect("events");
    assert_eq!(
        told.as_deref(),
        Some("checkpoint 5, checkpoint 9, resumed 9")
    );
    jobs::checkpoint_unusable(&pool, &lease, "k9")
        .await
        .expect("marks");
    let left = jobs::checkpoints(&pool, &lease).await.expect("checkpoints");
    assert_eq!(left.iter().map(|c| c.step).collect::<Vec<_>>(), [5]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn trouble_is_shown_until_it_is_over_and_ended_runs_are_told_apart(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(6)).await;
    let worker = worker(&pool).await;
    let shown = async || {
        sqlx::query!("select takes, trouble, trouble_at is not null as \"since!\" from worker")
            .fetch_one(&pool)
            .await
            .map(|row| (row.takes, row.trouble, row.since))
            .expect("the worker")
    };
    let mut trouble = Trouble {
        reason: "No checkpoint can be written.".into(),
        pauses: false,
    };
    for (pauses, takes) in [(false, true), (true, false)] {
        trouble.pauses = pauses;
        jobs::report_trouble(&pool, worker, Some(&trouble))
            .await
            .expect("says so");
        assert_eq!(shown().await, (takes, Some(trouble.reason.clone()), true));
    }
    jobs::report_trouble(&pool, worker, None)
        .await
        .expect("says so");
    assert_eq!(shown().await, (true, None, false));

    let lease = take(&pool, worker).await.expect("a run");
    finish(&pool, &lease, success(1.0), TIMING)
        .await
        .expect("finishes");
    let next = take(&pool, worker).await.expect("a run");
    let unknown = RunId(lease.run.0 + 1_000);
    let ended = jobs::ended(&pool, worker, &[lease.run, next.run, unknown]).await;
    assert_eq!(ended.expect("tells"), [lease.run]);
}
