use crate::support::Site;
use axum::http::StatusCode;
use breakmywork::config::Settings;
use breakmywork_protocol::db::MIGRATOR;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// The description is a file that reviewers read: a change of the API is a change of it.
#[test]
fn the_description_is_the_one_that_was_reviewed() {
    let description = breakmywork::api::openapi()
        .to_pretty_json()
        .expect("plain data");
    insta::assert_snapshot!("openapi", description);
}

/// By the validator that the specification of OpenAPI names.
#[test]
fn the_description_is_one_by_the_schema_of_openapi() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("openapi.json");
    let description = breakmywork::api::openapi().to_json().expect("plain data");
    fs::write(&file, description).expect("writes");
    let validator = concat!(
        env!("CARGO_TARGET_TMPDIR"),
        "/python/bin/openapi-spec-validator"
    );
    let said = Command::new(validator).arg(&file).output();
    let said = said.expect("make test installs it");
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "{text}");
}

/// Generated clients have a function for each.
#[test]
fn each_operation_has_a_name_of_its_own() {
    let description = serde_json::to_value(breakmywork::api::openapi()).expect("plain data");
    let paths = description["paths"].as_object().expect("paths");
    let operations = paths.values().filter_map(Value::as_object).flatten();
    let names: Vec<&str> = operations
        .map(|(_, operation)| operation["operationId"].as_str().expect("a name"))
        .collect();
    let different: BTreeSet<&str> = names.iter().copied().collect();
    assert!(
        names.len() > 100 && names.len() == different.len(),
        "{names:#?}"
    );
    assert!(different.contains("get_claims_by_id_rivals"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_description_is_served_and_every_get_in_it_answers(pool: PgPool) {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings {
        checkpoint_dir: Some(folder.path().to_owned()),
        ..Settings::default()
    };
    let site = Site::with(pool, settings).await;
    let ada = site.person("ada", "member").await;
    let root = site.person("root", "admin").await;
    let experiment = site.registered(&ada).await;
    let comments = format!("/api/v1/threads/{}/comments", experiment["thread"]);
    let comment = serde_json::json!({ "body": "the first" });
    let posted = site.post(&ada, &comments, &comment).await;
    posted.assert_status(StatusCode::CREATED);
    let description: Value = site.get("/api/v1/openapi.json").await.json();
    let worker = "/api/v1/worker/00000000-0000-4000-8000-000000000001";
    let registration =
        serde_json::json!({"host": "h", "device": "cpu", "version": "0", "slots": 1});
    let registered = site.put(&root, worker, &registration).await;
    registered.assert_status(StatusCode::NO_CONTENT);
    let webhook = serde_json::json!({"url": "https://hooks.example.org/"});
    let added = site.post(&root, "/api/v1/webhooks", &webhook).await;
    added.assert_status(StatusCode::CREATED);
    let none = serde_json::json!({});
    let taken: Value = site
        .post(&root, &format!("{worker}/take"), &none)
        .await
        .json();
    let lease = (&taken["lease"]["run"], &taken["lease"]["epoch"]);
    let file = format!("{worker}/runs/{}/checkpoints/{}/1", lease.0, lease.1);
    let hash = hex::encode(Sha256::digest("x"));
    let sent = format!("{file}?offset=0&bytes=1&sha256={hash}");
    let sent = site.put(&root, &sent, &none).bytes("x".into());
    let sent = sent.content_type("application/octet-stream").await;
    assert_eq!(sent.json::<Value>()["whole"], true);
    let run = sqlx::query_scalar!("select min(id) from run")
        .fetch_one(&site.pool)
        .await
        .expect("runs")
        .expect("some");
    sqlx::query(
        "insert into reproduction (id, experiment_id, account_id, device, arithmetic, device_name, threads, worker_version, code_version, word, runs, numbers)
         overriding system value select $1, $1, id, 'cpu', 'AVX2', 'x', 1, '0', '0', 'identical', 1, '[]' from account where name = 'ada'",
    )
    .bind(experiment["id"].as_i64())
    .execute(&site.pool)
    .await
    .expect("reports");
    site.agent(&root, "scout-agent").await;
    let paths = description["paths"].as_object().expect("paths");
    assert!(paths.len() >= 16, "{}", paths.len());
    for (path, methods) in paths
        .iter()
        .filter(|(_, methods)| methods.get("get").is_some())
    {
        let id = if path.contains("/runs/") {
            run
        } else {
            experiment["id"].as_i64().expect("an id")
        };
        let path = path
            .replace("{id}", &id.to_string())
            .replace("/api/v1/worker/{worker}", worker)
            .replace("{run}", &lease.0.to_string())
            .replace("{attempt}/{step}", &format!("{}/1", lease.1))
            .replace("/agents/{name}", "/agents/scout-agent")
            .replace("{name}", "ada")
            .replace("{slug}", "recurrent-dropout");
        let with = match path.as_str() {
            // What amends nothing is compared with what is named.
            path if path.ends_with("/diff") => format!("?with={id}"),
            "/api/v1/compare" | "/api/v1/compare/curves" => format!("?experiments={id}"),
            path if path.ends_with("/checkpoints") => "?epoch=1".to_owned(),
            path if path.contains("/checkpoints/") => format!("?epoch={}&offset=0", lease.1),
            "/api/v1/search" => "?q=mask".to_owned(),
            _ => String::new(),
        };
        let path = format!("{path}{with}");
        if methods["get"]["security"] == serde_json::json!([{ "token": [] }]) {
            let stranger = site.get(&path).await;
            stranger.assert_status(StatusCode::UNAUTHORIZED);
            site.get_as(&root, &path).await.assert_status_ok();
        } else {
            site.get(&path).await.assert_status_ok();
        }
        assert!(
            methods["get"]["summary"].is_string(),
            "{path} has no summary"
        );
    }
}
