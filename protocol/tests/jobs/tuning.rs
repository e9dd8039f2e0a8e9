//! Equal tuning: each arm's trials run first, and what is compared is what they chose, whatever becomes of the runs.

use crate::common::*;
use crate::standing;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::id::{AccountId, ExperimentId, RunId};
use breakmywork_protocol::jobs::{self, Ending, FailureKind, Lease};
use breakmywork_protocol::spec::{self, Format, Spec, Stopping};
use breakmywork_protocol::verdict::Outcome;
use sqlx::PgPool;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Three learning rates on two seeds for each of two arms: twelve runs.
fn tuned(seeds: u32) -> Spec {
    let text = format!(
        "{}[tuning]\nsearch = \"grid\"\nseeds = 2\n[[tuning.fields]]\nfield = \"training.learning_rate\"\n\
         values = [0.001, 0.01, 0.1]\n",
        spec(seeds).to_toml()
    );
    spec::read(&text, Format::Toml).expect("a good specification")
}

/// What a run ends with: validation likes 0.01 for the fixed arm and 0.001 for the other; on the test it is the other way
/// round, and the fixed arm is better by 0.03.
async fn end(pool: &PgPool, lease: &Lease) {
    let plan = lease.plan.as_ref().expect("a plan");
    let rate = plan.setup.training.learning_rate;
    let fixed = plan.arm == "fixed";
    let best = if fixed { 0.01 } else { 0.001 };
    let distance = (rate / best).ln().abs() / 100.0;
    let mut ending = success(if fixed { 0.02 } else { 0.05 } - distance / 10.0);
    if let Ending::Succeeded(result) = &mut ending {
        result.metrics.insert("valid_mse".into(), 0.05 + distance);
    }
    finish(pool, lease, ending, TIMING).await.expect("finishes");
}

/// Runs with and without a trial, and those of them that have ended.
async fn counts(pool: &PgPool, experiment: ExperimentId) -> [i64; 4] {
    let row = sqlx::query!(
        r#"select count(*) filter (where trial is not null) as "tried!", count(*) filter (where trial is null) as "compared!",
             count(*) filter (where trial is not null and finished_at is not null) as "tried_ended!",
             count(*) filter (where trial is null and finished_at is not null) as "compared_ended!"
           from run where experiment_id = $1 and retry_of is null"#,
        experiment.0
    )
    .fetch_one(pool)
    .await
    .expect("asks");
    [row.tried, row.tried_ended, row.compared, row.compared_ended]
}

async fn train(pool: &PgPool, worker: Uuid, runs: usize) {
    for _ in 0..runs {
        let lease = take(pool, worker).await.expect("a run");
        end(pool, &lease).await;
    }
}

async fn chosen(pool: &PgPool, experiment: ExperimentId) -> Vec<(String, i32)> {
    sqlx::query!(
        r#"select arm as "arm!", number from trial where experiment_id = $1 and chosen order by arm"#,
        experiment.0
    )
    .fetch_all(pool)
    .await
    .expect("asks")
    .into_iter()
    .map(|row| (row.arm, row.number))
    .collect()
}

async fn stopped(pool: &PgPool, experiment: ExperimentId, by: AccountId) {
    let mut tx = pool.begin().await.expect("begins");
    jobs::stop(&mut tx, experiment, by, "why")
        .await
        .expect("stops");
    tx.commit().await.expect("commits");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_arms_try_choose_and_are_compared_on_fresh_seeds(pool: PgPool) {
    let experiment = registered(&pool, ada(&pool).await, &tuned(8)).await;
    assert_eq!(counts(&pool, experiment).await, [12, 0, 0, 0]);
    let worker = worker(&pool).await;
    train(&pool, worker, 11).await;
    assert_eq!(counts(&pool, experiment).await, [12, 11, 0, 0]);
    assert_eq!(chosen(&pool, experiment).await, []);
    train(&pool, worker, 1).await;
    assert_eq!(counts(&pool, experiment).await, [12, 12, 16, 0]);
    let both = [("fixed".to_owned(), 2), ("fresh".to_owned(), 4)];
    assert_eq!(chosen(&pool, experiment).await, both);
    assert_eq!(experiment_state(&pool, experiment).await, "running");
    train(&pool, worker, 16).await;
    assert_eq!(experiment_state(&pool, experiment).await, "concluded");
    let told = verdict(&pool, experiment).await;
    assert_eq!((told.outcome, told.pairs.len()), (Outcome::Supported, 8));
    // Each arm ran with what it chose, and on no seed that it chose by.
    let rows = sqlx::query!(
        r#"select arm, seed, trial, (plan #>> '{training,learning_rate}')::float8 as "rate!" from run where experiment_id = $1"#,
        experiment.0
    );
    let rows = rows.fetch_all(&pool).await.expect("asks");
    let (tried, compared): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.trial.is_some());
    let tried: BTreeSet<i64> = tried.iter().map(|row| row.seed).collect();
    assert_eq!((tried.len(), compared.len()), (2, 16));
    for row in compared {
        let best = if row.arm == "fixed" { 0.01 } else { 0.001 };
        assert_eq!(row.rate, best);
        assert!(!tried.contains(&row.seed));
    }
    let post = sqlx::query_scalar!(
        "select body from comment where experiment_id = $1",
        experiment.0
    );
    let post = post.fetch_one(&pool).await.expect("a post");
    assert!(
        post.contains("“fixed” chose training.learning_rate 0.01."),
        "{post}"
    );
    assert!(
        post.contains("“fresh” chose training.learning_rate 0.001, at the edge"),
        "{post}"
    );
}

/// The workers end the last two tuning runs at once: one of them goes on, and only once.
#[sqlx::test(migrator = "MIGRATOR")]
async fn of_two_last_runs_that_end_at_once_one_queues_the_comparison(pool: PgPool) {
    let experiment = registered(&pool, ada(&pool).await, &tuned(8)).await;
    let worker = worker(&pool).await;
    train(&pool, worker, 10).await;
    let [one, other] = [
        take(&pool, worker).await.expect("a run"),
        take(&pool, worker).await.expect("a run"),
    ];
    tokio::join!(end(&pool, &one), end(&pool, &other));
    assert_eq!(counts(&pool, experiment).await, [12, 12, 16, 0]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_missing_tuning_run_stalls_it_and_a_retry_goes_on(pool: PgPool) {
    let ada = ada(&pool).await;
    let experiment = registered(&pool, ada, &tuned(8)).await;
    let worker = worker(&pool).await;
    let lease = take(&pool, worker).await.expect("a run");
    let ending = Ending::Failed {
        kind: FailureKind::OutOfMemory,
        error: "The card is too small.".into(),
    };
    finish(&pool, &lease, ending, TIMING).await.expect("ends");
    train(&pool, worker, 11).await;
    assert_eq!(experiment_state(&pool, experiment).await, "stalled");
    let why = sqlx::query_scalar!(
        r#"select stalled_reason as "it!" from experiment where id = $1"#,
        experiment.0
    );
    let why = why.fetch_one(&pool).await.expect("asks");
    assert!(
        why.contains("1 of 12 tuning runs") && why.contains("The card is too small."),
        "{why}"
    );
    let mut tx = pool.begin().await.expect("begins");
    let again = jobs::retry_failed(&mut tx, experiment, ada, "A larger card.").await;
    assert_eq!(again.expect("retries"), 1);
    tx.commit().await.expect("commits");
    train(&pool, worker, 1).await;
    assert_eq!(counts(&pool, experiment).await, [12, 12, 16, 0]);
    train(&pool, worker, 16).await;
    assert_eq!(verdict(&pool, experiment).await.outcome, Outcome::Supported);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_cancelled_tuning_run_ends_it(pool: PgPool) {
    let ada = ada(&pool).await;
    let experiment = registered(&pool, ada, &tuned(8)).await;
    let run = sqlx::query_scalar!(
        r#"select min(id) as "id!: RunId" from run where experiment_id = $1"#,
        experiment.0
    );
    let run = run.fetch_one(&pool).await.expect("asks");
    let mut tx = pool.begin().await.expect("begins");
    jobs::cancel(&mut tx, run, ada, "why")
        .await
        .expect("cancels");
    tx.commit().await.expect("commits");
    let worker = worker(&pool).await;
    train(&pool, worker, 11).await;
    assert_eq!(experiment_state(&pool, experiment).await, "concluded");
    assert_eq!(verdict(&pool, experiment).await.outcome, Outcome::Aborted);
    assert_eq!(chosen(&pool, experiment).await, []);
}

/// Whoever stops it when its tuning looks bad gets no comparison, and whoever stops it later no verdict.
#[sqlx::test(migrator = "MIGRATOR")]
async fn stopped_while_it_is_tuned_it_is_aborted(pool: PgPool) {
    let ada = ada(&pool).await;
    let experiment = registered(&pool, ada, &tuned(8)).await;
    let worker = worker(&pool).await;
    train(&pool, worker, 5).await;
    stopped(&pool, experiment, ada).await;
    assert_eq!(experiment_state(&pool, experiment).await, "concluded");
    assert_eq!(verdict(&pool, experiment).await.outcome, Outcome::Aborted);
    assert_eq!(counts(&pool, experiment).await[2], 0);
    assert!(take(&pool, worker).await.is_none());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_sweep_goes_on_where_the_comparison_was_never_queued(pool: PgPool) {
    let experiment = registered(&pool, ada(&pool).await, &tuned(8)).await;
    let worker = worker(&pool).await;
    train(&pool, worker, 12).await;
    sqlx::query!(
        "delete from run where experiment_id = $1 and trial is null",
        experiment.0
    )
    .execute(&pool)
    .await
    .expect("breaks");
    assert_eq!(jobs::reap(&pool, TIMING).await.expect("sweeps").mended, 1);
    assert_eq!(jobs::reap(&pool, TIMING).await.expect("sweeps").mended, 0);
    train(&pool, worker, 16).await;
    assert_eq!(verdict(&pool, experiment).await.outcome, Outcome::Supported);
}

/// After the choice a sequential plan runs its pairs one at a time, with what was chosen.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_sequential_plan_is_tuned_first(pool: PgPool) {
    let mut spec = tuned(16);
    spec.criterion.as_mut().expect("one").stopping = Some(Stopping::EValue);
    let experiment = registered(&pool, ada(&pool).await, &spec).await;
    let worker = worker(&pool).await;
    train(&pool, worker, 12).await;
    for pair in 1..=7 {
        assert_eq!(counts(&pool, experiment).await[2], 2 * pair);
        train(&pool, worker, 2).await;
    }
    assert_eq!(verdict(&pool, experiment).await.outcome, Outcome::Supported);
    let other = sqlx::query_scalar!(
        r#"select count(*) as "count!" from run where experiment_id = $1 and trial is null
             and (plan #>> '{training,learning_rate}')::float8 <> case arm when 'fixed' then 0.01 else 0.001 end"#,
        experiment.0
    );
    assert_eq!(other.fetch_one(&pool).await.expect("asks"), 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_exploratory_one_is_tuned_too(pool: PgPool) {
    let ada = ada(&pool).await;
    let experiment = proposed(&pool, ada, &tuned(3)).await;
    let mut tx = pool.begin().await.expect("begins");
    jobs::register(&mut tx, experiment, ada, &tuned(3), true)
        .await
        .expect("registers");
    tx.commit().await.expect("commits");
    let worker = worker(&pool).await;
    train(&pool, worker, 12 + 6).await;
    assert_eq!(experiment_state(&pool, experiment).await, "concluded");
    assert_eq!(posts(&pool, experiment).await, 1);
}

/// A claim falls by what each arm had chosen: the confirmation tests that on fresh seeds, and tunes nothing anew.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_confirmation_tests_what_was_chosen(pool: PgPool) {
    let ada = ada(&pool).await;
    let claim = standing::claim(&pool).await;
    let mut spec = tuned(8);
    spec.criterion = standing::test_of_it(8).criterion;
    let screen = standing::register(&pool, claim, ada, &spec).await;
    let worker = worker(&pool).await;
    train(&pool, worker, 12).await;
    // On the test the arms end alike.
    for _ in 0..16 {
        let lease = take(&pool, worker).await.expect("a run");
        finish(&pool, &lease, success(0.05), TIMING)
            .await
            .expect("finishes");
    }
    assert_eq!(verdict(&pool, screen).await.outcome, Outcome::Falsified);
    let row = sqlx::query!(
        r#"select id as "id: ExperimentId", spec, outside, (select array_agg(distinct seed) from run where experiment_id = e.id) as "seeds!"
           from experiment e where confirms = $1"#,
        screen.0
    );
    let row = row.fetch_one(&pool).await.expect("the board answers");
    let confirmation = Spec::from_stored(&row.spec).expect("reads");
    assert_eq!((confirmation.tuning.as_ref(), row.outside.len()), (None, 0));
    let rates: Vec<f64> = confirmation
        .arms
        .iter()
        .map(|arm| arm.setup.training.learning_rate)
        .collect();
    assert_eq!(rates, [0.01, 0.001]);
    let used = sqlx::query_scalar!(
        "select distinct seed from run where experiment_id = $1",
        screen.0
    );
    let used = used.fetch_all(&pool).await.expect("asks");
    assert_eq!(used.len(), 10);
    assert!(used.iter().all(|seed| !row.seeds.contains(seed)));
    assert_eq!(counts(&pool, row.id).await[0], 0);
    while let Some(lease) = take(&pool, worker).await {
        finish(&pool, &lease, success(0.05), TIMING)
            .await
            .expect("finishes");
    }
    assert_eq!(verdict(&pool, row.id).await.outcome, Outcome::Falsified);
}

/// What may be chosen counts where a claim says what it is about, and the map has what was.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_rate_that_may_be_chosen_beyond_the_scope_lies_outside(pool: PgPool) {
    let ada = ada(&pool).await;
    let claim = standing::claim(&pool).await;
    sqlx::query!(r#"update claim set covers = covers || '{"rate": {"least": 0.1, "most": 0.3}}'"#)
        .execute(&pool)
        .await
        .expect("sets");
    let of_rates = |rates: &str| {
        let mut spec = tuned(8);
        spec.criterion = standing::test_of_it(8).criterion;
        let text = spec
            .to_toml()
            .replace("training.learning_rate", "dropout.state.rate");
        spec::read(
            &text.replace("values = [0.001, 0.01, 0.1]", rates),
            Format::Toml,
        )
        .expect("good")
    };
    let outside = async |id: ExperimentId| {
        let row = sqlx::query!(
            "select outside, (select rate from experiment_point where experiment_id = id) from experiment where id = $1",
            id.0
        );
        let row = row.fetch_one(&pool).await.expect("asks");
        (row.outside.len(), row.rate)
    };
    let beyond = standing::register(&pool, claim, ada, &of_rates("values = [0.2, 0.4]")).await;
    assert_eq!(outside(beyond).await.0, 1);
    let within = standing::register(&pool, claim, ada, &of_rates("values = [0.1, 0.3]")).await;
    assert_eq!(outside(within).await, (0, Some(0.25)));
    let worker = worker(&pool).await;
    // Of equals the first is chosen.
    for _ in 0..16 {
        let lease = take(&pool, worker).await.expect("a run");
        let mut ending = success(0.05);
        if let Ending::Succeeded(result) = &mut ending {
            result.metrics.insert("valid_mse".into(), 0.05);
        }
        finish(&pool, &lease, ending, TIMING)
            .await
            .expect("finishes");
    }
    assert_eq!(outside(within).await, (0, Some(0.1)));
}
