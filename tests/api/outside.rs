//! The job table over REST, asked by workers that lie, lag or belong to somebody else.

use crate::support::{Person, Site};
use axum::http::StatusCode;
use breakmywork::auth::token::Scope;
use breakmywork_protocol::db::MIGRATOR;
use serde_json::{Value, json};
use sqlx::PgPool;

const WORKER: &str = "/api/v1/worker/00000000-0000-4000-8000-000000000001";
const OTHER: &str = "/api/v1/worker/00000000-0000-4000-8000-000000000002";

async fn register(site: &Site, person: &Person, worker: &str) {
    let registration = json!({"host": "far", "device": "cpu", "version": "0", "slots": 1});
    let answer = site.put(person, worker, &registration).await;
    answer.assert_status(StatusCode::NO_CONTENT);
}

/// The last part of a problem's type.
fn kind(answer: &Value) -> &str {
    let kind = answer["type"].as_str().expect("a problem");
    kind.split("#problem-").nth(1).expect("a part")
}

async fn refused(site: &Site, person: &Person, path: &str, body: Value) -> (u16, String) {
    let answer = site.post(person, path, &body).await;
    let status = answer.status_code().as_u16();
    let answer: Value = answer.json();
    let what = match status {
        422 => answer["errors"][0]["pointer"].as_str().expect("a pointer"),
        _ => kind(&answer),
    };
    (status, what.to_owned())
}

async fn take(site: &Site, person: &Person, worker: &str) -> Value {
    let answer = site
        .post(person, &format!("{worker}/take"), &json!({}))
        .await;
    answer.assert_status_ok();
    answer.json::<Value>()["lease"].clone()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_report_counts_only_of_the_worker_and_the_epoch_that_hold_the_lease(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let root = site.person("root", "admin").await;
    let other = site.limited(&root, &[Scope::Read, Scope::Work]).await;
    site.registered(&ada).await;
    register(&site, &root, WORKER).await;
    register(&site, &other, OTHER).await;
    let lease = take(&site, &root, WORKER).await;
    let (run, epoch) = (&lease["run"], lease["epoch"].as_i64().expect("an epoch"));
    assert!(
        lease["plan"]["model"].is_object() && lease["unreadable"].is_null(),
        "{lease}"
    );
    let reports = |worker: &str| format!("{worker}/runs/{run}/reports");
    let beat = |epoch: i64| json!({"epoch": epoch, "what": {"beat": {"step": 7, "steps": 9, "alive": true}}});

    let lost = (409, "lease-lost".to_owned());
    assert_eq!(
        refused(&site, &root, &reports(WORKER), beat(epoch + 1)).await,
        lost
    );
    assert_eq!(
        refused(&site, &other, &reports(OTHER), beat(epoch)).await,
        lost
    );
    let nowhere = format!("{WORKER}/runs/999999/reports");
    assert_eq!(refused(&site, &root, &nowhere, beat(epoch)).await, lost);
    // With the token of another worker in its name.
    let replaced = (409, "replaced".to_owned());
    assert_eq!(
        refused(&site, &other, &reports(WORKER), beat(epoch)).await,
        replaced
    );
    let end = json!({"epoch": epoch + 1, "what": {"end": "preempted"}});
    assert_eq!(refused(&site, &root, &reports(WORKER), end).await, lost);

    let heard: Value = site
        .post(&root, &reports(WORKER), &beat(epoch))
        .await
        .json();
    assert_eq!(heard, json!({"cancel": false}));
    let step = sqlx::query_scalar::<_, i32>("select step from run_lease")
        .fetch_one(&site.pool)
        .await;
    assert_eq!(step.expect("a lease"), 7);

    // Another process comes with the token: whoever was there before is no worker any more, its lease runs out.
    let third = "/api/v1/worker/00000000-0000-4000-8000-000000000003";
    register(&site, &root, third).await;
    assert_eq!(
        refused(&site, &root, &reports(WORKER), beat(epoch)).await,
        replaced
    );
    assert_eq!(
        refused(&site, &root, &reports(third), beat(epoch)).await,
        lost
    );
    let again = json!({"host": "far", "device": "cpu", "version": "0", "slots": 1});
    let back = site.put(&root, WORKER, &again).await;
    back.assert_status(StatusCode::CONFLICT);
    let stolen = site.put(&root, OTHER, &again).await;
    stolen.assert_status(StatusCode::CONFLICT);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_no_worker_of_ours_would_send_is_refused_by_its_field(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let root = site.person("root", "admin").await;
    site.registered(&ada).await;
    let none = json!({});
    let not_yet = refused(&site, &root, &format!("{WORKER}/take"), none).await;
    assert_eq!(not_yet, (409, "not-registered".to_owned()));
    let slots = json!({"host": "h\u{0}", "device": "cpu", "version": "0", "slots": 65});
    let answer = site.put(&root, WORKER, &slots).await;
    answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);

    register(&site, &root, WORKER).await;
    let lease = take(&site, &root, WORKER).await;
    let (run, epoch) = (&lease["run"], &lease["epoch"]);
    let reports = format!("{WORKER}/runs/{run}/reports");
    let progress = json!({"step": 1, "steps": null, "alive": true});
    let point = |name: &str, value: Value| json!({"name": name, "step": 1, "value": value});
    let many = vec![point("train_loss", json!(1.0)); 501];
    let checkpoint = |key: &str, sha256: &str| {
        json!({"checkpoint":
        {"epoch": 1, "step": 1, "object_key": key, "bytes": 1, "sha256": sha256}})
    };
    let hash = "0".repeat(64);
    let key = "k".repeat(201);
    for (what, pointer) in [
        (
            json!({"metrics": {"progress": progress, "points": many}}),
            "/what/metrics/points",
        ),
        (
            json!({"metrics": {"progress": progress, "points": [point("<b>", json!(1.0))]}}),
            "/what/metrics/points/0/name",
        ),
        (
            json!({"metrics": {"progress": progress, "points": [point("train_loss", json!("much"))]}}),
            "/what/metrics/points/0/value",
        ),
        (checkpoint("k", "x"), "/what/checkpoint/sha256"),
        (checkpoint(&key, &hash), "/what/checkpoint/object_key"),
        (json!({"unusable": key}), "/what/unusable"),
        (
            json!({"end": {"succeeded": {"metrics": {}}}}),
            "/what/end/succeeded/treatment",
        ),
        (json!({"nothing": 1}), "/what"),
    ] {
        let body = json!({"epoch": epoch, "what": what});
        let (status, at) = refused(&site, &root, &reports, body).await;
        assert_eq!(status, 422, "{what}");
        assert!(at.starts_with(pointer), "{at} of {what}");
    }
    for shelf in [
        json!([{"data_set": "../x", "sha256": hash}]),
        json!([{"data_set": "x@1", "sha256": "no"}]),
    ] {
        let answer = site
            .put(
                &root,
                &format!("{WORKER}/data-sets"),
                &json!({"data_sets": shelf}),
            )
            .await;
        answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    }

    // Numbers that JSON has none for come through, and what a machine says of itself is fit for people.
    let odd = [
        point("train_loss", json!("NaN")),
        point("train_loss", json!("inf")),
    ];
    let body = json!({"epoch": epoch, "what": {"metrics": {"progress": progress, "points": odd}}});
    site.post(&root, &reports, &body).await.assert_status_ok();
    let trouble = json!({"trouble": {"reason": "/home/ada/x is full\u{0}", "pauses": true}});
    let told = site
        .put(&root, &format!("{WORKER}/condition"), &trouble)
        .await;
    told.assert_status(StatusCode::NO_CONTENT);
    let said = sqlx::query_scalar::<_, String>("select trouble from worker where not takes");
    let said = said.fetch_one(&site.pool).await.expect("a row");
    assert!(!said.contains("/home"), "{said}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn only_an_admins_token_is_a_worker(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let mona = site.person("mona", "moderator").await;
    for person in [&ada, &mona] {
        // The support gives every scope to everybody, which no route does.
        let refused = site.get_as(person, "/api/v1/worker").await;
        refused.assert_status(StatusCode::FORBIDDEN);
        let wanted = json!({"label": "w", "scopes": ["work"]});
        let refused = site.post(person, "/api/v1/tokens", &wanted).await;
        refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let root = site.person("root", "admin").await;
    site.get_as(&root, "/api/v1/worker")
        .await
        .assert_status_ok();
}
