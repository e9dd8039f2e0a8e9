//! Where a claim stands: what challenges it, what confirms that, and what does not move it.

use crate::common::*;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::id::{AccountId, ClaimId, ExperimentId};
use breakmywork_protocol::jobs::{self, Error};
use breakmywork_protocol::spec::{Seeds, Spec, Stopping};
use sqlx::PgPool;

/// A claim that a fixed state mask beats a fresh one by a hundredth or more in the logarithm of the error.
pub(crate) async fn claim(pool: &PgPool) -> ClaimId {
    let covers = serde_json::json!({
        "margin": { "relative": 0.1 },
        "arms": { "treatment": { "dropout.state.time": "fixed" }, "control": { "dropout.state.time": "per_step" } }
    });
    sqlx::query_scalar!(
        r#"with w as (
             insert into work (slug, title, authors, year, url, citation, phenomenon)
             values ('the-work', 'W', array['A'], 2016, 'https://example.org', 'c', 'p') returning id
           ), t as (insert into thread default values returning id)
           insert into claim (work_id, label, sentence, covers, thread_id) select w.id, 'C1', 's', $1, t.id from w, t
           returning id as "id: ClaimId""#,
        covers
    )
    .fetch_one(pool)
    .await
    .expect("a claim")
}

pub(crate) fn test_of_it(seeds: u32) -> Spec {
    let mut spec = spec(seeds);
    let criterion = spec.criterion.as_mut().expect("one");
    criterion.scale = breakmywork_protocol::spec::Scale::Log;
    criterion.margin = 0.1;
    spec
}

pub(crate) async fn register(
    pool: &PgPool,
    claim: ClaimId,
    author: AccountId,
    spec: &Spec,
) -> ExperimentId {
    let mut tx = pool.begin().await.expect("a transaction");
    let id = sqlx::query_scalar!(
        r#"with t as (insert into thread default values returning id)
           insert into experiment (claim_id, author_id, thread_id, title, prediction, spec_source, spec)
           select $1, $2, t.id, 'fixed or fresh', 'p', 's', $3 from t returning id as "id: ExperimentId""#,
        claim as ClaimId,
        author as AccountId,
        spec.to_json()
    )
    .fetch_one(&mut *tx)
    .await
    .expect("an experiment");
    jobs::register(&mut tx, id, author, spec, false)
        .await
        .expect("registers");
    tx.commit().await.expect("commits");
    id
}

/// Trains everything that waits; the arms end alike, or the fixed mask ends better.
async fn train(pool: &PgPool, alike: bool) {
    let worker = worker(pool).await;
    while let Some(lease) = take(pool, worker).await {
        let plan = lease.plan.clone().expect("a good plan");
        let error = if plan.arm == "fixed" && !alike {
            0.01
        } else {
            0.05
        };
        let error = error * (1.0 + f64::from(plan.seed % 7) * 1e-3);
        finish(pool, &lease, success(error), TIMING)
            .await
            .expect("finishes");
    }
}

/// Trains what waits of one experiment alone.
async fn train_only(pool: &PgPool, experiment: ExperimentId, alike: bool) {
    let worker = worker(pool).await;
    let mut others = Vec::new();
    while let Some(lease) = take(pool, worker).await {
        if lease.experiment != experiment {
            others.push(lease);
            continue;
        }
        let plan = lease.plan.clone().expect("a good plan");
        let error = if plan.arm == "fixed" && !alike {
            0.01
        } else {
            0.05
        };
        finish(pool, &lease, success(error), TIMING)
            .await
            .expect("finishes");
    }
    for lease in others {
        finish(pool, &lease, jobs::Ending::Preempted, TIMING)
            .await
            .expect("hands back");
    }
}

async fn challenge(pool: &PgPool, id: ExperimentId) -> Option<String> {
    sqlx::query_scalar!(
        "select challenge from experiment where id = $1",
        id as ExperimentId
    )
    .fetch_one(pool)
    .await
    .expect("the experiment")
}

struct Confirmation {
    id: ExperimentId,
    confirms: ExperimentId,
    place: i32,
    by_board: bool,
    spec: Spec,
    seeds: Vec<i64>,
}

async fn confirmations(pool: &PgPool) -> Vec<Confirmation> {
    let rows = sqlx::query!(
        r#"select e.id as "id: ExperimentId", confirms as "confirms!: ExperimentId", confirmation as "place!", is_board, spec,
             (select array_agg(distinct seed) from run where experiment_id = e.id) as "seeds!"
           from experiment e join account on account.id = author_id where confirms is not null order by e.id"#
    )
    .fetch_all(pool)
    .await
    .expect("confirmations");
    rows.into_iter()
        .map(|row| Confirmation {
            id: row.id,
            confirms: row.confirms,
            place: row.place,
            by_board: row.is_board,
            spec: Spec::from_stored(&row.spec).expect("readable"),
            seeds: row.seeds,
        })
        .collect()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_falsified_verdict_is_confirmed_on_unused_seeds_and_then_the_claim_falls(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let claim = claim(&pool).await;
    let screen = register(&pool, claim, ada, &test_of_it(8)).await;
    train_only(&pool, screen, true).await;
    assert_eq!(challenge(&pool, screen).await.as_deref(), Some("open"));

    // The board answers in the same moment.
    let [confirmation] = &confirmations(&pool).await[..] else {
        panic!("one confirmation");
    };
    assert!(confirmation.by_board && confirmation.place == 1 && confirmation.confirms == screen);
    let criterion = confirmation.spec.criterion.as_ref().expect("one");
    assert_eq!(criterion.alpha, 0.025);
    let mut same = confirmation.spec.clone();
    same.seeds = Seeds::Count(8);
    same.criterion.as_mut().expect("one").alpha = 0.05;
    assert_eq!(same, test_of_it(8), "only seeds and level are its own");
    let used: Vec<i64> = sqlx::query_scalar!(
        "select distinct seed from run where experiment_id = $1",
        screen as ExperimentId
    )
    .fetch_all(&pool)
    .await
    .expect("seeds");
    assert_eq!(confirmation.seeds.len(), confirmation.spec.seeds.count());
    assert!(confirmation.seeds.iter().all(|seed| !used.contains(seed)));

    train(&pool, true).await;
    assert_eq!(challenge(&pool, screen).await.as_deref(), Some("confirmed"));
    // It is over: another falsification needs no confirmation any more, and the confirmation itself challenges nothing.
    assert_eq!(challenge(&pool, confirmation.id).await, None);
    let again = register(&pool, claim, ada, &test_of_it(8)).await;
    train(&pool, true).await;
    assert_eq!(challenge(&pool, again).await.as_deref(), Some("open"));
    assert_eq!(confirmations(&pool).await.len(), 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_not_confirmed_leaves_the_claim_standing_and_the_next_has_a_stricter_level(
    pool: PgPool,
) {
    let ada = account(&pool, "ada").await;
    let claim = claim(&pool).await;
    let first = register(&pool, claim, ada, &test_of_it(8)).await;
    train_only(&pool, first, true).await;
    let second = register(&pool, claim, ada, &test_of_it(6)).await;
    train_only(&pool, second, true).await;
    // One at a time.
    assert_eq!(confirmations(&pool).await.len(), 1);
    let confirmation = confirmations(&pool).await[0].id;
    train_only(&pool, confirmation, false).await;
    assert_eq!(
        challenge(&pool, first).await.as_deref(),
        Some("not_confirmed")
    );
    // Then the next has its turn, at its own level.
    let next = &confirmations(&pool).await[1];
    assert!(next.confirms == second && next.place == 2);
    let alpha = next.spec.criterion.as_ref().expect("one").alpha;
    assert!((alpha - 0.05 / 6.0).abs() < 1e-15);
    train(&pool, false).await;
    assert_eq!(
        challenge(&pool, second).await.as_deref(),
        Some("not_confirmed")
    );
}

/// What is planned to have a power has to run as a whole.
#[sqlx::test(migrator = "MIGRATOR")]
async fn the_confirmation_of_a_sequential_plan_runs_all_of_its_pairs(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let claim = claim(&pool).await;
    let mut spec = test_of_it(12);
    spec.criterion.as_mut().expect("one").stopping = Some(Stopping::EValue);
    let screen = register(&pool, claim, ada, &spec).await;
    train_only(&pool, screen, true).await;
    assert_eq!(challenge(&pool, screen).await.as_deref(), Some("open"));
    let [confirmation] = &confirmations(&pool).await[..] else {
        panic!("one confirmation");
    };
    assert!(!confirmation.spec.is_sequential());
    assert_eq!(confirmation.seeds.len(), confirmation.spec.seeds.count());
    train(&pool, true).await;
    assert_eq!(challenge(&pool, screen).await.as_deref(), Some("confirmed"));
}

/// A confirmation that came to no verdict has not answered; what was seen of it is paid with its level.
#[sqlx::test(migrator = "MIGRATOR")]
async fn an_aborted_confirmation_waits_for_a_member(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let bob = account(&pool, "bob").await;
    let claim = claim(&pool).await;
    let screen = register(&pool, claim, ada, &test_of_it(8)).await;
    train_only(&pool, screen, true).await;
    let confirmation = confirmations(&pool).await[0].id;
    let press = async || {
        let mut tx = pool.begin().await.expect("a transaction");
        let answer = jobs::confirm(&mut tx, screen, bob).await;
        tx.commit().await.expect("commits");
        answer
    };
    assert!(matches!(press().await, Err(Error::Conflict(_))), "it runs");
    let mut tx = pool.begin().await.expect("a transaction");
    jobs::stop(&mut tx, confirmation, bob, "no power")
        .await
        .expect("stops");
    tx.commit().await.expect("commits");
    assert_eq!(challenge(&pool, screen).await.as_deref(), Some("open"));
    jobs::reap(&pool, TIMING).await.expect("sweeps");
    assert_eq!(
        confirmations(&pool).await.len(),
        1,
        "the board does not repeat what went wrong"
    );
    let second = press().await.expect("registers");
    assert!(matches!(press().await, Err(Error::Conflict(_))), "once");
    let second = confirmations(&pool)
        .await
        .into_iter()
        .find(|it| it.id == second)
        .expect("it");
    assert!(second.place == 2 && !second.by_board);
    train(&pool, true).await;
    assert_eq!(challenge(&pool, screen).await.as_deref(), Some("confirmed"));
    assert!(matches!(press().await, Err(Error::Conflict(_))), "settled");
}

/// What a member registered before holds up no confirmation: it stands in the board's line, and there one of each member.
#[sqlx::test(migrator = "MIGRATOR")]
async fn who_registers_a_confirmation_cannot_park_it(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let bob = account(&pool, "bob").await;
    let one = claim(&pool).await;
    let other = sqlx::query_scalar(
        "with t as (insert into thread default values returning id)
         insert into claim (work_id, label, sentence, covers, thread_id)
         select work_id, 'C2', sentence, covers, t.id from claim, t returning id",
    )
    .fetch_one(&pool)
    .await
    .map(ClaimId)
    .expect("another claim");
    let mut challenges = Vec::new();
    for claim in [one, other] {
        let screen = register(&pool, claim, ada, &test_of_it(8)).await;
        train_only(&pool, screen, true).await;
        // The board's own was aborted, so members may.
        let confirmation = confirmations(&pool).await.last().expect("one").id;
        let mut tx = pool.begin().await.expect("a transaction");
        jobs::stop(&mut tx, confirmation, ada, "no power")
            .await
            .expect("stops");
        tx.commit().await.expect("commits");
        challenges.push(screen);
    }
    for _ in 0..3 {
        register(&pool, one, bob, &test_of_it(8)).await;
    }
    let press = async |challenge: ExperimentId, member: AccountId| {
        let mut tx = pool.begin().await.expect("a transaction");
        let answer = jobs::confirm(&mut tx, challenge, member).await;
        tx.commit().await.expect("commits");
        answer
    };
    let pressed = press(challenges[0], bob).await.expect("registers");
    // Of his older plans 48 runs wait; it is not behind them.
    let worker = worker(&pool).await;
    let mut taken = Vec::new();
    for _ in 0..6 {
        taken.push(take(&pool, worker).await.expect("a run").experiment);
    }
    assert!(taken.contains(&pressed), "{taken:?} {pressed}");

    let second = press(challenges[1], bob).await;
    let Err(Error::Conflict(words)) = second else {
        panic!("{second:?}");
    };
    assert!(words.contains("one runs at a time"), "{words}");
    press(challenges[1], ada).await.expect("registers");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn over_its_budget_the_board_waits_and_a_sweep_comes_back(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let claim = claim(&pool).await;
    let screen = register(&pool, claim, ada, &test_of_it(8)).await;
    // As if each run had taken ten hours.
    let worker = worker(&pool).await;
    while let Some(lease) = take(&pool, worker).await {
        sqlx::query!(
            "update run set started_at = now() - interval '10 hours' where id = $1",
            lease.run.0
        )
        .execute(&pool)
        .await
        .expect("sets");
        finish(&pool, &lease, success(0.05), TIMING)
            .await
            .expect("finishes");
    }
    assert_eq!(challenge(&pool, screen).await.as_deref(), Some("open"));
    assert_eq!(confirmations(&pool).await.len(), 0);
    jobs::reap(&pool, TIMING).await.expect("sweeps");
    assert_eq!(confirmations(&pool).await.len(), 0);
    // It was quicker than that: there is room now.
    sqlx::query!("update run set started_at = finished_at - interval '1 second'")
        .execute(&pool)
        .await
        .expect("sets");
    jobs::reap(&pool, TIMING).await.expect("sweeps");
    assert_eq!(confirmations(&pool).await.len(), 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_lies_outside_or_is_disputed_challenges_nothing(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let claim = claim(&pool).await;
    let falsified = async |spec: &Spec| {
        let id = register(&pool, claim, ada, spec).await;
        train(&pool, true).await;
        let row = sqlx::query!(
            r#"select outcome, outside, challenge from verdict join experiment on id = experiment_id where id = $1"#,
            id as ExperimentId
        )
        .fetch_one(&pool)
        .await
        .expect("a verdict");
        assert_eq!(row.outcome, "falsified");
        assert_eq!(row.challenge, None);
        assert!(!row.outside.is_empty());
        row.outside.concat()
    };
    let mut turned = test_of_it(8);
    let criterion = turned.criterion.as_mut().expect("one");
    std::mem::swap(&mut criterion.treatment, &mut criterion.control);
    assert!(falsified(&turned).await.contains("treatment"));
    let mut twice = test_of_it(8);
    twice.criterion.as_mut().expect("one").margin = 0.2;
    assert!(falsified(&twice).await.contains("smallest effect"));
    assert_eq!(confirmations(&pool).await.len(), 0);

    // Disputed while it runs, it waits; resolved, its turn comes.
    let disputed = register(&pool, claim, ada, &test_of_it(8)).await;
    let moderator = account(&pool, "moira").await;
    let mut tx = pool.begin().await.expect("a transaction");
    jobs::dispute(&mut tx, disputed, moderator, "same data as the tuning")
        .await
        .expect("disputes");
    tx.commit().await.expect("commits");
    train(&pool, true).await;
    assert_eq!(challenge(&pool, disputed).await.as_deref(), Some("open"));
    jobs::reap(&pool, TIMING).await.expect("sweeps");
    assert_eq!(confirmations(&pool).await.len(), 0);
    let mut tx = pool.begin().await.expect("a transaction");
    jobs::answer_dispute(&mut tx, disputed, ada, "it is not")
        .await
        .expect("answers");
    jobs::resolve_dispute(&mut tx, disputed, moderator, "it was not")
        .await
        .expect("resolves");
    tx.commit().await.expect("commits");
    assert_eq!(confirmations(&pool).await.len(), 1);
}

/// Nobody can move what was fixed at registration.
#[sqlx::test(migrator = "MIGRATOR")]
async fn scope_salt_and_place_stay_as_registered(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let claim = claim(&pool).await;
    let id = register(&pool, claim, ada, &test_of_it(8)).await;
    for change in [
        "outside = array['x']",
        "seed_salt = 'x'",
        "confirms = id, confirmation = 1, planned_power = 0.9, planned_seconds = 1",
    ] {
        let update = format!("update experiment set {change} where id = {id}");
        let error = sqlx::query(sqlx::AssertSqlSafe(update))
            .execute(&pool)
            .await
            .expect_err("frozen");
        assert!(
            error.to_string().contains("cannot change"),
            "{change}: {error}"
        );
    }
}
