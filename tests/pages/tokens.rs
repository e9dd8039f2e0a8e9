//! API tokens: made with few rights and an end, seen, revoked, and what becomes of them when their owner's sessions end.

use crate::support::{Browser, PASSWORD, Site};
use axum::http::StatusCode;
use breakmywork::auth::{
    account::Role,
    token::{self, Scope},
};
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_token_is_shown_once_works_and_can_be_revoked(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let page = ada
        .post(
            "/account/tokens",
            &[("label", "laptop"), ("read", "on"), ("propose", "on")],
        )
        .await
        .text();
    let shown = page.split("id=\"fresh-token\">").nth(1);
    let token: String = shown
        .expect("a token")
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect();
    let again = ada.get("/account").await.text();
    assert!(again.contains("laptop") && !again.contains(&token));
    let found = token::find(&site.pool, &token).await.expect("asks");
    assert_eq!(found.expect("the token works").name, "ada");

    let id = sqlx::query_scalar!("select id from api_token")
        .fetch_one(&site.pool)
        .await
        .expect("a token");
    let revoke = format!("/account/tokens/{id}/revoke");
    let eve = site.signed_in("eve", Role::Member).await;
    eve.post(&revoke, &[]).await.assert_status_not_found();
    ada.post(&revoke, &[]).await.assert_status_see_other();
    let found = token::find(&site.pool, &token).await.expect("asks");
    assert!(found.is_none());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn members_cannot_make_admin_tokens(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    ada.post("/account/tokens", &[("label", "x"), ("admin", "on")])
        .await
        .assert_status(StatusCode::UNPROCESSABLE_ENTITY);
}

/// Tokens that may do something still.
async fn left(site: &Site) -> i64 {
    sqlx::query_scalar("select count(*) from api_token where revoked_at is null and (expires_at is null or expires_at > now())")
        .fetch_one(&site.pool)
        .await
        .expect("a count")
}

async fn make(browser: &Browser, more: &[(&str, &str)]) {
    let form = [&[("label", "laptop"), ("read", "on")], more].concat();
    let answer = browser.post("/account/tokens", &form).await;
    answer.assert_status_ok();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_new_password_ends_the_tokens_unless_their_owner_keeps_them(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    make(&ada, &[]).await;
    let new = "another good phrase";
    let keeping = [("current", PASSWORD), ("new", new), ("keep_tokens", "on")];
    let answer = ada.post("/account/password", &keeping).await;
    answer.assert_status_see_other();
    assert_eq!(left(&site).await, 1);
    let ending = [("current", new), ("new", "yet another phrase")];
    let answer = ada.post("/account/password", &ending).await;
    answer.assert_status_see_other();
    assert_eq!(left(&site).await, 0);
    ada.get("/account").await.assert_status_ok();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn signing_out_everywhere_ends_the_tokens_unless_their_owner_keeps_them(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    make(&ada, &[]).await;
    let out = "/account/sign-out-everywhere";
    ada.post(out, &[("keep_tokens", "on")]).await;
    assert_eq!(left(&site).await, 1);
    ada.get("/account").await.assert_status_see_other();
    let sign_in = [("name", "ada"), ("password", PASSWORD)];
    ada.post("/sign-in", &sign_in).await;
    ada.post(out, &[]).await.assert_status_see_other();
    assert_eq!(left(&site).await, 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_token_has_an_end_which_is_shown_and_kept(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    make(&ada, &[]).await;
    make(&ada, &[("days", "7")]).await;
    let days: Vec<i32> = sqlx::query_scalar(
        "select extract(day from expires_at - created_at)::int from api_token order by id",
    )
    .fetch_all(&site.pool)
    .await
    .expect("asks");
    assert_eq!(days, [token::DAYS, 7]);
    let page = ada.get("/account").await.text();
    assert!(
        page.contains("in 89 days") || page.contains("in 90 days"),
        "{page}"
    );
    assert!(
        page.contains("in 6 days") || page.contains("in 7 days"),
        "{page}"
    );
    for days in ["0", "366", "-1", "soon"] {
        let form = [("label", "x"), ("read", "on"), ("days", days)];
        ada.post("/account/tokens", &form)
            .await
            .assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    }

    let id = breakmywork::db::accounts::find(&site.pool, "ada").await;
    let id = id.expect("asks").expect("is there").id;
    let secret = site.token(id, &Scope::ALL).await;
    let script = site.browser().bearing(&secret);
    script.get("/api/v1/works").await.assert_status_ok();
    sqlx::query("update api_token set created_at = now() - interval '2 days', expires_at = now() - interval '1 second'")
        .execute(&site.pool)
        .await
        .expect("sets");
    let refused = script.get("/api/v1/works").await;
    refused.assert_status_unauthorized();
    assert!(
        refused.text().contains("This token ended on"),
        "{}",
        refused.text()
    );
    let page = ada.get("/account").await.text();
    assert!(
        page.contains("No tokens in use") && page.contains(", ended "),
        "{page}"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_last_use_of_a_token_is_written_once_a_minute(pool: PgPool) {
    let site = Site::new(pool).await;
    let id = site.account("ada", Role::Member).await;
    let script = site
        .browser()
        .bearing(&site.token(id, &[Scope::Read]).await);
    let used = async || -> Option<chrono::DateTime<chrono::Utc>> {
        sqlx::query_scalar("select last_used_at from api_token")
            .fetch_one(&site.pool)
            .await
            .expect("asks")
    };
    assert_eq!(used().await, None);
    script.get("/api/v1/works").await.assert_status_ok();
    let first = used().await.expect("was used");
    script.get("/api/v1/works").await.assert_status_ok();
    assert_eq!(used().await, Some(first));
    sqlx::query("update api_token set last_used_at = now() - interval '61 seconds'")
        .execute(&site.pool)
        .await
        .expect("sets");
    script.get("/api/v1/works").await.assert_status_ok();
    assert!(used().await > Some(first));
}
