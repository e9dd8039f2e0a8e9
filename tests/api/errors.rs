use crate::support::{Site, pointers, template};
use axum::http::StatusCode;
use breakmywork_protocol::db::MIGRATOR;
use serde_json::{Value, json};
use sqlx::PgPool;

#[sqlx::test(migrator = "MIGRATOR")]
async fn errors_are_problems(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    for path in [
        "/api/v1/claims/999",
        "/api/v1/runs/1",
        "/api/v1/experiments/x",
        "/api/v1/nothing",
        "/api/v1/threads/999/comments",
    ] {
        let response = site.get(path).await;
        response.assert_status(StatusCode::NOT_FOUND);
        assert_eq!(
            response.header("content-type"),
            "application/problem+json",
            "{path}"
        );
        assert_eq!(response.json::<Value>()["status"], 404, "{path}");
    }
    let response = site
        .server
        .post("/api/v1/experiments")
        .json(&json!({}))
        .await;
    response.assert_status(StatusCode::UNAUTHORIZED);
    assert_eq!(response.header("www-authenticate"), "Bearer");
    let response = site
        .server
        .get("/api/v1/works")
        .authorization_bearer("bmw_wrong")
        .await;
    response.assert_status(StatusCode::UNAUTHORIZED);
    let response = site
        .server
        .post("/api/v1/experiments")
        .authorization_bearer("bmw_wrong")
        .json(&json!({}))
        .await;
    response.assert_status(StatusCode::UNAUTHORIZED);
    let response = site.post(&ada, "/api/v1/workers", &json!({})).await;
    response.assert_status(StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.header("content-type"), "application/problem+json");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn bodies_that_do_not_read_say_where(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let path = "/api/v1/experiments";
    let wrong = json!({ "claim": "two", "spec": template() });
    let response = site.post(&ada, path, &wrong).await;
    response.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(pointers(&response.json()), ["/claim"]);
    let unknown = json!({ "claim": 1, "spec": template(), "speck": 1 });
    let response = site.post(&ada, path, &unknown).await;
    response.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert!(response.text().contains("speck"));

    let raw = |bytes: Vec<u8>| {
        site.post(&ada, path, &json!({}))
            .bytes(bytes.into())
            .content_type("application/json")
    };
    raw(b"{\"claim\": ".to_vec())
        .await
        .assert_status(StatusCode::BAD_REQUEST);
    raw(b"{\"claim\": 1, \"title\": \"\xff\"}".to_vec())
        .await
        .assert_status(StatusCode::BAD_REQUEST);
    let deep = format!(
        "{{\"claim\": 1, \"spec\": {}{}}}",
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    raw(deep.into_bytes())
        .await
        .assert_status(StatusCode::BAD_REQUEST);
    let response = raw(vec![b' '; 10_000_000]).await;
    response.assert_status(StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(response.header("content-type"), "application/problem+json");
    let response = site.post(&ada, path, &json!({})).text("claim=1").await;
    response.assert_status(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    for (body, status) in [
        // By position, twice the same name, of another type.
        (
            "[1, \"title\", null, \"\", {}, false, null, null]",
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "{\"claim\": 1, \"claim\": 2}",
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "{\"claim\": 1, \"spec\": {\"title\": \"a\", \"title\": \"b\"}}",
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
    ] {
        let response = raw(body.as_bytes().to_vec()).await;
        response.assert_status(status);
        let text = response.text();
        assert!(!text.contains("struct") && !text.contains("i64"), "{text}");
    }
    let other = raw(b"{}".to_vec()).content_type("application/jsonx").await;
    other.assert_status(StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_database_that_is_away_is_said_so(pool: PgPool) {
    let site = Site::new(pool).await;
    site.pool.close().await;
    let response = site.get("/api/v1/works").await;
    response.assert_status(StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.maybe_header("retry-after").is_some());
    assert_eq!(response.header("content-type"), "application/problem+json");
    let page = site.get("/").await;
    page.assert_status(StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        page.header("content-type")
            .to_str()
            .is_ok_and(|kind| kind.starts_with("text/html"))
    );
}

/// What a fuzzer began with, and what it found: `scripts/fuzz proposal`.
#[sqlx::test(migrator = "MIGRATOR")]
async fn bodies_that_once_were_trouble_are_refused_in_words(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let mut proposed = 0;
    for entry in std::fs::read_dir("fuzz/corpus/proposal").expect("the corpus") {
        let path = entry.expect("an entry").path();
        let body = std::fs::read(&path).expect("a file");
        for address in ["/api/v1/experiments", "/api/v1/specifications/check"] {
            let answer = site
                .server
                .post(address)
                .authorization_bearer(&ada.token)
                .content_type("application/json")
                .bytes(body.clone().into())
                .await;
            let status = answer.status_code();
            let told = format!("{address} {}: {status} {}", path.display(), answer.text());
            assert!(status.is_success() || status.is_client_error(), "{told}");
            if status.is_client_error() {
                assert!(answer.json::<Value>()["detail"].is_string(), "{told}");
            }
            proposed += u8::from(status == StatusCode::CREATED);
        }
    }
    assert_eq!(proposed, 1, "the good one");
}
