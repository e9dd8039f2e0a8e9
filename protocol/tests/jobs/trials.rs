//! Runs of trials: an experiment waits for them, and its verdict reads nothing of them.

use crate::common::*;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::id::{ExperimentId, RunId};
use breakmywork_protocol::jobs::{self, Lease};
use breakmywork_protocol::verdict::Outcome;
use sqlx::PgPool;

/// Adds a trial with a run of each arm on a seed that the verdict compares too.
async fn tried(pool: &PgPool, experiment: ExperimentId, number: i32) -> sqlx::Result<()> {
    sqlx::query!(
        r#"with tried as (
             insert into trial (experiment_id, number, settings) values ($1, $2, '{"training.learning_rate": 0.01}')
             on conflict do nothing
           )
           insert into run (experiment_id, owner_id, trial, arm, seed, plan, steps)
           select experiment_id, owner_id, $2, arm, seed, plan, steps from run
           where experiment_id = $1 and trial is null and seed = (select min(seed) from run where experiment_id = $1)"#,
        experiment.0,
        number
    )
    .execute(pool)
    .await?;
    Ok(())
}

async fn trial_of(pool: &PgPool, run: RunId) -> Option<i32> {
    sqlx::query_scalar!("select trial from run where id = $1", run.0)
        .fetch_one(pool)
        .await
        .expect("the run")
}

/// Runs of the trial end the other way round: were they pairs, they would be seen.
async fn end(pool: &PgPool, lease: &Lease) {
    let fixed = lease.plan.as_ref().expect("a plan").arm == "fixed";
    let better = fixed == trial_of(pool, lease.run).await.is_none();
    let error = if better { 0.01 } else { 0.05 };
    finish(pool, lease, success(error), TIMING)
        .await
        .expect("finishes");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_experiment_waits_for_them_and_its_verdict_reads_none_of_them(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let experiment = registered(&pool, ada, &spec(8)).await;
    tried(&pool, experiment, 1).await.expect("queues");
    let worker = worker(&pool).await;
    let mut of_pairs = 0;
    while of_pairs < 16 {
        let lease = take(&pool, worker).await.expect("a run");
        of_pairs += usize::from(trial_of(&pool, lease.run).await.is_none());
        end(&pool, &lease).await;
    }
    // Both runs of the trial were queued last.
    assert_eq!(experiment_state(&pool, experiment).await, "running");
    for _ in 0..2 {
        let lease = take(&pool, worker).await.expect("a run of the trial");
        assert_eq!(trial_of(&pool, lease.run).await, Some(1));
        end(&pool, &lease).await;
    }
    assert_eq!(experiment_state(&pool, experiment).await, "concluded");
    let told = verdict(&pool, experiment).await;
    assert_eq!((told.outcome, told.pairs.len()), (Outcome::Supported, 8));
    assert!(told.pairs.iter().all(|pair| pair.difference == Some(0.04)));
    let mut connection = pool.acquire().await.expect("connects");
    let again = jobs::verdict_again(&mut connection, experiment).await;
    assert_eq!(again.expect("computes"), told);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn each_trial_has_one_line_of_runs_for_an_arm_and_a_seed(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let experiment = registered(&pool, ada, &spec(8)).await;
    let refused = |done: sqlx::Result<()>| {
        let error = done.expect_err("refused");
        let constraint = error
            .as_database_error()
            .and_then(|error| error.constraint());
        constraint.map(str::to_owned)
    };
    tried(&pool, experiment, 1).await.expect("queues");
    tried(&pool, experiment, 2).await.expect("another trial");
    let twice = tried(&pool, experiment, 1).await;
    assert_eq!(refused(twice).as_deref(), Some("run_arm_seed_unique"));
    let pairs_twice = sqlx::query!(
        "insert into run (experiment_id, owner_id, arm, seed, plan)
         select experiment_id, owner_id, arm, seed, plan from run where trial is null limit 1"
    );
    let pairs_twice = pairs_twice.execute(&pool).await.map(|_| ());
    assert_eq!(refused(pairs_twice).as_deref(), Some("run_arm_seed_unique"));
    // A run of a trial that the experiment does not have.
    let unknown = sqlx::query!("update run set trial = 3 where trial = 1");
    let unknown = unknown.execute(&pool).await.map(|_| ());
    assert_eq!(refused(unknown).as_deref(), Some("run_trial_fk"));
}

/// What is retried stays a run of its trial, and does not become a pair.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_retry_stays_in_its_trial(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let experiment = registered(&pool, ada, &spec(8)).await;
    tried(&pool, experiment, 1).await.expect("queues");
    let run = sqlx::query_scalar!(r#"select min(id) as "id!: RunId" from run where trial = 1"#);
    let run = run.fetch_one(&pool).await.expect("asks");
    let mut tx = pool.begin().await.expect("begins");
    jobs::cancel(&mut tx, run, ada, "why")
        .await
        .expect("cancels");
    let again = jobs::retry(&mut tx, run, ada, "why")
        .await
        .expect("retries");
    tx.commit().await.expect("commits");
    assert_eq!(trial_of(&pool, again).await, Some(1));
}
