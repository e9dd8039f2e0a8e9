use crate::support::Site;
use axum::http::StatusCode;
use breakmywork_protocol::db::MIGRATOR;
use serde_json::{Value, json};
use sqlx::PgPool;

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_a_script_has_already_is_not_sent_again(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    for path in ["/api/v1/claims/1", "/api/v1/works", "/api/v1/follows"] {
        let first = site.get_as(&ada, path).await;
        let version = first.header("etag");
        let again = site
            .server
            .get(path)
            .authorization_bearer(&ada.token)
            .add_header("if-none-match", version.clone());
        let again = again.await;
        again.assert_status(StatusCode::NOT_MODIFIED);
        assert_eq!(again.header("etag"), version, "{path}");
        assert!(again.text().is_empty(), "{path}");
        let other = site
            .server
            .get(path)
            .authorization_bearer(&ada.token)
            .add_header("if-none-match", "\"other\"");
        other.await.assert_status_ok();
    }
    // A visitor gets the same name, compressed or not.
    let plain = site.get("/api/v1/claims/1").await.header("etag");
    let packed = site
        .server
        .get("/api/v1/claims/1")
        .add_header("accept-encoding", "gzip");
    assert_eq!(packed.await.header("etag"), plain);
    assert_eq!(
        site.get_as(&ada, "/api/v1/claims/1").await.header("etag"),
        plain
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_comment_is_changed_only_as_it_was_read(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let bob = site.person("bob", "member").await;
    let posted = site
        .post(
            &ada,
            "/api/v1/threads/1/comments",
            &json!({ "body": "first" }),
        )
        .await;
    posted.assert_status(StatusCode::CREATED);
    let path = format!("/api/v1/comments/{}", posted.json::<Value>()["id"]);
    let read = site.get_as(&ada, &path).await.header("etag");
    // Bob's thanks change what she read.
    let thanks = format!("{path}/reactions/thanks");
    site.put(&bob, &thanks, &json!({})).await.assert_status_ok();
    let edit = json!({ "body": "second", "version": 1 });
    let stale = site
        .put(&ada, &path, &edit)
        .add_header("if-match", read.clone())
        .await;
    stale.assert_status(StatusCode::PRECONDITION_FAILED);
    assert_eq!(stale.header("content-type"), "application/problem+json");
    let problem: Value = stale.json();
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("Read it again"))
    );
    let stale = site.delete(&ada, &path).add_header("if-match", read).await;
    stale.assert_status(StatusCode::PRECONDITION_FAILED);
    // Whose it is comes before what was read.
    let others = site
        .put(&bob, &path, &edit)
        .add_header("if-match", "\"x\"")
        .await;
    others.assert_status(StatusCode::FORBIDDEN);

    let read = site.get_as(&ada, &path).await.header("etag");
    let edited = site
        .put(&ada, &path, &edit)
        .add_header("if-match", read)
        .await;
    edited.assert_status_ok();
    let any = site.delete(&ada, &path).add_header("if-match", "*").await;
    any.assert_status_ok();
    assert_eq!(site.get(&path).await.json::<Value>()["body"], Value::Null);
}

/// What a program gets that takes compressed answers, as nearly all do: a refusal that reads.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_refusal_reads_where_answers_may_be_compressed(pool: PgPool) {
    let site = Site::new(pool).await;
    for path in [
        "/api/v1/experiments/x",
        "/api/v1/claims?limit=1000",
        "/claims/x",
    ] {
        let answer = site
            .server
            .get(path)
            .add_header("accept-encoding", "gzip")
            .await;
        assert!(answer.status_code().is_client_error(), "{path}");
        match answer.maybe_header("content-encoding") {
            None => assert!(std::str::from_utf8(answer.as_bytes()).is_ok(), "{path}"),
            Some(_) => assert!(answer.as_bytes().starts_with(&[0x1f, 0x8b]), "{path}"),
        }
    }
}
