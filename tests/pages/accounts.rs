//! Signing up, in and out; tokens.

use crate::support::{PASSWORD, Site, location};
use axum::http::StatusCode;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;
use std::time::{Duration, Instant};

#[sqlx::test(migrator = "MIGRATOR")]
async fn somebody_signs_up_goes_on_and_signs_out(pool: PgPool) {
    let site = Site::new(pool).await;
    let browser = site.browser();
    let form = [("name", "ada"), ("password", PASSWORD), ("next", "/queue")];
    let answer = browser.post("/sign-up", &form).await;
    assert_eq!(location(&answer), "/queue");
    let cookie = answer.header("set-cookie");
    let cookie = cookie.to_str().expect("text");
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
        "{cookie}"
    );
    assert!(browser.get("/account").await.text().contains("ada"));
    browser
        .post("/sign-out", &[])
        .await
        .assert_status_see_other();
    assert_eq!(
        location(&browser.get("/account").await),
        "/sign-in?next=%2Faccount"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_cookie_alone_is_not_in_the_database(pool: PgPool) {
    let site = Site::new(pool).await;
    let browser = site.browser();
    site.account("ada", Role::Member).await;
    let answer = browser
        .post("/sign-in", &[("name", "ada"), ("password", PASSWORD)])
        .await;
    let cookie = answer.header("set-cookie");
    let token = cookie
        .to_str()
        .expect("text")
        .split(['=', ';'])
        .nth(1)
        .expect("a token");
    let stored = sqlx::query_scalar!("select encode(token_hash, 'hex') from session")
        .fetch_one(&site.pool)
        .await
        .expect("a session");
    assert_ne!(stored.as_deref(), Some(token));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn wrong_password_and_unknown_name_answer_alike(pool: PgPool) {
    let site = Site::new(pool).await;
    site.account("ada", Role::Member).await;
    let browser = site.browser();
    // The first verification also makes the dummy hash.
    browser
        .post("/sign-in", &[("name", "bob"), ("password", "x")])
        .await;
    let mut answers = Vec::new();
    for name in ["ada", "eve"] {
        let start = Instant::now();
        let form = [("name", name), ("password", "wrong horse battery")];
        let answer = browser.post("/sign-in", &form).await;
        answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        answers.push((answer.text().replace(name, "NAME"), start.elapsed()));
    }
    assert_eq!(answers[0].0, answers[1].0);
    let apart = answers[0].1.abs_diff(answers[1].1);
    // Without the dummy hash the unknown name would answer in a millisecond.
    assert!(apart < Duration::from_secs(1) && answers[1].1 > Duration::from_millis(5));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn guessing_has_to_wait(pool: PgPool) {
    let site = Site::new(pool).await;
    let browser = site.browser();
    let form = [("name", "ada"), ("password", "guess")];
    for _ in 0..10 {
        browser.post("/sign-in", &form).await;
    }
    let answer = browser.post("/sign-in", &form).await;
    answer.assert_status(StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.maybe_header("retry-after").is_some());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_refused_sign_up_says_why_and_keeps_the_name(pool: PgPool) {
    let site = Site::new(pool).await;
    site.account("ada", Role::Member).await;
    let browser = site.browser();
    for (name, password, expected) in [
        ("Ada Lovelace", PASSWORD, "lower-case letters"),
        ("ada-l", "short", "at least 8 characters"),
        ("ada-l", "password1", "guessers"),
        ("ada", PASSWORD, "This name is taken"),
    ] {
        let answer = browser
            .post("/sign-up", &[("name", name), ("password", password)])
            .await;
        answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        let page = answer.text();
        assert!(page.contains(expected), "{name}: {page}");
        assert!(page.contains(&format!("value=\"{name}\"")), "{name}");
        assert!(!page.contains(password), "a password must not come back");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn signing_in_never_leads_to_another_site(pool: PgPool) {
    let site = Site::new(pool).await;
    site.account("ada", Role::Member).await;
    let form = [
        ("name", "ada"),
        ("password", PASSWORD),
        ("next", "//evil.example"),
    ];
    let answer = site.browser().post("/sign-in", &form).await;
    assert_eq!(location(&answer), "/");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_new_password_signs_out_the_other_browsers(pool: PgPool) {
    let site = Site::new(pool).await;
    let here = site.signed_in("ada", Role::Member).await;
    let there = site.browser();
    there
        .post("/sign-in", &[("name", "ada"), ("password", PASSWORD)])
        .await;
    let wrong = [("current", "wrong"), ("new", "another good phrase")];
    here.post("/account/password", &wrong)
        .await
        .assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    let right = [("current", PASSWORD), ("new", "another good phrase")];
    here.post("/account/password", &right)
        .await
        .assert_status_see_other();
    here.get("/account").await.assert_status_ok();
    there.get("/account").await.assert_status_see_other();
}
