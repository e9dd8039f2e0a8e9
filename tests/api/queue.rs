use crate::support::Site;
use axum::http::StatusCode;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::jobs::{self, Ending, FailureKind, Timing, Trouble};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

#[sqlx::test(migrator = "MIGRATOR")]
async fn everybody_sees_the_queue_and_admins_run_it(pool: PgPool) {
    let site = Site::new(pool).await;
    let (ada, root) = (
        site.person("ada", "member").await,
        site.person("chief", "admin").await,
    );
    site.registered(&ada).await;
    let queue: Value = site.get("/api/v1/queue").await.json();
    assert_eq!(queue["counts"]["queued"], 16);
    let positions: Vec<i64> = queue["waiting"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|run| run["position"].as_i64())
        .collect();
    assert_eq!(positions, (1..=16).collect::<Vec<i64>>());

    let pause = json!({ "reason": "new disks" });
    site.post(&ada, "/api/v1/queue/pause", &pause)
        .await
        .assert_status(StatusCode::FORBIDDEN);
    let paused: Value = site.post(&root, "/api/v1/queue/pause", &pause).await.json();
    assert_eq!(paused["paused"]["reason"], "new disks");
    assert_eq!(paused["paused"]["by"], "chief");
    let open: Value = site
        .post(&root, "/api/v1/queue/resume", &json!({}))
        .await
        .json();
    assert_eq!(open["paused"], Value::Null);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn admins_cancel_and_retry_with_a_reason(pool: PgPool) {
    let site = Site::new(pool).await;
    let (ada, root) = (
        site.person("ada", "member").await,
        site.person("chief", "admin").await,
    );
    site.registered(&ada).await;
    let worker = Uuid::new_v4();
    jobs::register_worker(&site.pool, worker, "host", "cpu", "1", 4)
        .await
        .expect("registers");
    let timing = Timing::default();
    let lease = jobs::take(&site.pool, worker, timing)
        .await
        .expect("takes")
        .expect("a run");
    let workers: Value = site.get("/api/v1/workers").await.json();
    assert_eq!(workers["items"][0]["runs"], json!([lease.run.0]));
    assert_eq!(workers["items"][0]["slots"], 4);
    assert_eq!(workers["items"][0]["takes"], true);
    // However many there are, none is left out without a word.
    jobs::register_worker(&site.pool, Uuid::new_v4(), "another", "cpu", "0", 1)
        .await
        .expect("registers");
    let mut seen = Vec::new();
    let mut address = "/api/v1/workers?limit=1".to_owned();
    loop {
        let page = site.get(&address).await;
        let items = page.json::<Value>()["items"].clone();
        seen.extend(
            items
                .as_array()
                .expect("items")
                .iter()
                .map(|item| item["id"].to_string()),
        );
        let Some(link) = page.maybe_header("link") else {
            break;
        };
        let link = link.to_str().expect("text").to_owned();
        let next = link
            .strip_prefix('<')
            .and_then(|link| link.split_once(">; rel=\"next\""));
        address = next.expect("the next page").0.to_owned();
    }
    seen.dedup();
    assert_eq!(seen.len(), 2);
    sqlx::query(
        "update worker set last_seen_at = now() - interval '2 hours' where host = 'another'",
    )
    .execute(&site.pool)
    .await
    .expect("ages");
    assert_eq!(workers["items"][0]["trouble"], Value::Null);
    let trouble = Trouble {
        reason: "The device is gone.".into(),
        pauses: true,
    };
    jobs::report_trouble(&site.pool, worker, Some(&trouble))
        .await
        .expect("says so");
    let workers: Value = site.get("/api/v1/workers").await.json();
    assert_eq!(workers["items"][0]["takes"], false);
    assert_eq!(workers["items"][0]["trouble"], "The device is gone.");
    assert!(workers["items"][0]["trouble_at"].is_string());

    let ending = Ending::Failed {
        kind: FailureKind::OutOfMemory,
        error: "2 GB wanted".into(),
    };
    jobs::finish(&site.pool, &lease, ending, timing)
        .await
        .expect("fails");
    let failed: Value = site
        .get(&format!("/api/v1/runs/{}", lease.run))
        .await
        .json();
    assert_eq!(
        (failed["state"].as_str(), failed["error"].as_str()),
        (Some("failed"), Some("2 GB wanted"))
    );
    let retry = format!("/api/v1/runs/{}/retry", lease.run);
    site.post(&root, &retry, &json!({ "reason": " " }))
        .await
        .assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    site.post(&ada, &retry, &json!({ "reason": "please" }))
        .await
        .assert_status(StatusCode::FORBIDDEN);
    let response = site
        .post(
            &root,
            &retry,
            &json!({ "reason": "a larger worker is here" }),
        )
        .await;
    response.assert_status(StatusCode::CREATED);
    let again: Value = response.json();
    assert_eq!(again["retry_of"], lease.run.0);
    let cancel = format!("/api/v1/runs/{}/cancel", again["id"]);
    let cancelled: Value = site
        .post(&root, &cancel, &json!({ "reason": "no" }))
        .await
        .json();
    assert_eq!(cancelled["state"], "cancelled");
    site.post(&root, &cancel, &json!({ "reason": "no" }))
        .await
        .assert_status(StatusCode::CONFLICT);
    let actors = sqlx::query_scalar!(
        "select count(*) from run_event where actor_id = $1",
        root.id.0
    )
    .fetch_one(&site.pool)
    .await;
    assert_eq!(
        actors.expect("a count"),
        Some(2),
        "the audit knows who did it"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn admins_retry_a_stalled_experiment_or_give_it_up(pool: PgPool) {
    let site = Site::new(pool).await;
    let (ada, root) = (
        site.person("ada", "member").await,
        site.person("chief", "admin").await,
    );
    site.registered(&ada).await;
    let worker = Uuid::new_v4();
    jobs::register_worker(&site.pool, worker, "host", "cpu", "1", 1)
        .await
        .expect("registers");
    let timing = Timing::default();
    let fail_all = async || {
        while let Some(lease) = jobs::take(&site.pool, worker, timing).await.expect("takes") {
            let ending = Ending::Failed {
                kind: FailureKind::OutOfMemory,
                error: "2 GB wanted".into(),
            };
            jobs::finish(&site.pool, &lease, ending, timing)
                .await
                .expect("fails");
        }
    };
    let listed: Value = site.get("/api/v1/experiments").await.json();
    let path = format!("/api/v1/experiments/{}", listed["items"][0]["id"]);
    let (retry, give_up) = (format!("{path}/retry"), format!("{path}/give-up"));
    let why = json!({ "reason": "more memory" });
    for to in [&retry, &give_up] {
        let refused = site.post(&root, to, &why).await;
        refused.assert_status(StatusCode::CONFLICT);
    }
    fail_all().await;
    let stalled: Value = site.get(&path).await.json();
    assert_eq!(stalled["state"], "stalled");
    let reason = stalled["stalled_reason"].as_str().expect("a reason");
    assert!(reason.contains("2 GB wanted"), "{reason}");
    for to in [&retry, &give_up] {
        let refused = site.post(&ada, to, &why).await;
        refused.assert_status(StatusCode::FORBIDDEN);
    }
    let running: Value = site.post(&root, &retry, &why).await.json();
    assert_eq!(running["state"], "running");
    assert_eq!(running["stalled_reason"], Value::Null);
    fail_all().await;
    let ended: Value = site.post(&root, &give_up, &why).await.json();
    assert_eq!(
        (&ended["state"], &ended["outcome"]),
        (&json!("concluded"), &json!("aborted"))
    );
    let words = ended["verdict"]["explanation"].as_str().expect("words");
    assert!(
        words.contains("An admin gave it up: more memory"),
        "{words}"
    );
}
