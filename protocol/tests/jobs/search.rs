//! Searches: stage after stage, to a proposal that alone can speak against the claim, whatever becomes of the runs.

use crate::common::*;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::id::{AccountId, ExperimentId, RunId};
use breakmywork_protocol::jobs::{self, Ending, FailureKind, Lease};
use breakmywork_protocol::limit;
use breakmywork_protocol::search::Course;
use breakmywork_protocol::spec::{self, CriterionKind, Format, Spec};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

fn search(budget: u32) -> Spec {
    let text = format!(
        "title = \"Where?\"\nseeds = 4\n[task]\nname = \"adding\"\nlength = 5\n[training]\nsteps = 10\n\
         [[arms]]\nname = \"fixed\"\ndropout.state = {{ rate = 0.25, time = \"fixed\" }}\n\
         [[arms]]\nname = \"fresh\"\ndropout.state = {{ rate = 0.25, time = \"per_step\" }}\n\
         [criterion]\nkind = \"search\"\nmetric = \"test_mse\"\ntreatment = \"fixed\"\ncontrol = \"fresh\"\nscale = \"log\"\n\
         margin = 0.1\n[search]\nbudget = {budget}\n\
         [[search.space]]\nfield = \"task.length\"\nvalues = [5, 10, 20, 40, 60]\n\
         [[search.space]]\nfield = \"model.hidden\"\nvalues = [4, 8, 16, 32]\n"
    );
    spec::read(&text, Format::Toml).expect("a good search")
}

/// A proposed search on a claim that says which arms it compares.
async fn proposed_search(pool: &PgPool, author: AccountId, spec: &Spec) -> ExperimentId {
    let id = proposed(pool, author, spec).await;
    let covers = json!({
        "margin": { "relative": 0.1 }, "length": { "least": 5 },
        "arms": { "treatment": { "dropout.state.time": "fixed" }, "control": { "dropout.state.time": "per_step" } }
    });
    sqlx::query!(
        "update claim set covers = $2 where id = (select claim_id from experiment where id = $1)",
        id.0,
        covers
    )
    .execute(pool)
    .await
    .expect("sets");
    id
}

async fn registered_search(pool: &PgPool, author: AccountId, spec: &Spec) -> ExperimentId {
    let id = proposed_search(pool, author, spec).await;
    register(pool, id, author, spec).await;
    id
}

/// Fixed masks help, but on sequences of 20 steps or more they do harm.
fn ending(lease: &Lease) -> Ending {
    let plan = lease.plan.as_ref().expect("a plan");
    let harm = plan.setup.task.length >= 20;
    let better = (plan.arm == "fixed") != harm;
    let noise = 1.0 + f64::from(plan.seed % 10) * 1e-3;
    success(if better { 0.02 * noise } else { 0.04 })
}

async fn train_all(pool: &PgPool, worker: Uuid) -> usize {
    let mut trained = 0;
    while let Some(lease) = take(pool, worker).await {
        finish(pool, &lease, ending(&lease), TIMING)
            .await
            .expect("finishes");
        trained += 1;
    }
    trained
}

async fn course(pool: &PgPool, experiment: ExperimentId) -> Option<Course> {
    let stored = sqlx::query_scalar!(
        "select course from search_result where experiment_id = $1",
        experiment.0
    )
    .fetch_optional(pool)
    .await
    .expect("asks")?;
    let stored: Course = serde_json::from_value(stored).expect("reads");
    // Whoever computes it again gets the same.
    let mut connection = pool.acquire().await.expect("connects");
    let again = jobs::search_again(&mut connection, experiment).await;
    assert_eq!(stored, again.expect("computes"));
    let so_far = jobs::search_so_far(&mut connection, experiment).await;
    assert_eq!(stored, so_far.expect("computes"));
    Some(stored)
}

async fn post(pool: &PgPool, experiment: ExperimentId) -> String {
    sqlx::query_scalar!(
        "select body from comment where experiment_id = $1",
        experiment.0
    )
    .fetch_one(pool)
    .await
    .expect("a post")
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_search_finds_shrinks_and_proposes(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let spec = search(96);
    let experiment = registered_search(&pool, ada, &spec).await;
    let worker = worker(&pool).await;
    // The first stage alone is queued: each point once, with both arms.
    let queued = sqlx::query!(
        r#"select count(*) as "runs!", count(distinct trial) as "trials!", count(distinct seed) as "seeds!",
             count(*) filter (where trial is null) as "pairs!" from run where experiment_id = $1"#,
        experiment.0
    )
    .fetch_one(&pool)
    .await
    .expect("asks");
    assert_eq!(
        (queued.runs, queued.seeds, queued.pairs),
        (2 * queued.trials, 1, 0)
    );
    let trained = train_all(&pool, worker).await;
    assert_eq!(experiment_state(&pool, experiment).await, "concluded");
    let course = course(&pool, experiment).await.expect("a result");
    assert!(course.over && trained <= 96, "{trained}");
    let found = course.counterexample.expect("it fails on long sequences");
    let found = serde_json::to_value(found.settings).expect("plain");
    assert_eq!(found, json!({ "task.length": 20 }));
    // What follows is a proposal: a plain difference there, its seeds not drawn yet.
    let proposed = sqlx::query!(
        r#"select e.id as "id: ExperimentId", e.state, e.author_id, e.spec, e.seed_salt, e.claim_id = s.claim_id as "same!"
           from search_result r join experiment e on e.id = r.proposed join experiment s on s.id = r.experiment_id"#
    )
    .fetch_one(&pool)
    .await
    .expect("a proposal");
    assert_eq!(
        (proposed.state.as_str(), proposed.author_id),
        ("proposed", ada.0)
    );
    assert!(proposed.same && proposed.seed_salt.is_none());
    let follows = Spec::from_stored(&proposed.spec).expect("reads");
    let criterion = follows.criterion.as_ref().expect("one");
    assert_eq!(
        (criterion.kind, criterion.margin),
        (CriterionKind::Difference, 0.1)
    );
    assert_eq!((follows.task.length, follows.model.hidden), (20, 32));
    assert!(follows.seeds.count() >= 8);
    follows.registrable().expect("can be registered as it is");
    let words = post(&pool, experiment).await;
    assert!(
        words.contains("task.length = 20")
            && words.contains(&format!("/experiments/{}", proposed.id)),
        "{words}"
    );
    // None of it is a verdict, a noise, a challenge or a forecast's end.
    for (what, count) in [
        ("verdicts", "select count(*) from verdict"),
        ("noise", "select count(*) from noise"),
        (
            "challenges",
            "select count(*) from experiment where challenge is not null",
        ),
        (
            "decisive",
            "select count(*) from experiment where registered_at is not null and not exploratory",
        ),
    ] {
        let count: i64 = sqlx::query_scalar(count)
            .fetch_one(&pool)
            .await
            .expect("asks");
        assert_eq!(count, 0, "{what}");
    }
    assert_eq!(jobs::reap(&pool, TIMING).await.expect("sweeps").mended, 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn where_nothing_fails_nothing_is_proposed(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let experiment = registered_search(&pool, ada, &search(96)).await;
    let worker = worker(&pool).await;
    while let Some(lease) = take(&pool, worker).await {
        let fixed = lease.plan.as_ref().expect("a plan").arm == "fixed";
        let end = success(if fixed { 0.02 } else { 0.04 });
        finish(&pool, &lease, end, TIMING).await.expect("finishes");
    }
    assert_eq!(experiment_state(&pool, experiment).await, "concluded");
    assert_eq!(
        course(&pool, experiment)
            .await
            .expect("a result")
            .counterexample,
        None
    );
    assert!(
        post(&pool, experiment)
            .await
            .contains("**Nothing was found**")
    );
    let proposals: i64 =
        sqlx::query_scalar("select count(*) from experiment where state = 'proposed'")
            .fetch_one(&pool)
            .await
            .expect("asks");
    assert_eq!(proposals, 0);
}

/// The last two runs of a stage may end at once: one of them queues the next one.
#[sqlx::test(migrator = "MIGRATOR")]
async fn stages_follow_each_other_once_however_runs_end(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let experiment = registered_search(&pool, ada, &search(60)).await;
    let worker = worker(&pool).await;
    loop {
        let mut leases = Vec::new();
        while let Some(lease) = take(&pool, worker).await {
            leases.push(lease);
        }
        if leases.is_empty() {
            break;
        }
        let all = leases
            .iter()
            .map(|lease| finish(&pool, lease, ending(lease), TIMING));
        for ended in futures_util::future::join_all(all).await {
            ended.expect("finishes");
        }
    }
    assert_eq!(experiment_state(&pool, experiment).await, "concluded");
    assert_eq!(posts(&pool, experiment).await, 1);
    let twice: i64 = sqlx::query_scalar(
        "select count(*) from (select from run group by trial, arm, seed having count(*) > 1) t",
    )
    .fetch_one(&pool)
    .await
    .expect("asks");
    assert_eq!(twice, 0);
    assert!(course(&pool, experiment).await.is_some());
}

/// A dump from the moment before the next stage was queued goes on by the sweep.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_sweep_goes_on_where_the_next_stage_was_never_queued(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let experiment = registered_search(&pool, ada, &search(60)).await;
    let worker = worker(&pool).await;
    let first: i64 = sqlx::query_scalar("select count(*) from run")
        .fetch_one(&pool)
        .await
        .expect("asks");
    for _ in 0..first {
        let lease = take(&pool, worker).await.expect("a run");
        finish(&pool, &lease, ending(&lease), TIMING)
            .await
            .expect("finishes");
    }
    sqlx::query("delete from run where state = 'queued'")
        .execute(&pool)
        .await
        .expect("breaks");
    assert_eq!(jobs::reap(&pool, TIMING).await.expect("sweeps").mended, 1);
    train_all(&pool, worker).await;
    assert_eq!(experiment_state(&pool, experiment).await, "concluded");
    assert!(
        course(&pool, experiment)
            .await
            .expect("a result")
            .counterexample
            .is_some()
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn machine_trouble_stalls_it_and_a_retry_goes_on(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let experiment = registered_search(&pool, ada, &search(60)).await;
    let worker = worker(&pool).await;
    let first: i64 = sqlx::query_scalar("select count(*) from run")
        .fetch_one(&pool)
        .await
        .expect("asks");
    for _ in 0..first {
        let lease = take(&pool, worker).await.expect("a run");
        let end = Ending::Failed {
            kind: FailureKind::OutOfMemory,
            error: "The card is too small.".into(),
        };
        finish(&pool, &lease, end, TIMING).await.expect("ends");
    }
    assert_eq!(experiment_state(&pool, experiment).await, "stalled");
    let mut tx = pool.begin().await.expect("begins");
    jobs::retry_failed(&mut tx, experiment, ada, "A larger card.")
        .await
        .expect("retries");
    tx.commit().await.expect("commits");
    train_all(&pool, worker).await;
    assert_eq!(experiment_state(&pool, experiment).await, "concluded");
    assert!(
        course(&pool, experiment)
            .await
            .expect("a result")
            .counterexample
            .is_some()
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn who_stops_or_cancels_it_gets_no_result_of_it(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let worker = worker(&pool).await;
    let stopped = registered_search(&pool, ada, &search(60)).await;
    let lease = take(&pool, worker).await.expect("a run");
    finish(&pool, &lease, ending(&lease), TIMING)
        .await
        .expect("finishes");
    let mut tx = pool.begin().await.expect("begins");
    jobs::stop(&mut tx, stopped, ada, "enough")
        .await
        .expect("stops");
    tx.commit().await.expect("commits");
    let cancelled = registered_search(&pool, ada, &search(60)).await;
    let runs = sqlx::query_scalar!(
        r#"select id as "id: RunId" from run where experiment_id = $1 order by id"#,
        cancelled.0
    )
    .fetch_all(&pool)
    .await
    .expect("asks");
    for run in runs {
        let mut tx = pool.begin().await.expect("begins");
        jobs::cancel(&mut tx, run, ada, "why")
            .await
            .expect("cancels");
        tx.commit().await.expect("commits");
    }
    for experiment in [stopped, cancelled] {
        assert_eq!(experiment_state(&pool, experiment).await, "concluded");
        assert_eq!(course(&pool, experiment).await, None);
        assert_eq!(posts(&pool, experiment).await, 1);
    }
    assert!(take(&pool, worker).await.is_none());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_an_admin_gives_up_has_no_result(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let experiment = registered_search(&pool, ada, &search(60)).await;
    let worker = worker(&pool).await;
    while let Some(lease) = take(&pool, worker).await {
        let end = Ending::Failed {
            kind: FailureKind::OutOfMemory,
            error: "The card is too small.".into(),
        };
        finish(&pool, &lease, end, TIMING).await.expect("ends");
    }
    let mut tx = pool.begin().await.expect("begins");
    jobs::give_up(&mut tx, experiment, ada, "no hope")
        .await
        .expect("gives up");
    tx.commit().await.expect("commits");
    assert_eq!(experiment_state(&pool, experiment).await, "concluded");
    assert_eq!(course(&pool, experiment).await, None);
    assert!(
        post(&pool, experiment)
            .await
            .contains("not carried through")
    );
}

/// Nobody's list of proposals is flooded by what searches find.
#[sqlx::test(migrator = "MIGRATOR")]
async fn over_the_limit_of_open_proposals_nothing_is_proposed_and_the_post_says_so(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let experiment = registered_search(&pool, ada, &search(60)).await;
    for _ in 0..limit::OPEN_PROPOSALS {
        proposed(&pool, ada, &spec(8)).await;
    }
    finds_and_does_not_propose(&pool, experiment).await;
}

/// An agent's searches leave its person three quarters of the proposals.
#[sqlx::test(migrator = "MIGRATOR")]
async fn what_an_agents_search_finds_is_proposed_within_the_agents_share(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let agent = sqlx::query_scalar(
        "insert into account (name, password_hash, sponsor_id) values ('adas-agent', 'none', $1) returning id",
    );
    let agent = agent.bind(ada).fetch_one(&pool).await.expect("an agent");
    let of_agent = registered_search(&pool, agent, &search(60)).await;
    for _ in 0..limit::OPEN_PROPOSALS / limit::SHARE {
        proposed(&pool, agent, &spec(8)).await;
    }
    finds_and_does_not_propose(&pool, of_agent).await;
    let own = registered_search(&pool, ada, &search(60)).await;
    train_all(&pool, worker(&pool).await).await;
    let said = post(&pool, own).await;
    assert!(!said.contains("too many open proposals"), "{said}");
}

async fn finds_and_does_not_propose(pool: &PgPool, experiment: ExperimentId) {
    train_all(pool, worker(pool).await).await;
    assert_eq!(experiment_state(pool, experiment).await, "concluded");
    assert!(
        course(pool, experiment)
            .await
            .expect("a result")
            .counterexample
            .is_some()
    );
    assert!(
        post(pool, experiment)
            .await
            .contains("too many open proposals")
    );
}

/// Where every point lies outside what the claim speaks about there is nothing to search.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_space_without_a_point_of_the_claim_is_refused(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let spec = search(60);
    let id = proposed_search(&pool, ada, &spec).await;
    sqlx::query("update claim set covers = covers || '{\"length\": {\"least\": 500}}'")
        .execute(&pool)
        .await
        .expect("sets");
    let mut tx = pool.begin().await.expect("a transaction");
    let refused = jobs::register(&mut tx, id, ada, &spec, false).await;
    assert!(
        matches!(refused, Err(jobs::Error::Conflict(_))),
        "{refused:?}"
    );
}
