//! Tokens and sessions by script: never more than the token that asks has, and what a missing scope is answered.

use crate::support::{Person, Site, pointers};
use axum::http::StatusCode;
use breakmywork::auth::{client::Client, session, token::Scope};
use breakmywork_protocol::db::MIGRATOR;
use serde_json::{Value, json};
use sqlx::PgPool;

const TOKENS: &str = "/api/v1/tokens";

fn bearer(person: &Person, secret: &str) -> Person {
    Person {
        id: person.id,
        token: secret.to_owned(),
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_token_makes_lists_and_revokes_others(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let wanted = json!({ "label": "notebook", "scopes": ["read", "discuss"], "days": 30 });
    let made = site.post(&ada, TOKENS, &wanted).await;
    made.assert_status(StatusCode::CREATED);
    let made: Value = made.json();
    let notebook = bearer(&ada, made["secret"].as_str().expect("a secret"));
    site.get_as(&notebook, "/api/v1/works")
        .await
        .assert_status_ok();

    let list: Value = site.get_as(&ada, TOKENS).await.json();
    assert_eq!(list["items"][0]["label"], "notebook");
    assert_eq!(list["items"][0]["scopes"], json!(["read", "discuss"]));
    assert_eq!(list["items"][0]["asking"], false);
    assert!(list["items"][0]["last_used_at"].is_string());
    assert_eq!(list["items"][1]["asking"], true);
    let secret = made["secret"].as_str().expect("a secret");
    assert!(!list.to_string().contains(secret));

    // Others' tokens are nobody's business, and nobody's to revoke.
    let eve = site.person("eve", "admin").await;
    let path = format!("{TOKENS}/{}", made["id"]);
    site.delete(&eve, &path).await.assert_status_not_found();
    let others: Value = site.get_as(&eve, TOKENS).await.json();
    assert_eq!(others["items"].as_array().map(Vec::len), Some(1));

    site.delete(&ada, &path)
        .await
        .assert_status(StatusCode::NO_CONTENT);
    site.get_as(&notebook, "/api/v1/works")
        .await
        .assert_status_unauthorized();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_secret_is_answered_once_and_stored_nowhere(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let wanted = json!({ "label": "notebook", "scopes": ["read"] });
    let send = async || {
        let request = site.post(&ada, TOKENS, &wanted);
        let answer = request.add_header("idempotency-key", "once").await;
        answer.assert_status(StatusCode::CREATED);
        answer.json::<Value>()
    };
    let (first, again) = (send().await, send().await);
    assert_eq!(first["id"], again["id"]);
    assert!(first["secret"].is_string() && again["secret"].is_null());
    let secret = first["secret"].as_str().expect("a secret");
    let kept: String = sqlx::query_scalar("select body::text from idempotency_key")
        .fetch_one(&site.pool)
        .await
        .expect("asks");
    assert!(kept.contains("expires_at") && !kept.contains(secret));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_token_gives_away_no_more_than_it_has_and_for_no_longer(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "admin").await;
    let small = site.limited(&ada, &[Scope::Read, Scope::Account]).await;
    for more in ["propose", "admin"] {
        let wanted = json!({ "label": "more", "scopes": ["read", more] });
        let refused = site.post(&small, TOKENS, &wanted).await;
        refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(pointers(&refused.json()), ["/scopes"]);
    }
    sqlx::query("update api_token set expires_at = now() + interval '2 days'")
        .execute(&site.pool)
        .await
        .expect("sets");
    let wanted = json!({ "label": "longer", "scopes": ["read"], "days": 365 });
    let made: Value = site.post(&small, TOKENS, &wanted).await.json();
    let days: i32 = sqlx::query_scalar(
        "select extract(day from expires_at - now())::int from api_token where id = $1",
    )
    .bind(made["id"].as_i64())
    .fetch_one(&site.pool)
    .await
    .expect("asks");
    assert_eq!(days, 1, "two days less a moment");
    let wanted = json!({ "label": "", "scopes": [], "days": 0 });
    let refused = site.post(&ada, TOKENS, &wanted).await;
    assert_eq!(pointers(&refused.json()), ["/label", "/scopes", "/days"]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_missing_scope_is_named_and_where_to_get_it(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "moderator").await;
    let reader = site.limited(&ada, &[Scope::Read]).await;
    let comment = json!({ "body": "hello" });
    let refused = site
        .post(&reader, "/api/v1/threads/1/comments", &comment)
        .await;
    refused.assert_status_forbidden();
    assert_eq!(
        refused.header("www-authenticate"),
        "Bearer error=\"insufficient_scope\", scope=\"discuss\""
    );
    let problem: Value = refused.json();
    assert_eq!(
        problem["detail"],
        "This token lacks the scope `discuss`. Make one that has it at /account#tokens, or with `breakmywork token create --scope discuss`."
    );

    // A moderator's token that may propose acts on others' claims as any member's.
    let claim = site.claim("C1").await;
    let words = json!({ "sentence": "It does not.", "reason": "to see" });
    let path = format!("/api/v1/claims/{claim}/denial");
    let proposer = site.limited(&ada, &[Scope::Propose]).await;
    site.post(&proposer, &path, &words)
        .await
        .assert_status_forbidden();
    let moderator = site.limited(&ada, &[Scope::Propose, Scope::Moderate]).await;
    site.post(&moderator, &path, &words)
        .await
        .assert_status(StatusCode::CREATED);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_script_lists_and_ends_sessions(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let client = Client {
        device: "Firefox on Linux".to_owned(),
        range: Some("192.0.2.0/24".to_owned()),
    };
    for _ in 0..2 {
        session::start(&site.pool, ada.id, &client)
            .await
            .expect("starts");
    }
    let sessions = "/api/v1/sessions";
    let list: Value = site.get_as(&ada, sessions).await.json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(list["items"][0]["device"], "Firefox on Linux");
    assert_eq!(list["items"][0]["address_range"], "192.0.2.0/24");
    let path = format!("{sessions}/{}", list["items"][0]["id"]);
    let eve = site.person("eve", "admin").await;
    site.delete(&eve, &path).await.assert_status_not_found();
    site.delete(&ada, &path)
        .await
        .assert_status(StatusCode::NO_CONTENT);

    let all = format!("{sessions}/end");
    site.post(&ada, &all, &json!({ "keep_tokens": true }))
        .await
        .assert_status_ok();
    let list: Value = site.get_as(&ada, sessions).await.json();
    assert_eq!(list["items"], json!([]));
    site.post(&ada, &all, &json!({})).await.assert_status_ok();
    site.get_as(&ada, sessions)
        .await
        .assert_status_unauthorized();
}
