//! Whoever has registered an experiment knows its seeds, and so can know how it will end: nothing that they choose after
//! that adds to what a claim survived.

use crate::common::*;
use crate::standing::{claim, register, test_of_it};
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::id::{AccountId, ClaimId, ExperimentId};
use breakmywork_protocol::jobs;
use breakmywork_protocol::spec::Spec;
use sqlx::PgPool;

/// A test of the claim that asks something a little different from those of other numbers.
fn question(number: u32) -> Spec {
    let mut spec = test_of_it(8);
    spec.criterion.as_mut().expect("one").alpha = 0.05 - f64::from(number) * 1e-4;
    spec
}

/// Trains what waits; the treatment is five times better, or better in every second pair.
async fn train(pool: &PgPool, better: bool) {
    let worker = worker(pool).await;
    let mut pairs = 0;
    while let Some(lease) = take(pool, worker).await {
        let treatment = lease.plan.as_ref().expect("a good plan").arm == "fixed";
        pairs += u32::from(treatment);
        let error = match (treatment, better || pairs % 2 == 0) {
            (true, true) => 0.01,
            (true, false) => 0.08,
            (false, _) => 0.05,
        };
        finish(pool, &lease, success(error), TIMING)
            .await
            .expect("finishes");
    }
}

async fn outcome(pool: &PgPool, id: ExperimentId) -> String {
    sqlx::query_scalar("select outcome from verdict where experiment_id = $1")
        .bind(id.0)
        .fetch_one(pool)
        .await
        .expect("a verdict")
}

async fn supported(pool: &PgPool, claim: ClaimId, author: AccountId, spec: &Spec) -> f64 {
    let id = register(pool, claim, author, spec).await;
    train(pool, true).await;
    assert_eq!(outcome(pool, id).await, "supported");
    sqlx::query_scalar("select severity from verdict where experiment_id = $1")
        .bind(id.0)
        .fetch_one(pool)
        .await
        .expect("a severity")
}

/// Registers it and stops it, as that person.
async fn stopped(pool: &PgPool, claim: ClaimId, author: AccountId, spec: &Spec, by: AccountId) {
    let id = register(pool, claim, author, spec).await;
    let mut tx = pool.begin().await.expect("a transaction");
    jobs::stop(&mut tx, id, by, "it would not have been supported")
        .await
        .expect("stops");
    tx.commit().await.expect("commits");
    assert_eq!(outcome(pool, id).await, "aborted");
}

/// The severity of the claim, and how many its authors stopped; what is kept is what the verdicts say.
async fn fared(pool: &PgPool) -> (f64, i64) {
    let wrong: i64 = sqlx::query_scalar(
        "select count(*) from claim_tally t full join claim_counted c on c.claim_id = t.claim_id
         where (t.supported, t.falsified, t.inconclusive, t.survived, t.refuted, t.aside, t.doubt, t.stopped)
           is distinct from (c.supported, c.falsified, c.inconclusive, c.survived, c.refuted, c.aside, c.doubt, c.stopped)",
    )
    .fetch_one(pool)
    .await
    .expect("counts");
    assert_eq!(wrong, 0);
    sqlx::query_as("select 1 - exp(doubt / 1e9::double precision), stopped from claim_tally")
        .fetch_one(pool)
        .await
        .expect("a tally")
}

fn close(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-8
}

/// Registering many, training them at home with the seeds that were drawn, and stopping all but the lucky ones.
#[sqlx::test(migrator = "MIGRATOR")]
async fn who_stops_many_adds_the_less_by_those_that_are_left(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let bob = account(&pool, "bob").await;
    let claim = claim(&pool).await;
    let severity = supported(&pool, claim, ada, &question(0)).await;
    assert!(severity > 0.5, "{severity}");
    let whole = severity.min(0.9999);
    assert!(close(fared(&pool).await.0, whole));

    // One is a slip, and costs nothing.
    stopped(&pool, claim, ada, &question(1), ada).await;
    let (now, stops) = fared(&pool).await;
    assert!(close(now, whole) && stops == 1, "{now} {stops}");
    for number in 2..=4 {
        stopped(&pool, claim, ada, &question(number), ada).await;
    }
    let (now, stops) = fared(&pool).await;
    assert!(close(now, severity / 4.0) && stops == 4, "{now} {stops}");
    // What comes after that counts no more than what was there before.
    let other = supported(&pool, claim, ada, &question(5)).await;
    let (now, _) = fared(&pool).await;
    let both = 1.0 - (1.0 - severity / 4.0) * (1.0 - other / 4.0);
    assert!(close(now, both), "{now} {both}");

    // What others stop is counted, and takes nothing from hers; nor does what an admin stops.
    for number in 6..=8 {
        stopped(&pool, claim, bob, &question(number), bob).await;
    }
    let root = account(&pool, "root").await;
    stopped(&pool, claim, ada, &question(9), root).await;
    let (now, stops) = fared(&pool).await;
    assert!(close(now, both) && stops == 7, "{now} {stops}");
}

/// A person's agents are that person.
#[sqlx::test(migrator = "MIGRATOR")]
async fn what_an_agent_stops_is_its_persons(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let agent = sqlx::query_scalar("insert into account (name, password_hash, sponsor_id) values ('ada-agent', 'none', $1) returning id")
        .bind(ada.0)
        .fetch_one(&pool)
        .await
        .map(AccountId)
        .expect("an agent");
    let claim = claim(&pool).await;
    let severity = supported(&pool, claim, ada, &question(0)).await;
    stopped(&pool, claim, agent, &question(1), ada).await;
    stopped(&pool, claim, agent, &question(2), agent).await;
    let (now, stops) = fared(&pool).await;
    assert!(close(now, severity / 2.0) && stops == 2, "{now} {stops}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_question_counts_once_with_the_mean_of_all_attempts_at_it(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let bob = account(&pool, "bob").await;
    let claim = claim(&pool).await;
    let first = supported(&pool, claim, ada, &question(0)).await;
    let again = supported(&pool, claim, bob, &question(0)).await;
    let (now, _) = fared(&pool).await;
    let mean = (first + again) / 2.0;
    assert!(close(now, mean.min(0.9999)), "{now} {mean}");
    // An attempt that told nothing speaks as loud as one that did.
    let told_nothing = register(&pool, claim, ada, &question(0)).await;
    train(&pool, false).await;
    assert_eq!(outcome(&pool, told_nothing).await, "inconclusive");
    let (now, _) = fared(&pool).await;
    assert!(close(now, mean * 2.0 / 3.0), "{now} {mean}");
    // A dispute takes it out, as it does everything.
    sqlx::query("update experiment set disputed_at = now(), disputed_by = $2, dispute_reason = 'a doubt' where id = $1")
        .bind(told_nothing.0)
        .bind(bob.0)
        .execute(&pool)
        .await
        .expect("disputes");
    assert!(close(fared(&pool).await.0, mean.min(0.9999)));
}

/// All who asked the same before are told of, those first that were stopped.
#[sqlx::test(migrator = "MIGRATOR")]
async fn all_attempts_at_a_question_are_told(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let claim = claim(&pool).await;
    for _ in 0..2 {
        stopped(&pool, claim, ada, &question(0), ada).await;
    }
    let told_nothing = register(&pool, claim, ada, &question(0)).await;
    train(&pool, false).await;
    assert_eq!(outcome(&pool, told_nothing).await, "inconclusive");
    supported(&pool, claim, ada, &question(0)).await;
    let open = register(&pool, claim, ada, &question(0)).await;
    let next = register(&pool, claim, ada, &question(0)).await;
    let asked = jobs::asked_before(&pool, next)
        .await
        .expect("asks")
        .expect("some did");
    assert!(asked.outcome.as_deref() == Some("supported") && asked.experiment < open);
    assert_eq!(asked.attempts.all(), 5);
    assert_eq!(
        asked.attempts.words(),
        "1 supported, 1 inconclusive, 2 stopped by their authors, 1 not ended"
    );
}
