//! Sequential plans: one pair at a time, until the e-value decides, whatever becomes of the runs.

use crate::common::*;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::id::{AccountId, ExperimentId, RunId};
use breakmywork_protocol::jobs::{self, Ending, FailureKind, Lease};
use breakmywork_protocol::spec::{Spec, Stopping};
use breakmywork_protocol::verdict::{Outcome, Stop};
use sqlx::PgPool;
use uuid::Uuid;

fn sequential(cap: u32) -> Spec {
    let mut spec = spec(cap);
    spec.criterion.as_mut().expect("one").stopping = Some(Stopping::EValue);
    spec
}

/// The pairs that were queued, in their order, and how many of their runs have ended.
async fn pairs(pool: &PgPool, experiment: ExperimentId) -> Vec<(i64, i64, i64)> {
    sqlx::query!(
        r#"select seed, count(*) as "runs!", count(*) filter (where finished_at is not null) as "ended!"
           from run where experiment_id = $1 group by seed order by min(id)"#,
        experiment.0
    )
    .fetch_all(pool)
    .await
    .expect("asks")
    .into_iter()
    .map(|row| (row.seed, row.runs, row.ended))
    .collect()
}

/// Trains the pair that waits: the treatment ends better by this.
async fn train_pair(pool: &PgPool, worker: Uuid, advantage: f64) {
    for _ in 0..2 {
        let lease = take(pool, worker).await.expect("a run");
        end(pool, &lease, advantage).await;
    }
}

async fn end(pool: &PgPool, lease: &Lease, advantage: f64) {
    let fixed = lease.plan.as_ref().expect("a plan").arm == "fixed";
    let error = if fixed { 0.05 - advantage } else { 0.05 };
    finish(pool, lease, success(error), TIMING)
        .await
        .expect("finishes");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn pairs_run_one_after_the_other_and_stop_when_the_e_value_decides(pool: PgPool) {
    let spec = sequential(16);
    let experiment = registered(&pool, ada(&pool).await, &spec).await;
    let worker = worker(&pool).await;
    for pair in 1..=7 {
        let queued = pairs(&pool, experiment).await;
        assert_eq!(queued.len(), pair);
        assert_eq!(queued[pair - 1].1, 2, "{queued:?}");
        let [one, other] = [
            take(&pool, worker).await.expect("a run"),
            take(&pool, worker).await.expect("its partner"),
        ];
        assert!(take(&pool, worker).await.is_none(), "one pair at a time");
        end(&pool, &one, 0.03).await;
        assert_eq!(pairs(&pool, experiment).await.len(), pair);
        end(&pool, &other, 0.03).await;
    }
    assert_eq!(experiment_state(&pool, experiment).await, "concluded");
    assert_eq!(posts(&pool, experiment).await, 1);
    let verdict = verdict(&pool, experiment).await;
    let sequential = verdict.sequential.expect("a sequential plan");
    assert_eq!(verdict.outcome, Outcome::Supported);
    assert_eq!((sequential.steps.len(), sequential.cap), (7, 16));
    assert_eq!(sequential.stop, Some(Stop::Decided));
    // In the order in which the seeds were drawn.
    let salt = sqlx::query_scalar!(
        "select seed_salt from experiment where id = $1",
        experiment.0
    )
    .fetch_one(&pool)
    .await
    .expect("asks");
    let drawn = spec.seeds_drawn(salt.as_deref());
    let ran: Vec<i64> = pairs(&pool, experiment)
        .await
        .iter()
        .map(|pair| pair.0)
        .collect();
    assert_eq!(
        ran,
        drawn[..7]
            .iter()
            .map(|seed| i64::from(*seed))
            .collect::<Vec<_>>()
    );
    assert!(take(&pool, worker).await.is_none());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn it_ends_where_no_outcome_of_the_pairs_left_could_decide(pool: PgPool) {
    let experiment = registered(&pool, ada(&pool).await, &sequential(8)).await;
    let worker = worker(&pool).await;
    // Eight of eight, or the first seven, would decide.
    for advantage in [0.03, 0.03, 0.03, 0.03, 0.03, 0.03, -0.01] {
        train_pair(&pool, worker, advantage).await;
    }
    assert_eq!(experiment_state(&pool, experiment).await, "concluded");
    let verdict = verdict(&pool, experiment).await;
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    let sequential = verdict.sequential.expect("a sequential plan");
    assert_eq!(
        (sequential.steps.len(), sequential.stop),
        (7, Some(Stop::Futile))
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_lost_run_leaves_its_pair_out_and_the_next_one_runs(pool: PgPool) {
    let experiment = registered(&pool, ada(&pool).await, &sequential(12)).await;
    let worker = worker(&pool).await;
    train_pair(&pool, worker, 0.03).await;
    // The second pair: one run goes through, the other loses its workers until it is given up.
    let kept = take(&pool, worker).await.expect("a run");
    end(&pool, &kept, 0.03).await;
    for loss in 1..=10 {
        assert_eq!(
            pairs(&pool, experiment).await.len(),
            2,
            "before loss {loss}"
        );
        let lease = take(&pool, worker).await.expect("the same run");
        expire(&pool, lease.run).await;
        assert_eq!(jobs::reap(&pool, TIMING).await.expect("sweeps").lost, 1);
    }
    assert_eq!(pairs(&pool, experiment).await.len(), 3);
    for _ in 0..6 {
        assert_eq!(experiment_state(&pool, experiment).await, "running");
        train_pair(&pool, worker, 0.03).await;
    }
    let verdict = verdict(&pool, experiment).await;
    assert_eq!(
        (verdict.outcome, verdict.pairs.len()),
        (Outcome::Supported, 8)
    );
    assert_eq!(verdict.missing.iter().sum::<usize>(), 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_sweep_goes_on_where_the_next_pair_was_never_queued(pool: PgPool) {
    let experiment = registered(&pool, ada(&pool).await, &sequential(12)).await;
    let worker = worker(&pool).await;
    train_pair(&pool, worker, 0.03).await;
    // As a dump from the moment before would have it, or a hand in the database.
    sqlx::query!(
        "delete from run where experiment_id = $1 and state = 'queued'",
        experiment.0
    )
    .execute(&pool)
    .await
    .expect("breaks");
    assert!(take(&pool, worker).await.is_none());
    assert_eq!(jobs::reap(&pool, TIMING).await.expect("sweeps").mended, 1);
    assert_eq!(jobs::reap(&pool, TIMING).await.expect("sweeps").mended, 0);
    for _ in 0..6 {
        train_pair(&pool, worker, 0.03).await;
    }
    assert_eq!(verdict(&pool, experiment).await.outcome, Outcome::Supported);
}

async fn cancel(pool: &PgPool, run: RunId, by: AccountId) {
    let mut tx = pool.begin().await.expect("begins");
    jobs::cancel(&mut tx, run, by, "why")
        .await
        .expect("cancels");
    tx.commit().await.expect("commits");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn cancelled_pairs_are_passed_over_until_they_are_too_many(pool: PgPool) {
    let ada = ada(&pool).await;
    let experiment = registered(&pool, ada, &sequential(7)).await;
    for pair in 1..=2 {
        assert_eq!(pairs(&pool, experiment).await.len(), pair);
        let queued = sqlx::query_scalar!(
            r#"select id as "id: RunId" from run where experiment_id = $1 and state = 'queued'"#,
            experiment.0
        )
        .fetch_all(&pool)
        .await
        .expect("asks");
        for run in queued {
            cancel(&pool, run, ada).await;
        }
    }
    assert_eq!(experiment_state(&pool, experiment).await, "concluded");
    assert_eq!(verdict(&pool, experiment).await.outcome, Outcome::Aborted);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn machine_trouble_stalls_it_and_a_retry_goes_on(pool: PgPool) {
    let ada = ada(&pool).await;
    let experiment = registered(&pool, ada, &sequential(7)).await;
    let worker = worker(&pool).await;
    for _ in 0..4 {
        let lease = take(&pool, worker).await.expect("a run");
        let ending = Ending::Failed {
            kind: FailureKind::OutOfMemory,
            error: "The card is too small.".into(),
        };
        finish(&pool, &lease, ending, TIMING).await.expect("ends");
    }
    assert_eq!(experiment_state(&pool, experiment).await, "stalled");
    let mut tx = pool.begin().await.expect("begins");
    let again = jobs::retry_failed(&mut tx, experiment, ada, "A larger card.")
        .await
        .expect("retries");
    tx.commit().await.expect("commits");
    assert_eq!(again, 4);
    for _ in 0..7 {
        train_pair(&pool, worker, 0.03).await;
    }
    let verdict = verdict(&pool, experiment).await;
    assert_eq!(
        (verdict.outcome, verdict.missing),
        (Outcome::Supported, [0, 0])
    );
}

/// Stopped when it looks good, it is aborted: an author cannot keep the good half.
#[sqlx::test(migrator = "MIGRATOR")]
async fn who_stops_it_gets_no_verdict_of_the_pairs_so_far(pool: PgPool) {
    let ada = ada(&pool).await;
    let experiment = registered(&pool, ada, &sequential(12)).await;
    let worker = worker(&pool).await;
    for _ in 0..6 {
        train_pair(&pool, worker, 0.03).await;
    }
    let mut tx = pool.begin().await.expect("begins");
    jobs::stop(&mut tx, experiment, ada, "It looks good.")
        .await
        .expect("stops");
    tx.commit().await.expect("commits");
    assert_eq!(experiment_state(&pool, experiment).await, "concluded");
    assert_eq!(verdict(&pool, experiment).await.outcome, Outcome::Aborted);
    assert!(take(&pool, worker).await.is_none());
    assert_eq!(jobs::reap(&pool, TIMING).await.expect("sweeps").mended, 0);
}
