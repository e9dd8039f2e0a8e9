//! The job table against a real Postgres, one promise a test.

use crate::common::*;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::jobs::{
    self, Checkpoint, Ending, Error, FailureKind, MetricPoint, Progress, Timing,
};
use sqlx::PgPool;

fn lost<T: std::fmt::Debug>(result: Result<T, Error>) {
    assert!(matches!(result, Err(Error::LeaseLost { .. })), "{result:?}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_experiment_runs_to_its_verdict(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let experiment = registered(&pool, ada, &spec(6)).await;
    let worker = worker(&pool).await;
    let mut runs = 0;
    while let Some(lease) = take(&pool, worker).await {
        assert_eq!(experiment_state(&pool, experiment).await, "running");
        let plan = lease.plan.clone().expect("a good plan");
        assert!(
            !jobs::beat(&pool, &lease, Progress::at(5), TIMING)
                .await
                .expect("beats")
                .cancel
        );
        let point = |value| MetricPoint {
            name: "valid_mse".into(),
            step: 5,
            value,
        };
        jobs::report_metrics(&pool, &lease, Progress::at(5), &[point(0.3), point(0.2)])
            .await
            .expect("reports");
        assert_eq!(posts(&pool, experiment).await, 0);
        let value = if plan.arm == "fixed" { 0.01 } else { 0.1 } + f64::from(plan.seed % 8) * 1e-3;
        finish(&pool, &lease, success(value), TIMING)
            .await
            .expect("finishes");
        // The answer got lost and the worker says it again: nothing changes.
        finish(&pool, &lease, success(value), TIMING)
            .await
            .expect("finishes again");
        runs += 1;
    }
    assert_eq!(runs, 12);
    // Nobody who looks at them waits for their thinning.
    let curves =
        sqlx::query_scalar!(r#"select count(*) as "curves!" from run_curve"#).fetch_one(&pool);
    assert_eq!(curves.await.expect("curves"), 12);
    assert_eq!(experiment_state(&pool, experiment).await, "concluded");
    assert_eq!(posts(&pool, experiment).await, 1);
    let outcome = sqlx::query_scalar!("select outcome from verdict")
        .fetch_one(&pool)
        .await;
    assert_eq!(outcome.expect("a verdict"), "supported");
    let kinds = sqlx::query_scalar!("select kind from run_event order by id")
        .fetch_all(&pool)
        .await
        .expect("events");
    assert_eq!(
        (
            kinds.first().map(String::as_str),
            kinds.last().map(String::as_str)
        ),
        (Some("registered"), Some("concluded"))
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn one_worker_holds_several_leases_and_each_stands_alone(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(6)).await;
    let worker = worker(&pool).await;
    let first = take(&pool, worker).await.expect("a run");
    let second = take(&pool, worker).await.expect("another run");
    assert_ne!(first.run, second.run);
    expire(&pool, first.run).await;
    assert_eq!(jobs::reap(&pool, TIMING).await.expect("reaps").lost, 1);
    lost(jobs::beat(&pool, &first, Progress::at(5), TIMING).await);
    jobs::beat(&pool, &second, Progress::at(5), TIMING)
        .await
        .expect("it still holds the other");
    finish(&pool, &second, success(0.1), TIMING)
        .await
        .expect("finishes");
    assert_eq!(run_state(&pool, first.run).await, "queued");
    assert_eq!(run_state(&pool, second.run).await, "succeeded");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_stale_worker_is_told_and_writes_nothing(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(6)).await;
    let (first, second) = (worker(&pool).await, worker(&pool).await);
    let stale = take(&pool, first).await.expect("a run");
    let checkpoint = |step| Checkpoint {
        epoch: 1,
        step,
        object_key: format!("run-{}/{step}", stale.run),
        bytes: 10,
        sha256: "0".repeat(64),
    };
    jobs::checkpoint(&pool, &stale, &checkpoint(5))
        .await
        .expect("registers");
    expire(&pool, stale.run).await;
    let reaped = jobs::reap(&pool, TIMING).await.expect("reaps");
    assert_eq!((reaped.lost, reaped.timed_out), (1, 0));
    let fresh = take(&pool, second).await.expect("the same run again");
    assert_eq!((fresh.run, fresh.epoch), (stale.run, 2));
    let known = jobs::checkpoints(&pool, &fresh).await.expect("checkpoints");
    assert_eq!(known[0].step, 5);
    jobs::resumed(&pool, &fresh, 5).await.expect("resumes");

    lost(jobs::beat(&pool, &stale, Progress::at(9), TIMING).await);
    lost(jobs::checkpoint(&pool, &stale, &checkpoint(9)).await);
    let point = MetricPoint {
        name: "train_loss".into(),
        step: 9,
        value: 1.0,
    };
    lost(jobs::report_metrics(&pool, &stale, Progress::at(9), &[point]).await);
    lost(finish(&pool, &stale, success(0.5), TIMING).await);
    assert_eq!(run_state(&pool, fresh.run).await, "running");
    finish(&pool, &fresh, success(0.1), TIMING)
        .await
        .expect("finishes");
    lost(finish(&pool, &stale, success(0.5), TIMING).await);
    let value = sqlx::query_scalar!(
        r#"select (result -> 'metrics' ->> 'test_mse')::float8 as "value!" from run where id = $1"#,
        fresh.run.0
    )
    .fetch_one(&pool)
    .await
    .expect("a result");
    assert_eq!(value, 0.1);
    let metrics = sqlx::query_scalar!("select count(*) from run_metric")
        .fetch_one(&pool)
        .await;
    assert_eq!(metrics.expect("a count"), Some(0));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn losses_are_not_failures_but_have_their_own_limit(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let experiment = registered(&pool, ada, &spec(6)).await;
    sqlx::query!("update run set max_losses = 2")
        .execute(&pool)
        .await
        .expect("sets");
    let worker = worker(&pool).await;
    let first = take(&pool, worker).await.expect("a run");
    for expected in ["queued", "failed"] {
        expire(&pool, first.run).await;
        jobs::reap(&pool, TIMING).await.expect("reaps");
        assert_eq!(run_state(&pool, first.run).await, expected);
        if expected == "queued" {
            assert_eq!(take(&pool, worker).await.expect("again").run, first.run);
        }
    }
    let row = sqlx::query!(
        "select failures, losses, failure, error from run where id = $1",
        first.run.0
    )
    .fetch_one(&pool)
    .await
    .expect("the run");
    assert_eq!(
        (row.failures, row.losses, row.failure.as_deref()),
        (0, 2, Some("lost"))
    );
    assert!(row.error.expect("a reason").contains("Lost 2 times"));
    assert_eq!(experiment_state(&pool, experiment).await, "running");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn handing_back_costs_nothing(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(6)).await;
    let worker = worker(&pool).await;
    let lease = take(&pool, worker).await.expect("a run");
    finish(&pool, &lease, Ending::Preempted, TIMING)
        .await
        .expect("hands back");
    let row = sqlx::query!(
        "select state, failures, losses from run where id = $1",
        lease.run.0
    )
    .fetch_one(&pool)
    .await
    .expect("the run");
    assert_eq!(
        (row.state.as_str(), row.failures, row.losses),
        ("queued", 0, 0)
    );
    assert_eq!(take(&pool, worker).await.expect("again").epoch, 2);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn errors_are_tried_again_but_a_diverged_run_is_a_result(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(6)).await;
    let worker = worker(&pool).await;
    let fail = |kind| Ending::Failed {
        kind,
        error: "why".into(),
    };
    let mut lease = take(&pool, worker).await.expect("a run");
    let run = lease.run;
    for expected in ["queued", "queued", "failed"] {
        finish(&pool, &lease, fail(FailureKind::Error), TIMING)
            .await
            .expect("fails");
        assert_eq!(run_state(&pool, run).await, expected);
        lease = take(&pool, worker).await.expect("a run");
    }
    finish(&pool, &lease, fail(FailureKind::Diverged), TIMING)
        .await
        .expect("fails");
    assert_eq!(run_state(&pool, lease.run).await, "failed");
    let mut tx = pool.begin().await.expect("begins");
    let refused = jobs::retry(&mut tx, lease.run, ada, "again").await;
    assert!(matches!(refused, Err(Error::Conflict(why)) if why.contains("diverged")));
    drop(tx);
    let mut tx = pool.begin().await.expect("begins");
    let again = jobs::retry(&mut tx, run, ada, "the disk was full")
        .await
        .expect("retries");
    tx.commit().await.expect("commits");
    assert_eq!(run_state(&pool, run).await, "failed");
    assert_eq!(run_state(&pool, again).await, "queued");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_cancel_ends_a_queued_run_at_once_and_a_running_one_with_its_next_beat(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let experiment = registered(&pool, ada, &spec(6)).await;
    let worker = worker(&pool).await;
    let lease = take(&pool, worker).await.expect("a run");
    let runs = sqlx::query_scalar!("select id from run order by id")
        .fetch_all(&pool)
        .await
        .expect("runs");
    for id in &runs {
        let mut tx = pool.begin().await.expect("begins");
        jobs::cancel(
            &mut tx,
            breakmywork_protocol::id::RunId(*id),
            ada,
            "no longer needed",
        )
        .await
        .expect("cancels");
        tx.commit().await.expect("commits");
    }
    assert_eq!(run_state(&pool, lease.run).await, "running");
    assert!(
        jobs::beat(&pool, &lease, Progress::at(1), TIMING)
            .await
            .expect("beats")
            .cancel
    );
    assert_eq!(posts(&pool, experiment).await, 0);
    finish(&pool, &lease, Ending::Cancelled, TIMING)
        .await
        .expect("ends");
    assert_eq!(experiment_state(&pool, experiment).await, "concluded");
    let verdict = sqlx::query!("select outcome, detail ->> 'explanation' as words from verdict")
        .fetch_one(&pool)
        .await
        .expect("a verdict");
    assert_eq!(verdict.outcome, "aborted");
    assert!(verdict.words.expect("words").contains("cancelled"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_hung_or_endless_attempt_is_taken_away_although_it_beats(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(6)).await;
    let worker = worker(&pool).await;
    let hung = take(&pool, worker).await.expect("a run");
    sqlx::query!("update run_lease set progress_at = now() - interval '1 hour'")
        .execute(&pool)
        .await
        .expect("sets");
    jobs::beat(&pool, &hung, Progress::at(0), TIMING)
        .await
        .expect("a beat without a step");
    assert_eq!(jobs::reap(&pool, TIMING).await.expect("reaps").lost, 1);
    let endless = take(&pool, worker).await.expect("a run");
    sqlx::query!("update run_lease set taken_at = now() - interval '7 hours'")
        .execute(&pool)
        .await
        .expect("sets");
    sqlx::query!("update run set max_losses = 1 where id = $1", endless.run.0)
        .execute(&pool)
        .await
        .expect("sets");
    assert_eq!(jobs::reap(&pool, TIMING).await.expect("reaps").timed_out, 1);
    assert_eq!(run_state(&pool, endless.run).await, "failed");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn people_take_turns_and_a_pause_holds(pool: PgPool) {
    let (ada, bob) = (account(&pool, "ada").await, account(&pool, "bob").await);
    registered(&pool, ada, &spec(6)).await;
    registered(&pool, bob, &spec(6)).await;
    let worker = worker(&pool).await;
    let mut owners = Vec::new();
    for _ in 0..4 {
        let lease = take(&pool, worker).await.expect("a run");
        let owner = sqlx::query_scalar!("select owner_id from run where id = $1", lease.run.0)
            .fetch_one(&pool)
            .await;
        owners.push(owner.expect("an owner"));
    }
    assert_eq!(owners, [ada.0, bob.0, ada.0, bob.0]);
    let mut connection = pool.acquire().await.expect("a connection");
    jobs::pause(&mut connection, ada, "maintenance")
        .await
        .expect("pauses");
    assert!(take(&pool, worker).await.is_none());
    jobs::resume(&mut connection, ada).await.expect("opens");
    sqlx::query!("update queue_control set max_running_per_person = 2")
        .execute(&pool)
        .await
        .expect("sets");
    assert!(take(&pool, worker).await.is_none());
    sqlx::query!("update queue_control set max_running_per_person = null, max_running = 5")
        .execute(&pool)
        .await
        .expect("sets");
    assert!(take(&pool, worker).await.is_some());
    assert!(take(&pool, worker).await.is_none());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_registered_cannot_change(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let experiment = registered(&pool, ada, &spec(6)).await;
    let change = sqlx::query!(
        "update experiment set spec = '{}' where id = $1",
        experiment.0
    )
    .execute(&pool)
    .await;
    let error = change.expect_err("frozen");
    assert_eq!(
        error.as_database_error().and_then(|e| e.constraint()),
        Some("experiment_stays_frozen")
    );
    let mut tx = pool.begin().await.expect("begins");
    assert!(matches!(
        jobs::register(&mut tx, experiment, ada, &spec(6), false).await,
        Err(Error::Conflict(_))
    ));
    drop(tx);
    let mut tx = pool.begin().await.expect("begins");
    assert!(matches!(
        jobs::withdraw(&mut tx, experiment, ada).await,
        Err(Error::Conflict(_))
    ));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn only_the_author_registers_what_he_read(pool: PgPool) {
    let (ada, bob) = (account(&pool, "ada").await, account(&pool, "bob").await);
    let experiment = proposed(&pool, ada, &spec(6)).await;
    for (who, spec) in [(bob, spec(6)), (ada, spec(7))] {
        let mut tx = pool.begin().await.expect("begins");
        assert!(matches!(
            jobs::register(&mut tx, experiment, who, &spec, false).await,
            Err(Error::Conflict(_))
        ));
    }
    assert_eq!(experiment_state(&pool, experiment).await, "proposed");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_plan_that_cannot_be_read_is_still_handed_out_with_the_reason(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(6)).await;
    sqlx::query!("update run set plan = '{\"arm\": 1}'")
        .execute(&pool)
        .await
        .expect("sets");
    let worker = worker(&pool).await;
    let lease = take(&pool, worker).await.expect("a run");
    assert!(lease.plan.is_err());
    let ending = Ending::Failed {
        kind: FailureKind::Specification,
        error: lease.plan.clone().expect_err("why"),
    };
    finish(&pool, &lease, ending, Timing::default())
        .await
        .expect("fails");
    assert_eq!(run_state(&pool, lease.run).await, "failed");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn of_two_last_runs_that_end_at_once_exactly_one_posts_the_verdict(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let worker = worker(&pool).await;
    for _ in 0..10 {
        let experiment = registered(&pool, ada, &spec(1)).await;
        let first = take(&pool, worker).await.expect("a run");
        let second = take(&pool, worker).await.expect("a run");
        let (one, other) = tokio::join!(
            finish(&pool, &first, success(0.1), TIMING),
            finish(&pool, &second, success(0.1), TIMING),
        );
        one.and(other).expect("both finish");
        assert_eq!(experiment_state(&pool, experiment).await, "concluded");
        assert_eq!(posts(&pool, experiment).await, 1);
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_exploratory_experiment_ends_with_a_post_and_no_verdict_and_stays_what_it_is(
    pool: PgPool,
) {
    let ada = account(&pool, "ada").await;
    // With runs that all fail, and without a criterion, as much as with results.
    for (criterion, fails) in [(true, false), (true, true), (false, true)] {
        let mut spec = spec(6);
        if !criterion {
            spec.criterion = None;
        }
        let id = proposed(&pool, ada, &spec).await;
        let mut tx = pool.begin().await.expect("a transaction");
        jobs::register(&mut tx, id, ada, &spec, true)
            .await
            .expect("registers");
        tx.commit().await.expect("commits");
        let changed = sqlx::query!(
            "update experiment set exploratory = false where id = $1",
            id.0
        )
        .execute(&pool)
        .await;
        assert!(changed.is_err(), "it could become a test afterwards");
        let worker = worker(&pool).await;
        while let Some(lease) = take(&pool, worker).await {
            let ending = match fails {
                true => Ending::Failed {
                    kind: FailureKind::Specification,
                    error: "it cannot".into(),
                },
                false => success(0.1),
            };
            finish(&pool, &lease, ending, TIMING)
                .await
                .expect("finishes");
        }
        // Too many missing runs of what could have been compared wait for an admin here as well.
        if criterion && fails {
            assert_eq!(experiment_state(&pool, id).await, "stalled");
            continue;
        }
        assert_eq!(experiment_state(&pool, id).await, "concluded");
        assert_eq!(posts(&pool, id).await, 1);
    }
    let verdicts = sqlx::query_scalar!(r#"select count(*) as "verdicts!" from verdict"#);
    assert_eq!(verdicts.fetch_one(&pool).await.expect("asks"), 0);
}
