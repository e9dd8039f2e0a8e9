//! Runs that learn from a data set: who may take them, and what is known of their length.

use crate::common::*;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::id::RunId;
use breakmywork_protocol::jobs::{self, Ending, FailureKind, MetricPoint, Offer, Progress};
use breakmywork_protocol::spec::{self, Format, Spec};
use sqlx::PgPool;
use uuid::Uuid;

/// Two arms that learn the words of a data set, by epochs.
fn words(data_set: &str) -> Spec {
    let text = format!(
        "title = \"t\"\nseeds = [1]\n[task]\nname = \"word_lm\"\ndata = \"{data_set}\"\n[training]\nepochs = 2\n\
         [[arms]]\nname = \"fixed\"\n[[arms]]\nname = \"fresh\"\n\
         dropout.state = {{ rate = 0.25, time = \"per_step\" }}\n"
    );
    spec::read(&text, Format::Toml).expect("a good specification")
}

fn has(data_set: &str, content: char) -> Offer {
    Offer {
        data_set: data_set.parse().expect("a name"),
        sha256: content.to_string().repeat(64),
    }
}

/// Offers these and says of which the board knows another content.
async fn offer(pool: &PgPool, worker: Uuid, offers: &[Offer]) -> Vec<String> {
    let other = jobs::offer(pool, worker, offers).await.expect("offers");
    other.into_iter().map(|other| other.data_set).collect()
}

async fn steps(pool: &PgPool, run: RunId) -> Option<i32> {
    sqlx::query_scalar!("select steps from run where id = $1", run as RunId)
        .fetch_one(pool)
        .await
        .expect("the run")
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_run_goes_to_a_worker_that_has_its_data_set(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &words("ptb")).await;
    let (without, with) = (worker(&pool).await, worker(&pool).await);
    assert!(take(&pool, without).await.is_none());
    offer(&pool, without, &[has("ptb@2", 'a'), has("other@1", 'b')]).await;
    assert!(take(&pool, without).await.is_none(), "another version");

    offer(&pool, with, &[has("ptb@1", 'a')]).await;
    let lease = take(&pool, with).await.expect("a run");
    let plan = lease.plan.expect("a plan");
    assert_eq!(plan.setup.task.data.as_deref(), Some("ptb@1"));
    assert!(take(&pool, without).await.is_none());

    // What it has now replaces what it had: an import gives it runs, a deletion takes them away.
    offer(&pool, without, &[has("ptb@1", 'a')]).await;
    let second = take(&pool, without).await.expect("the other run");
    finish(&pool, &second, Ending::Preempted, TIMING)
        .await
        .expect("hands back");
    offer(&pool, without, &[]).await;
    assert!(take(&pool, without).await.is_none());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_name_stands_for_one_content_on_a_board(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &words("ptb")).await;
    let (first, second) = (worker(&pool).await, worker(&pool).await);
    assert!(offer(&pool, first, &[has("ptb@1", 'a')]).await.is_empty());
    let other = jobs::offer(&pool, second, &[has("ptb@1", 'b'), has("x@1", 'c')])
        .await
        .expect("offers");
    assert_eq!(other.len(), 1);
    let said = other[0].to_string();
    assert!(
        said.starts_with("ptb@1 has another content here (SHA-256 bbbb"),
        "{said}"
    );
    assert!(take(&pool, second).await.is_none());

    // The name keeps its meaning when the worker that gave it has gone.
    jobs::stop_worker(&pool, first).await.expect("signs off");
    assert_eq!(offer(&pool, second, &[has("ptb@1", 'b')]).await, ["ptb@1"]);
    assert!(take(&pool, second).await.is_none());
    assert!(offer(&pool, second, &[has("ptb@1", 'a')]).await.is_empty());
    assert!(take(&pool, second).await.is_some());
    let offers = sqlx::query_scalar!("select count(*) from worker_data_set")
        .fetch_one(&pool)
        .await;
    assert_eq!(offers.expect("a count"), Some(1), "signed off: no offers");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn runs_that_wait_for_a_data_set_hold_nobody_up(pool: PgPool) {
    let (ada, bob) = (account(&pool, "ada").await, account(&pool, "bob").await);
    registered(&pool, ada, &words("ptb")).await;
    registered(&pool, ada, &spec(1)).await;
    registered(&pool, bob, &spec(1)).await;
    sqlx::query!("update run set priority = 1 where data_set is not null")
        .execute(&pool)
        .await
        .expect("sets");
    jobs::complete_lines(&pool).await.expect("completes");
    let worker = worker(&pool).await;
    let owner = async |run: RunId| {
        sqlx::query_scalar!("select owner_id from run where id = $1", run as RunId)
            .fetch_one(&pool)
            .await
            .expect("an owner")
    };
    let mut owners = Vec::new();
    for _ in 0..3 {
        let lease = take(&pool, worker).await.expect("a run");
        assert_eq!(lease.plan.expect("a plan").setup.task.data, None);
        owners.push(owner(lease.run).await);
    }
    assert_eq!(owners, [ada.0, bob.0, ada.0], "people still take turns");
    // With the data set, the higher priority counts again.
    offer(&pool, worker, &[has("ptb@1", 'a')]).await;
    let lease = take(&pool, worker).await.expect("a run");
    assert!(lease.plan.expect("a plan").setup.task.data.is_some());
    assert_eq!(owner(lease.run).await, ada.0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_number_of_steps_is_known_once_a_worker_tells(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &words("ptb")).await;
    let worker = worker(&pool).await;
    offer(&pool, worker, &[has("ptb@1", 'a')]).await;
    let lease = take(&pool, worker).await.expect("a run");
    assert_eq!(steps(&pool, lease.run).await, None);
    let beat = async |progress| {
        jobs::beat(&pool, &lease, progress, TIMING)
            .await
            .expect("beats")
    };
    beat(Progress::at(3)).await;
    let of = |step, steps| Progress {
        step,
        steps: Some(steps),
        alive: false,
    };
    beat(of(3, 0)).await;
    assert_eq!(steps(&pool, lease.run).await, None);
    beat(of(4, 120)).await;
    assert_eq!(steps(&pool, lease.run).await, Some(120));
    beat(Progress::at(5)).await;
    assert_eq!(steps(&pool, lease.run).await, Some(120), "stays known");
    let point = MetricPoint {
        name: "train_loss".into(),
        step: 6,
        value: 1.0,
    };
    jobs::report_metrics(&pool, &lease, of(6, 121), &[point])
        .await
        .expect("reports");
    assert_eq!(steps(&pool, lease.run).await, Some(121));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_retry_needs_the_same_data_set(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &words("ptb")).await;
    let (with, without) = (worker(&pool).await, worker(&pool).await);
    offer(&pool, with, &[has("ptb@1", 'a')]).await;
    let lease = take(&pool, with).await.expect("a run");
    let broken = Ending::Failed {
        kind: FailureKind::OutOfMemory,
        error: "e".into(),
    };
    finish(&pool, &lease, broken, TIMING).await.expect("fails");
    let mut connection = pool.acquire().await.expect("a connection");
    let again = jobs::retry(&mut connection, lease.run, ada, "r")
        .await
        .expect("retries");
    assert!(take(&pool, without).await.is_none());
    let mut taken = Vec::new();
    while let Some(lease) = take(&pool, with).await {
        taken.push(lease.run);
    }
    assert!(taken.contains(&again));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_result_from_another_content_does_not_count(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &words("ptb")).await;
    let worker = worker(&pool).await;
    offer(&pool, worker, &[has("ptb@1", 'a')]).await;
    let trained_on = |content: Option<char>| {
        let Ending::Succeeded(mut result) = success(1.0) else {
            panic!("a success")
        };
        result.provenance.data_sha256 = content.map(|content| content.to_string().repeat(64));
        Ending::Succeeded(result)
    };
    let error = async |run: RunId| {
        sqlx::query_scalar!(
            "select error from run_attempt where run_id = $1 and outcome = 'unable' order by epoch desc limit 1",
            run as RunId
        )
        .fetch_optional(&pool)
        .await
        .expect("asks")
        .flatten()
    };
    let lease = take(&pool, worker).await.expect("a run");
    // Sent again after a lost answer, it is refused again and changes nothing.
    for _ in 0..2 {
        finish(&pool, &lease, trained_on(Some('b')), TIMING)
            .await
            .expect("is told");
        assert_eq!(run_state(&pool, lease.run).await, "queued");
    }
    let said = error(lease.run).await.expect("a reason");
    assert!(
        said.contains("another content (SHA-256 bbbb") && said.contains("ptb@1 stands for"),
        "{said}"
    );

    let again = take(&pool, worker).await.expect("the same run");
    assert_eq!(again.run, lease.run);
    finish(&pool, &again, trained_on(None), TIMING)
        .await
        .expect("is told");
    let said = error(lease.run).await.expect("a reason");
    assert!(said.contains("trained on no data set"), "{said}");

    let last = take(&pool, worker).await.expect("the same run");
    finish(&pool, &last, trained_on(Some('a')), TIMING)
        .await
        .expect("counts");
    assert_eq!(run_state(&pool, lease.run).await, "succeeded");
    let cost = sqlx::query!(
        "select failures, losses from run where id = $1",
        lease.run as RunId
    )
    .fetch_one(&pool)
    .await
    .expect("the run");
    assert_eq!(
        (cost.failures, cost.losses),
        (0, 0),
        "the folder is not the run's fault"
    );
}
