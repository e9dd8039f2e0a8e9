//! The sweep: under every plan that Postgres may choose, past rows that fail, and over what nobody's lease explains.

use crate::common::*;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::id::{ExperimentId, RunId};
use breakmywork_protocol::jobs::{self, Checkpoint, Ending, FailureKind, Lease};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

/// Runs whose state, lease and open attempt do not agree.
async fn broken(pool: &PgPool) -> Vec<i64> {
    sqlx::query_scalar!(
        r#"select run.id as "id!" from run
           left join run_lease l on l.run_id = run.id
           left join run_attempt a on a.run_id = run.id and a.ended_at is null
           where (run.state = 'running') <> (l.run_id is not null)
              or (run.state = 'running') <> (a.run_id is not null)
              or l.epoch <> run.epoch or a.epoch <> run.epoch"#
    )
    .fetch_all(pool)
    .await
    .expect("rows")
}

async fn take_some(pool: &PgPool, worker: Uuid, runs: usize) -> Vec<Lease> {
    let mut leases = Vec::new();
    for _ in 0..runs {
        leases.push(take(pool, worker).await.expect("a run"));
    }
    leases
}

async fn expire_all(pool: &PgPool) {
    sqlx::query!("update run_lease set expires_at = now() - interval '1 second'")
        .execute(pool)
        .await
        .expect("expires");
}

/// Leaves the statistics of that many leases of runs that there are not, and none of the leases.
fn analyzed_with(leases: u32) -> String {
    format!(
        "alter table run_lease drop constraint run_lease_run_fk;
         insert into run_lease (run_id, epoch, worker_id, expires_at)
             select -lease, 1, (select id from worker limit 1), now() + interval '1 hour'
             from generate_series(1, {leases}) lease;
         analyze run_lease;
         delete from run_lease where run_id < 0;
         alter table run_lease add constraint run_lease_run_fk foreign key (run_id) references run;"
    )
}

/// A pool of one connection that plans once, with these settings.
pub(crate) async fn planned(pool: &PgPool, settings: &[&str]) -> PgPool {
    let settings: Vec<String> = settings.iter().map(|set| format!("set {set}")).collect();
    let one = PgPoolOptions::new()
        .max_connections(1)
        .after_connect(move |connection, _| {
            let settings = settings.clone();
            Box::pin(async move {
                for set in settings {
                    sqlx::raw_sql(AssertSqlSafe(set))
                        .execute(&mut *connection)
                        .await?;
                }
                Ok(())
            })
        });
    one.connect_with((*pool.connect_options()).clone())
        .await
        .expect("connects")
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_expired_lease_is_handled_under_every_plan(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let worker = worker(&pool).await;
    // What autovacuum leaves of an idle queue, and what a queue that was once full left.
    let statistics = [
        "vacuum analyze run_lease".to_owned(),
        analyzed_with(1),
        analyzed_with(50_000),
    ];
    let plans: [&[&str]; 5] = [
        &[],
        &["enable_hashjoin = off", "enable_mergejoin = off"],
        &["enable_nestloop = off", "enable_mergejoin = off"],
        &["enable_nestloop = off", "enable_hashjoin = off"],
        &[
            "enable_indexscan = off",
            "enable_bitmapscan = off",
            "enable_material = off",
        ],
    ];
    for statistic in &statistics {
        for settings in plans {
            registered(&pool, ada, &spec(6)).await;
            sqlx::query!("update run set max_losses = 1000")
                .execute(&pool)
                .await
                .expect("sets");
            sqlx::raw_sql(AssertSqlSafe(statistic.clone()))
                .execute(&pool)
                .await
                .expect("writes statistics");
            let one = planned(
                &pool,
                &[settings, &["plan_cache_mode = force_generic_plan"]].concat(),
            )
            .await;
            // Prepared while the table is empty, as on a connection that has swept for days.
            for _ in 0..6 {
                jobs::reap(&one, TIMING).await.expect("sweeps");
            }
            let leases = take_some(&pool, worker, 5).await;
            expire_all(&pool).await;
            let reaped = jobs::reap(&one, TIMING).await.expect("sweeps");
            assert_eq!(
                (reaped.lost, reaped.mended),
                (5, 0),
                "{statistic} {settings:?}"
            );
            for lease in leases {
                assert_eq!(run_state(&pool, lease.run).await, "queued");
            }
            assert_eq!(broken(&pool).await, Vec::<i64>::new());
            one.close().await;
        }
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_nobodys_lease_explains_is_mended(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(6)).await;
    let worker = worker(&pool).await;
    let leases = take_some(&pool, worker, 6).await;
    let [no_lease, other_epoch, no_attempt, queued, ended, whole] =
        [0, 1, 2, 3, 4, 5].map(|i| leases[i].run.0);
    for (statement, run) in [
        ("delete from run_lease where run_id = $1", no_lease),
        (
            "update run_lease set epoch = 7 where run_id = $1",
            other_epoch,
        ),
        ("delete from run_attempt where run_id = $1", no_attempt),
        ("update run set state = 'queued' where id = $1", queued),
        (
            "update run set state = 'failed', failure = 'error', error = 'e', finished_at = now() where id = $1",
            ended,
        ),
    ] {
        sqlx::query(statement)
            .bind(run)
            .execute(&pool)
            .await
            .expect("breaks");
    }
    assert_eq!(broken(&pool).await.len(), 5);
    let reaped = jobs::reap(&pool, TIMING).await.expect("sweeps");
    assert_eq!((reaped.lost, reaped.mended, reaped.failed), (0, 5, 0));
    assert_eq!(broken(&pool).await, Vec::<i64>::new());
    for (run, state) in [
        (no_lease, "queued"),
        (other_epoch, "queued"),
        (no_attempt, "queued"),
        (queued, "queued"),
        (ended, "failed"),
        (whole, "running"),
    ] {
        assert_eq!(run_state(&pool, RunId(run)).await, state);
    }
    assert_eq!(jobs::reap(&pool, TIMING).await.expect("sweeps").mended, 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_experiment_whose_end_nobody_noticed_is_concluded(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let (left, other) = (
        registered(&pool, ada, &spec(6)).await,
        registered(&pool, ada, &spec(6)).await,
    );
    sqlx::query!(
        "update run set state = 'cancelled', finished_at = now() where experiment_id = $1",
        left.0
    )
    .execute(&pool)
    .await
    .expect("breaks");
    assert_eq!(jobs::reap(&pool, TIMING).await.expect("sweeps").mended, 1);
    assert_eq!(experiment_state(&pool, left).await, "concluded");
    assert_eq!(experiment_state(&pool, other).await, "registered");
    assert_eq!(posts(&pool, left).await, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_running_run_without_a_lease_is_cancelled_at_once(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(6)).await;
    let worker = worker(&pool).await;
    let lease = take(&pool, worker).await.expect("a run");
    cancel(&pool, lease.run).await;
    assert_eq!(
        run_state(&pool, lease.run).await,
        "running",
        "its worker is told"
    );
    sqlx::query!("delete from run_lease")
        .execute(&pool)
        .await
        .expect("breaks");
    cancel(&pool, lease.run).await;
    assert_eq!(run_state(&pool, lease.run).await, "cancelled");
    assert_eq!(broken(&pool).await, Vec::<i64>::new());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_row_that_fails_holds_up_nobody_else(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(6)).await;
    let worker = worker(&pool).await;
    let leases = take_some(&pool, worker, 4).await;
    let bad = leases[0].run;
    sqlx::raw_sql(AssertSqlSafe(format!(
        "alter table run add constraint run_cursed check (id <> {bad} or state = 'running')"
    )))
    .execute(&pool)
    .await
    .expect("curses");
    expire_all(&pool).await;
    let reaped = jobs::reap(&pool, TIMING).await.expect("the sweep goes on");
    assert_eq!((reaped.lost, reaped.failed), (3, 1));
    assert_eq!(run_state(&pool, bad).await, "running");
    sqlx::raw_sql("alter table run drop constraint run_cursed")
        .execute(&pool)
        .await
        .expect("lifts");
    assert_eq!(jobs::reap(&pool, TIMING).await.expect("sweeps").lost, 1);
    assert_eq!(run_state(&pool, bad).await, "queued");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_a_worker_says_of_itself_is_stored_fit_for_people(pool: PgPool) {
    let worker = Uuid::new_v4();
    let long = "x\0".repeat(5_000);
    jobs::register_worker(&pool, worker, &long, &long, &long, 1)
        .await
        .expect("registers");
    let trouble = jobs::Trouble {
        reason: format!("/mnt/ck: No space left on device (os error 28) {long}"),
        pauses: true,
    };
    jobs::report_trouble(&pool, worker, Some(&trouble))
        .await
        .expect("reports");
    let row = sqlx::query!("select host, trouble from worker")
        .fetch_one(&pool)
        .await
        .expect("the worker");
    assert!(row.host.chars().count() <= 200);
    let trouble = row.trouble.expect("trouble");
    assert!(
        trouble.starts_with("a file of the worker: No space left"),
        "{trouble}"
    );
}

/// Every run ends with a text as nobody expects it.
async fn fail_all(pool: &PgPool, worker: Uuid, text: impl Fn(u32) -> String) {
    let mut number = 0;
    while let Some(lease) = take(pool, worker).await {
        number += 1;
        let ending = Ending::Failed {
            kind: FailureKind::OutOfMemory,
            error: text(number),
        };
        finish(pool, &lease, ending, TIMING).await.expect("ends");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn no_text_stops_a_finish_or_a_verdict(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let worker = worker(&pool).await;
    let texts: [&dyn Fn(u32) -> String; 4] = [
        &|n| format!("{n} {}", "x".repeat(2_900)),
        &|n| {
            format!(
                "thread '<unnamed>' ({n}) panicked\0 at /srv/worker/{n}.rs: {}",
                "*".repeat(30_000)
            )
        },
        &|n| "äöü\u{202e}\u{0}".repeat(n as usize * 1_000),
        &|_| String::new(),
    ];
    for text in texts {
        let experiment = registered(&pool, ada, &spec(20)).await;
        fail_all(&pool, worker, text).await;
        assert_eq!(experiment_state(&pool, experiment).await, "stalled");
        give_up(&pool, experiment).await;
        assert_eq!(posts(&pool, experiment).await, 1);
        let body = sqlx::query_scalar!(
            "select body from comment where experiment_id = $1",
            experiment.0
        )
        .fetch_one(&pool)
        .await
        .expect("a post");
        assert!(
            !body.contains("/root") && body.contains("The disk stays broken"),
            "{body}"
        );
    }
    // Violations, as many and as long as they like.
    let experiment = registered(&pool, ada, &spec(8)).await;
    while let Some(lease) = take(&pool, worker).await {
        let Ending::Succeeded(mut result) = success(0.1) else {
            panic!("a success")
        };
        result.treatment.verified = false;
        result.treatment.violations = vec!["[odd](text)\0".repeat(500); 300];
        result.provenance.device_name = "\0".repeat(1_000);
        result.provenance.wall_seconds = f64::NAN;
        finish(&pool, &lease, Ending::Succeeded(result), TIMING)
            .await
            .expect("ends");
    }
    assert_eq!(experiment_state(&pool, experiment).await, "concluded");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_verdict_that_the_database_refuses_stops_no_run_from_ending(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let experiment = registered(&pool, ada, &spec(6)).await;
    let worker = worker(&pool).await;
    sqlx::raw_sql("alter table comment add constraint comment_cursed check (kind <> 'result')")
        .execute(&pool)
        .await
        .expect("curses");
    while let Some(lease) = take(&pool, worker).await {
        finish(&pool, &lease, success(0.1), TIMING)
            .await
            .expect("ends");
    }
    assert_eq!(experiment_state(&pool, experiment).await, "stalled");
    sqlx::raw_sql("alter table comment drop constraint comment_cursed")
        .execute(&pool)
        .await
        .expect("lifts");
    give_up(&pool, experiment).await;
    assert_eq!(experiment_state(&pool, experiment).await, "concluded");
    assert_eq!(posts(&pool, experiment).await, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_result_that_is_not_finite_or_not_of_this_run_does_not_count(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(6)).await;
    let worker = worker(&pool).await;
    let lease = take(&pool, worker).await.expect("a run");
    finish(&pool, &lease, success(f64::INFINITY), TIMING)
        .await
        .expect("ends");
    let failure = sqlx::query_scalar!("select failure from run where id = $1", lease.run.0)
        .fetch_one(&pool)
        .await
        .expect("the run");
    assert_eq!(failure.as_deref(), Some("diverged"));
    let lease = take(&pool, worker).await.expect("a run");
    let plan = lease.plan.clone().expect("a plan");
    for (sha256, seed) in [("0".repeat(64), plan.seed), (plan.sha256(), plan.seed + 1)] {
        let Ending::Succeeded(mut result) = success(0.1) else {
            panic!("a success")
        };
        result.provenance.plan_sha256 = sha256;
        result.provenance.seed = seed;
        jobs::finish(&pool, &lease, Ending::Succeeded(result), TIMING)
            .await
            .expect("is told");
        assert_eq!(run_state(&pool, lease.run).await, "queued");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn losses_count_since_the_run_last_got_further(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(1)).await;
    sqlx::query!("update run set max_losses = 3")
        .execute(&pool)
        .await
        .expect("sets");
    let worker = worker(&pool).await;
    let first = take(&pool, worker).await.expect("a run").run;
    sqlx::query!("update run set priority = 1 where id = $1", first.0)
        .execute(&pool)
        .await
        .expect("sets");
    let mut step = 0;
    // Killed far more often than `max_losses`, and each time a little further; then no further any more.
    for (advance, state) in [(1, "queued"); 8]
        .into_iter()
        .chain([(0, "queued"), (0, "failed")])
    {
        let lease = sqlx::query!("select epoch from run where id = $1", first.0)
            .fetch_one(&pool)
            .await
            .expect("the run");
        if advance > 0 {
            step += advance;
            let held = Lease {
                run: first,
                epoch: lease.epoch,
                experiment: ExperimentId(0),
                worker,
                plan: Err(String::new()),
                max_runtime_s: 1,
            };
            sqlx::query!(
                "insert into run_checkpoint (run_id, epoch, step, object_key, bytes, sha256)
                 values ($1, $2, $3, 'k', 1, repeat('0', 64))",
                held.run.0,
                held.epoch,
                step
            )
            .execute(&pool)
            .await
            .expect("registers");
        }
        expire(&pool, first).await;
        jobs::reap(&pool, TIMING).await.expect("sweeps");
        assert_eq!(run_state(&pool, first).await, state, "at step {step}");
        if state == "queued" {
            assert_eq!(take(&pool, worker).await.expect("again").run, first);
        }
    }
    let row = sqlx::query!("select losses, error from run where id = $1", first.0)
        .fetch_one(&pool)
        .await
        .expect("the run");
    assert_eq!(row.losses, 10);
    let error = row.error.expect("a reason");
    assert!(
        error.contains("Lost 3 times without getting further"),
        "{error}"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_attempt_out_of_time_hands_its_run_back(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(1)).await;
    let worker = worker(&pool).await;
    let lease = take(&pool, worker).await.expect("a run");
    let checkpoint = Checkpoint {
        epoch: 1,
        step: 5,
        object_key: "k".into(),
        bytes: 1,
        sha256: "0".repeat(64),
    };
    jobs::checkpoint(&pool, &lease, &checkpoint)
        .await
        .expect("registers");
    sqlx::query!("update run_lease set taken_at = now() - interval '7 hours'")
        .execute(&pool)
        .await
        .expect("sets");
    assert_eq!(
        jobs::reap(&pool, TIMING).await.expect("sweeps").timed_out,
        1
    );
    assert_eq!(run_state(&pool, lease.run).await, "queued");
    let again = take(&pool, worker).await.expect("the same run");
    let known = jobs::checkpoints(&pool, &again).await.expect("checkpoints");
    assert_eq!((again.run, known[0].step), (lease.run, 5));
    // The worker's own clock says the same.
    let ending = Ending::Failed {
        kind: FailureKind::TimedOut,
        error: "It took longer than it may.".into(),
    };
    finish(&pool, &again, ending, TIMING).await.expect("ends");
    assert_eq!(run_state(&pool, lease.run).await, "queued");
}

async fn cancel(pool: &PgPool, run: RunId) {
    let actor = sqlx::query_scalar!(
        r#"select owner_id as "id: breakmywork_protocol::id::AccountId" from run where id = $1"#,
        run.0
    )
    .fetch_one(pool)
    .await
    .expect("an owner");
    let mut tx = pool.begin().await.expect("begins");
    jobs::cancel(&mut tx, run, actor, "why")
        .await
        .expect("cancels");
    tx.commit().await.expect("commits");
}

async fn give_up(pool: &PgPool, experiment: ExperimentId) {
    let actor = sqlx::query_scalar!(r#"select author_id as "id: breakmywork_protocol::id::AccountId" from experiment where id = $1"#, experiment.0)
        .fetch_one(pool)
        .await
        .expect("an author");
    let mut tx = pool.begin().await.expect("begins");
    jobs::give_up(&mut tx, experiment, actor, "The disk stays broken.")
        .await
        .expect("gives up");
    tx.commit().await.expect("commits");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn machine_trouble_waits_for_an_admin_and_a_retry_brings_the_verdict(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let experiment = registered(&pool, ada, &spec(6)).await;
    let worker = worker(&pool).await;
    fail_all(&pool, worker, |_| "/mnt/x: the disk is full".into()).await;
    assert_eq!(experiment_state(&pool, experiment).await, "stalled");
    assert_eq!(posts(&pool, experiment).await, 0);
    let reason = sqlx::query_scalar!(
        "select stalled_reason from experiment where id = $1",
        experiment.0
    )
    .fetch_one(&pool)
    .await
    .expect("asks")
    .expect("a reason");
    assert!(
        reason.contains("the disk is full") && !reason.contains("/mnt"),
        "{reason}"
    );
    // Two admins at once: one retries, the other is told.
    let retry = async || {
        let mut tx = pool.begin().await.expect("begins");
        let retried = jobs::retry_failed(&mut tx, experiment, ada, "there is space again").await;
        tx.commit().await.expect("commits");
        retried
    };
    let (one, other) = tokio::join!(retry(), retry());
    let (told, done) = if one.is_ok() {
        (other, one)
    } else {
        (one, other)
    };
    assert_eq!(done.expect("retries"), 12);
    assert!(matches!(told, Err(jobs::Error::Conflict(_))), "{told:?}");
    assert_eq!(experiment_state(&pool, experiment).await, "running");
    while let Some(lease) = take(&pool, worker).await {
        let fixed = lease.plan.as_ref().is_ok_and(|plan| plan.arm == "fixed");
        let value = if fixed { 0.01 } else { 0.1 };
        finish(&pool, &lease, success(value), TIMING)
            .await
            .expect("ends");
    }
    assert_eq!(experiment_state(&pool, experiment).await, "concluded");
    let outcome = sqlx::query_scalar!("select outcome from verdict")
        .fetch_one(&pool)
        .await;
    assert_eq!(outcome.expect("a verdict"), "supported");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn of_two_admins_who_retry_one_run_at_once_one_is_told(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(6)).await;
    let worker = worker(&pool).await;
    for _ in 0..5 {
        let lease = take(&pool, worker).await.expect("a run");
        let ending = Ending::Failed {
            kind: FailureKind::Specification,
            error: "e".into(),
        };
        finish(&pool, &lease, ending, TIMING).await.expect("ends");
        let retry = async || {
            let mut tx = pool.begin().await.expect("begins");
            let retried = jobs::retry(&mut tx, lease.run, ada, "why").await;
            tx.commit().await.expect("commits");
            retried
        };
        let (one, other) = tokio::join!(retry(), retry());
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
        let told = if one.is_ok() { other } else { one };
        assert!(matches!(told, Err(jobs::Error::Conflict(_))), "{told:?}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn one_worker_serves_people_in_turns_by_what_they_used(pool: PgPool) {
    let (ada, bob) = (account(&pool, "ada").await, account(&pool, "bob").await);
    registered(&pool, ada, &spec(20)).await;
    registered(&pool, ada, &spec(20)).await;
    registered(&pool, bob, &spec(6)).await;
    let worker = worker(&pool).await;
    let next = async |seconds: f64| {
        let lease = take(&pool, worker).await.expect("a run");
        sqlx::query!(
            "update run_attempt set started_at = now() - make_interval(secs => $2) where run_id = $1 and ended_at is null",
            lease.run.0,
            seconds
        )
        .execute(&pool)
        .await
        .expect("sets");
        finish(&pool, &lease, success(0.1), TIMING)
            .await
            .expect("ends");
        sqlx::query_scalar!("select owner_id from run where id = $1", lease.run.0)
            .fetch_one(&pool)
            .await
            .expect("an owner")
    };
    for _ in 0..3 {
        let mut turn = [next(60.0).await, next(60.0).await];
        turn.sort_unstable();
        assert_eq!(turn, [ada.0, bob.0]);
    }
    // One long run is as much as many short ones.
    let (long, short) = match next(600.0).await {
        owner if owner == ada.0 => (ada.0, bob.0),
        owner => (owner, ada.0),
    };
    for _ in 0..6 {
        assert_eq!(next(60.0).await, short);
    }
    // What was used days ago is nearly nothing today.
    sqlx::query!(
        "update queue_use set counted_at = now() - interval '4 days' where owner_id = $1",
        long
    )
    .execute(&pool)
    .await
    .expect("sets");
    assert_eq!(next(60.0).await, long);
}
