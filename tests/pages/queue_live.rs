//! The queue's pages move while one looks; who computes and what people ended are lists for everybody, without a host's name.

use crate::support::*;
use breakmywork::{auth::account::Role, db::workers::name};
use breakmywork_protocol::{
    db::MIGRATOR,
    id::RunId,
    jobs::{self, Ending, FailureKind, Lease, Timing},
};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

const HOST: &str = "rack-7.inside.example";

async fn worker(site: &Site) -> Uuid {
    let id = Uuid::new_v4();
    jobs::register_worker(&site.pool, id, HOST, "cpu (one of many)", "0", 2)
        .await
        .expect("registers");
    id
}

async fn take(site: &Site, worker: Uuid) -> Lease {
    let lease = jobs::take(&site.pool, worker, Timing::default()).await;
    lease.expect("takes").expect("a run")
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn both_queues_have_a_part_that_is_drawn_again(pool: PgPool) {
    let site = Site::new(pool).await;
    let admin = site.signed_in("root-ish", Role::Admin).await;
    let visitor = site.browser();
    for (browser, path) in [(&visitor, "/queue"), (&admin, "/admin/queue")] {
        let page = browser.get(path).await.text();
        assert!(page.contains("data-announce") && page.contains("data-live-pause"));
        let part = browser.get(&format!("{path}/live")).await.text();
        let begins = format!(
            "<div class=\"grid live\" data-live=\"{path}/live\" data-events=\"/queue/events\" data-page=\"{path}\" data-state=\"Nothing runs and nothing waits.\">"
        );
        assert!(part.starts_with(&begins), "{part}");
        assert!(page.contains(part.trim()), "{path}");
        assert!(!part.contains("<html"), "{part}");
    }
    admin.registered(&site).await;
    let part = visitor.get("/queue/live").await.text();
    assert!(part.contains("data-state=\"Runs wait, and none is under way.\""));
    take(&site, worker(&site).await).await;
    let part = visitor.get("/queue/live").await.text();
    assert!(part.contains("data-state=\"Runs are under way.\""));
    admin
        .post("/admin/queue/pause", &[("reason", "new disks")])
        .await
        .assert_status_see_other();
    let part = visitor.get("/queue/live").await.text();
    assert!(part.contains("data-state=\"The queue is paused.\"") && part.contains("new disks"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn who_computes_is_told_without_a_hosts_name(pool: PgPool) {
    let site = Site::new(pool).await;
    let admin = site.signed_in("root-ish", Role::Admin).await;
    let ada = site.signed_in("ada", Role::Member).await;
    ada.registered(&site).await;
    let visitor = site.browser();
    assert!(visitor.get("/workers").await.text().contains("No worker"));
    let worker = worker(&site).await;
    let first = take(&site, worker).await;
    sqlx::query("update run_attempt set started_at = now() - interval '2 hours' where run_id = $1")
        .bind(first.run.0)
        .execute(&site.pool)
        .await
        .expect("began");
    let ending = || Ending::Failed {
        kind: FailureKind::OutOfMemory,
        error: "too small".into(),
    };
    for _ in 0..2 {
        // Said twice, counted once.
        jobs::finish(&site.pool, &first, ending(), Timing::default())
            .await
            .expect("ends");
    }
    let second = take(&site, worker).await;
    let page = visitor.get("/workers").await.text();
    for told in [
        name(&worker),
        "cpu (one of many)".into(),
        "data-name=\"Has trained for\">2 h 0 min".into(),
        format!(
            "<a href=\"/runs/{0}\">run {0}</a> (1 of 2 slots)",
            second.run
        ),
    ] {
        assert!(page.contains(&told), "{told}: {page}");
    }
    // Nowhere is a host named but to admins.
    let run = format!("/runs/{}", first.run);
    for path in ["/workers", "/queue", "/queue/live", "/api/v1/workers", &run] {
        for reader in [&visitor, &ada] {
            let text = reader.get(path).await.text();
            assert!(!text.contains("rack-7"), "{path}: {text}");
        }
    }
    for path in ["/admin/queue", &run] {
        assert!(admin.get(path).await.text().contains(HOST), "{path}");
    }
    let told: Value = visitor.get("/api/v1/workers").await.json();
    let told = &told["items"][0];
    assert_eq!(
        (&told["name"], &told["host"], &told["runs"]),
        (&json!(name(&worker)), &Value::Null, &json!([second.run.0]))
    );
    let seconds = told["trained_seconds"].as_f64().expect("a number");
    assert!((7200.0..7300.0).contains(&seconds), "{seconds}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_people_ended_is_listed_with_who_when_and_why(pool: PgPool) {
    let site = Site::new(pool).await;
    let admin = site.signed_in("root-ish", Role::Admin).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let visitor = site.browser();
    let page = visitor.get("/queue/cancelled").await.text();
    assert!(page.contains("Nobody has cancelled a run yet."));
    ada.registered(&site).await;
    for run in 1..=3 {
        admin
            .post(
                &format!("/admin/runs/{run}/cancel"),
                &[("reason", &format!("the <{run}> was a slip"))],
            )
            .await
            .assert_status_see_other();
    }
    admin
        .post("/admin/runs/2/retry", &[("reason", "not that one")])
        .await
        .assert_status_see_other();
    let page = visitor.get("/queue/cancelled").await.text();
    let places: Vec<_> = [3, 2, 1]
        .map(|run| page.find(&format!("the &#60;{run}&#62; was a slip")))
        .into();
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{page}"
    );
    assert!(
        page.contains("<a href=\"/people/root-ish\">root-ish</a>"),
        "{page}"
    );
    assert!(page.contains("<a href=\"/runs/17\">run 17</a>"), "{page}");

    // By script, page by page.
    let mut seen = Vec::new();
    let mut address = "/api/v1/queue/cancelled?limit=2".to_owned();
    loop {
        let answer = visitor.get(&address).await.json::<Value>();
        seen.extend(answer["items"].as_array().expect("items").clone());
        let Some(next) = answer["next"].as_str() else {
            break;
        };
        address = format!("/api/v1/queue/cancelled?limit=2&cursor={next}");
    }
    let runs: Vec<_> = seen.iter().map(|run| run["run"].clone()).collect();
    assert_eq!(runs, [3, 2, 1]);
    assert_eq!(seen[1]["retried_by"], 17);
    assert_eq!(seen[0]["cancelled_by"], "root-ish");
    assert_eq!(seen[0]["reason"], "the <3> was a slip");

    // Nothing of what is sealed.
    sqlx::query("alter table experiment disable trigger user")
        .execute(&site.pool)
        .await
        .expect("lets go");
    sqlx::query(
        "update experiment set seal_days = 30, opens_at = registered_at + interval '20 days'",
    )
    .execute(&site.pool)
    .await
    .expect("seals");
    for path in ["/queue/cancelled", "/api/v1/queue/cancelled"] {
        let text = visitor.get(path).await.text();
        assert!(!text.contains("slip"), "{path}: {text}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_list_of_what_people_ended_costs_the_same_in_a_larger_table(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    ada.registered(&site).await;
    sqlx::query(
        "update run set state = 'cancelled', cancel_asked_at = now(), cancel_reason = 'r', finished_at = now() - id * interval '1 second'",
    )
    .execute(&site.pool)
    .await
    .expect("ends");
    let pool = alone(&site.pool).await;
    let cost = async || {
        let before = rows_read(&pool, "run").await;
        let runs = breakmywork::db::cancelled::newest(&pool, Some(RunId(3)), 5)
            .await
            .expect("runs");
        assert_eq!(runs.first().map(|run| run.run), Some(RunId(4)));
        rows_read(&pool, "run").await - before
    };
    let few = cost().await;
    sqlx::query(
        "insert into run (experiment_id, owner_id, arm, seed, plan, steps, state, cancel_asked_at, cancel_reason, finished_at)
         select experiment_id, owner_id, arm, g, plan, steps, 'cancelled', now(), 'r', now() - interval '1 day' - g * interval '1 second'
         from run, generate_series(100000, 105000) g where id = 1",
    )
    .execute(&site.pool)
    .await
    .expect("more");
    sqlx::query("analyze run")
        .execute(&site.pool)
        .await
        .expect("counts");
    let many = cost().await;
    assert!(many <= few + 5, "{few} rows, then {many}");
}
