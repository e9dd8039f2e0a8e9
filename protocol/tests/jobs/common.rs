//! A registered experiment to work on, and short ways to look at the job table.

use breakmywork_protocol::id::{AccountId, ExperimentId, RunId};
use breakmywork_protocol::jobs::{self, Ending, Lease, Timing};
use breakmywork_protocol::result::RunResult;
use breakmywork_protocol::spec::{self, Format, Spec};
use breakmywork_protocol::verdict::Verdict;
use sqlx::PgPool;
use uuid::Uuid;

pub(crate) const TIMING: Timing = Timing {
    lease_s: 60,
    stall_s: 600,
    backoff_s: 0,
};

pub(crate) fn spec(seeds: u32) -> Spec {
    let text = format!(
        "title = \"t\"\nseeds = {seeds}\n[task]\nname = \"adding\"\nlength = 5\n[training]\nsteps = 10\n\
         [[arms]]\nname = \"fixed\"\ndropout.state = {{ rate = 0.25, time = \"fixed\" }}\n\
         [[arms]]\nname = \"fresh\"\ndropout.state = {{ rate = 0.25, time = \"per_step\" }}\n\
         [criterion]\nkind = \"difference\"\nmetric = \"test_mse\"\ntreatment = \"fixed\"\ncontrol = \"fresh\"\nmargin = 0.02\n",
    );
    spec::read(&text, Format::Toml).expect("a good specification")
}

pub(crate) async fn account(pool: &PgPool, name: &str) -> AccountId {
    sqlx::query_scalar!(
        r#"insert into account (name, password_hash) values ($1, 'x') returning id as "id: AccountId""#,
        name
    )
    .fetch_one(pool)
    .await
    .expect("an account")
}

/// A proposed experiment of `author` on a claim of its own.
pub(crate) async fn proposed(pool: &PgPool, author: AccountId, spec: &Spec) -> ExperimentId {
    sqlx::query_scalar!(
        r#"with w as (
             insert into work (slug, title, authors, year, url, citation, phenomenon)
             values ('w' || (select count(*) from work), 'W', array['A'], 2016, 'https://example.org', 'c', 'p') returning id
           ), t as (insert into thread default values returning id),
           c as (insert into claim (work_id, label, sentence, thread_id) select w.id, 'C1', 's', t.id from w, t returning id),
           t2 as (insert into thread default values returning id)
           insert into experiment (claim_id, author_id, thread_id, title, prediction, spec_source, spec)
           select c.id, $1, t2.id, 't', 'p', 's', $2 from c, t2 returning id as "id: ExperimentId""#,
        author as AccountId,
        spec.to_json()
    )
    .fetch_one(pool)
    .await
    .expect("an experiment")
}

pub(crate) async fn registered(pool: &PgPool, author: AccountId, spec: &Spec) -> ExperimentId {
    let id = proposed(pool, author, spec).await;
    register(pool, id, author, spec).await;
    id
}

pub(crate) async fn register(pool: &PgPool, id: ExperimentId, author: AccountId, spec: &Spec) {
    let mut tx = pool.begin().await.expect("a transaction");
    jobs::register(&mut tx, id, author, spec, false)
        .await
        .expect("registers");
    tx.commit().await.expect("commits");
}

/// The verdict as it is stored, which whoever computes it again gets, too.
pub(crate) async fn verdict(pool: &PgPool, experiment: ExperimentId) -> Verdict {
    let stored = sqlx::query_scalar!(
        "select detail from verdict where experiment_id = $1",
        experiment.0
    )
    .fetch_one(pool)
    .await
    .expect("a verdict");
    let stored = serde_json::from_value(stored).expect("reads");
    let mut connection = pool.acquire().await.expect("connects");
    let again = jobs::verdict_again(&mut connection, experiment)
        .await
        .expect("computes");
    assert_eq!(stored, again);
    stored
}

pub(crate) async fn ada(pool: &PgPool) -> AccountId {
    account(pool, "ada").await
}

pub(crate) async fn worker(pool: &PgPool) -> Uuid {
    let id = Uuid::new_v4();
    jobs::register_worker(pool, id, "host", "cpu", "0", 1)
        .await
        .expect("a worker");
    id
}

pub(crate) async fn take(pool: &PgPool, worker: Uuid) -> Option<Lease> {
    jobs::take(pool, worker, TIMING).await.expect("takes")
}

/// Ends an attempt as a worker does: a result names the plan and the seed that it comes from.
pub(crate) async fn finish(
    pool: &PgPool,
    lease: &Lease,
    mut ending: Ending,
    timing: Timing,
) -> jobs::Result<()> {
    if let (Ending::Succeeded(result), Ok(plan)) = (&mut ending, &lease.plan) {
        result.provenance.plan_sha256 = plan.sha256();
        result.provenance.seed = plan.seed;
    }
    jobs::finish(pool, lease, ending, timing).await
}

pub(crate) fn success(value: f64) -> Ending {
    Ending::Succeeded(Box::new(RunResult::simulated(&[("test_mse", value)])))
}

pub(crate) async fn run_state(pool: &PgPool, run: RunId) -> String {
    sqlx::query_scalar!("select state from run where id = $1", run as RunId)
        .fetch_one(pool)
        .await
        .expect("the run")
}

pub(crate) async fn experiment_state(pool: &PgPool, id: ExperimentId) -> String {
    sqlx::query_scalar!(
        "select state from experiment where id = $1",
        id as ExperimentId
    )
    .fetch_one(pool)
    .await
    .expect("the experiment")
}

pub(crate) async fn posts(pool: &PgPool, id: ExperimentId) -> i64 {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from comment where experiment_id = $1"#,
        id as ExperimentId
    )
    .fetch_one(pool)
    .await
    .expect("a count")
}

/// As if the worker had been silent for longer than its lease.
pub(crate) async fn expire(pool: &PgPool, run: RunId) {
    sqlx::query!(
        "update run_lease set expires_at = now() - interval '1 second' where run_id = $1",
        run as RunId
    )
    .execute(pool)
    .await
    .expect("expires");
}
