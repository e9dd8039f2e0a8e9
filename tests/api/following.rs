//! Following by script.

use crate::support::{Person, Site, pointers};
use axum::http::StatusCode;
use breakmywork_protocol::db::MIGRATOR;
use serde_json::{Value, json};
use sqlx::PgPool;

const FOLLOWS: &str = "/api/v1/follows";
const INBOX: &str = "/api/v1/inbox";

async fn read(site: &Site, person: &Person, path: &str) -> Value {
    let answer = site.get_as(person, path).await;
    answer.assert_status_ok();
    answer.json()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_script_follows_and_reads_its_inbox(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let bob = site.person("bob", "member").await;
    let claim = site.claim("C2").await;
    for (what, level) in [
        (json!({ "claim": claim }), "all"),
        (json!({ "work": "recurrent-dropout" }), "verdicts"),
    ] {
        let mut body = what;
        body["level"] = json!(level);
        let answer = site.post(&bob, FOLLOWS, &body).await;
        answer.assert_status_ok();
        assert_eq!(answer.json::<Value>()["level"], level);
    }
    let followed = read(&site, &bob, &format!("{FOLLOWS}?limit=1")).await;
    assert_eq!(followed["items"][0]["work"], "recurrent-dropout");
    let next = followed["next"].as_str().expect("there is more");
    let rest = read(&site, &bob, &format!("{FOLLOWS}?cursor={next}")).await;
    assert_eq!(rest["items"][0]["claim"], claim);
    assert_eq!(rest["next"], Value::Null);

    let thread: Value = site.get(&format!("/api/v1/claims/{claim}")).await.json();
    let thread = format!("/api/v1/threads/{}/comments", thread["thread"]);
    for words in ["One.", "Two.", "Three."] {
        site.post(&ada, &thread, &json!({ "body": words }))
            .await
            .assert_status(StatusCode::CREATED);
    }
    let page = read(&site, &bob, &format!("{INBOX}?limit=2")).await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(2));
    let first = &page["items"][0];
    assert_eq!(first["kind"], "comment");
    assert_eq!(first["text"], "ada commented on claim C2");
    assert_eq!(first["actor"], "ada");
    assert_eq!(first["read_at"], Value::Null);
    let url = first["url"].as_str().expect("an address");
    assert!(url.starts_with("http://127.0.0.1:8080/comments/"), "{url}");

    let id = &first["id"];
    let one = site
        .post(&bob, &format!("{INBOX}/{id}/read"), &json!({}))
        .await;
    assert_eq!(one.json::<Value>()["unread"], 2);
    let unread = read(&site, &bob, &format!("{INBOX}?unread=true")).await;
    assert_eq!(unread["items"].as_array().map(Vec::len), Some(2));
    let all = site
        .post(&bob, &format!("{INBOX}/read"), &json!({ "until": id }))
        .await;
    assert_eq!(all.json::<Value>()["unread"], 0);
    let unread = read(&site, &bob, &format!("{INBOX}?unread=true")).await;
    assert_eq!(unread["items"].as_array().map(Vec::len), Some(0));
    site.post(&ada, &format!("{INBOX}/{id}/read"), &json!({}))
        .await
        .assert_status(StatusCode::NOT_FOUND);

    let stop = json!({ "claim": claim, "level": "none" });
    let answer = site.post(&bob, FOLLOWS, &stop).await;
    assert_eq!(answer.json::<Value>()["level"], Value::Null);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_cannot_be_followed_is_refused_with_the_reason(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    for (body, status) in [
        (json!({ "experiment": 99, "level": "all" }), 404),
        (json!({ "claim": 99, "level": "all" }), 404),
        (json!({ "work": "none", "level": "all" }), 404),
        (json!({ "level": "all" }), 422),
        (
            json!({ "claim": 1, "work": "recurrent-dropout", "level": "all" }),
            422,
        ),
    ] {
        let answer = site.post(&ada, FOLLOWS, &body).await;
        assert_eq!(answer.status_code().as_u16(), status, "{body}");
    }
    let answer = site
        .post(&ada, FOLLOWS, &json!({ "claim": 1, "level": "some" }))
        .await;
    answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(pointers(&answer.json()), ["/level"]);
    for path in [FOLLOWS, INBOX] {
        site.get(path).await.assert_status(StatusCode::UNAUTHORIZED);
    }
}
