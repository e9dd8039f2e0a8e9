use crate::support::{Site, pointers};
use axum::http::StatusCode;
use breakmywork_protocol::db::MIGRATOR;
use serde_json::{Value, json};
use sqlx::PgPool;

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_script_comments_and_reads_the_thread(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let claim: Value = site
        .get(&format!("/api/v1/claims/{}", site.claim("C2").await))
        .await
        .json();
    assert_eq!(claim["standing"], "untested");
    let path = format!("/api/v1/threads/{}/comments", claim["thread"]);
    let body = json!({ "body": "What about *zoneout*? <script>alert(1)</script>" });
    let response = site.post(&ada, &path, &body).await;
    response.assert_status(StatusCode::CREATED);
    let posted: Value = response.json();
    assert_eq!(posted["author"], "ada");
    let html = posted["html"].as_str().expect("html");
    assert!(
        html.contains("<em>zoneout</em>") && !html.contains("<script"),
        "{html}"
    );
    let thread: Value = site.get(&path).await.json();
    assert_eq!(thread["items"].as_array().map(Vec::len), Some(1));

    for bad in ["   ", &"x".repeat(20_001)] {
        let response = site.post(&ada, &path, &json!({ "body": bad })).await;
        response.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(pointers(&response.json()), ["/body"]);
    }
    site.post(&ada, "/api/v1/threads/99999/comments", &body)
        .await
        .assert_status(StatusCode::NOT_FOUND);
}
