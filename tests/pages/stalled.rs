//! An experiment that machine trouble stopped: everybody reads why, an admin decides.

use crate::support::*;
use axum_test::TestResponse;
use breakmywork::auth::account::Role;
use breakmywork_protocol::{
    db::MIGRATOR,
    jobs::{self, Ending, FailureKind, Lease, Timing},
};
use sqlx::PgPool;
use uuid::Uuid;

async fn worker(site: &Site) -> Uuid {
    let worker = Uuid::new_v4();
    jobs::register_worker(&site.pool, worker, "host", "cpu", "0", 1)
        .await
        .expect("registers");
    worker
}

async fn take(site: &Site, worker: Uuid) -> Option<Lease> {
    let lease = jobs::take(&site.pool, worker, Timing::default()).await;
    lease.expect("takes")
}

/// Every queued run fails for a reason that is not its own.
async fn fail_all(site: &Site) {
    let worker = worker(site).await;
    while let Some(lease) = take(site, worker).await {
        let ending = Ending::Failed {
            kind: FailureKind::OutOfMemory,
            error: "/srv/secret/x.bin: the disk is full".into(),
        };
        jobs::finish(&site.pool, &lease, ending, Timing::default())
            .await
            .expect("ends");
    }
}

fn id(path: &str) -> &str {
    path.rsplit('/').next().expect("an id")
}

fn assert_stalled(page: &TestResponse) {
    page.assert_status_ok();
    let text = page.text();
    assert!(text.contains("Stalled"), "{text}");
    assert!(
        text.contains("the disk is full") && !text.contains("/srv"),
        "{text}"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_admin_retries_a_stalled_experiment_or_gives_it_up(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let admin = site.signed_in("root-ish", Role::Admin).await;
    let path = ada.registered(&site).await;
    let (retry, give_up) = (
        format!("/admin/experiments/{}/retry", id(&path)),
        format!("/admin/experiments/{}/give-up", id(&path)),
    );
    let why = [("reason", "there is space again")];
    admin.post(&retry, &why).await.assert_status_conflict();
    admin.post(&give_up, &why).await.assert_status_conflict();

    fail_all(&site).await;
    assert_stalled(&ada.get(&path).await);
    assert!(!ada.get(&path).await.text().contains("Give it up"));
    assert!(admin.get(&path).await.text().contains("Give it up"));
    assert_stalled(&admin.get("/admin/queue").await);
    let listed = ada.get("/experiments?state=stalled").await.text();
    assert!(listed.contains(&path), "{listed}");
    let api = ada
        .get(&format!("/api/v1{path}"))
        .await
        .json::<serde_json::Value>();
    assert_eq!(api["state"], "stalled");
    let reason = api["stalled_reason"].as_str().expect("a reason");
    assert!(reason.contains("the disk is full"), "{reason}");
    assert_eq!(api["verdict"], serde_json::Value::Null);
    assert!(
        ada.get("/metrics")
            .await
            .text()
            .contains("breakmywork_stalled_experiments 1\n")
    );

    ada.post(&retry, &why).await.assert_status_forbidden();
    ada.post(&give_up, &why).await.assert_status_forbidden();
    admin
        .post(&retry, &[])
        .await
        .assert_status_unprocessable_entity();
    admin.post(&retry, &why).await.assert_status_see_other();
    let api = ada
        .get(&format!("/api/v1{path}"))
        .await
        .json::<serde_json::Value>();
    assert_eq!(api["state"], "running");

    fail_all(&site).await;
    admin.post(&give_up, &why).await.assert_status_see_other();
    let text = ada.get(&path).await.text();
    assert!(
        text.contains("aborted") && text.contains("there is space again"),
        "{text}"
    );
    assert!(!text.contains("Stalled"), "{text}");
    admin.post(&give_up, &why).await.assert_status_conflict();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_first_place_on_the_page_is_what_the_next_take_gives(pool: PgPool) {
    let site = Site::new(pool).await;
    let mut people = Vec::new();
    for name in ["ada", "bob", "eve"] {
        let browser = site.signed_in(name, Role::Member).await;
        browser.registered(&site).await;
        people.push(browser);
    }
    let worker = worker(&site).await;
    let timing = Timing::default();
    // What each attempt lasts; the longest stays under way.
    for seconds in [200, 5, 70, 1, 600, 30, 2, 90, 4, 1, 1, 1, 300, 1, 1] {
        let page = people[0]
            .get("/api/v1/queue")
            .await
            .json::<serde_json::Value>();
        let (first, place) = (&page["waiting"][0]["run"], &page["waiting"][0]["position"]);
        assert_eq!(*place, 1);
        let lease = take(&site, worker).await.expect("a run");
        assert_eq!(*first, lease.run.0, "after {seconds} s");
        sqlx::query!(
            "with changed as (
                 update run_attempt set started_at = now() - make_interval(secs => $2)
                 where run_id = $1 and ended_at is null
               )
               update run_lease set taken_at = now() - make_interval(secs => $2) where run_id = $1",
            lease.run.0,
            f64::from(seconds)
        )
        .execute(&site.pool)
        .await
        .expect("sets");
        let plan = lease.plan.clone().expect("a plan");
        if seconds == 600 {
            continue;
        }
        jobs::finish(&site.pool, &lease, site.success(&plan, 0.1), timing)
            .await
            .expect("ends");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn metrics_tell_depth_and_age_and_nothing_of_people(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    ada.registered(&site).await;
    let worker = worker(&site).await;
    take(&site, worker).await.expect("a run");
    let text = site.browser().get("/metrics").await.text();
    let value = |name: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.rsplit(' ').next());
        value.expect(name).parse().expect("a number")
    };
    assert_eq!(value("breakmywork_runs{state=\"running\"}"), 1.0);
    assert!(value("breakmywork_runs{state=\"queued\"}") >= 5.0, "{text}");
    assert!(value("breakmywork_oldest_queued_seconds") >= 0.0);
    assert_eq!(value("breakmywork_live_workers"), 1.0);
    assert!(!text.contains("ada") && !text.contains("host"), "{text}");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        assert!(line.starts_with("breakmywork_"), "{line}");
    }
}
