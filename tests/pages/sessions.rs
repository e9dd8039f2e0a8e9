//! Signed-in browsers: seen, ended one by one, and given another number whenever their rights change.

use crate::support::{PASSWORD, Site};
use breakmywork::{
    auth::account::Role,
    config::Settings,
    db::accounts::{self, Tokens},
};
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1";
const SIGN_IN: [(&str, &str); 2] = [("name", "ada"), ("password", PASSWORD)];

/// Numbers of all sessions, the oldest first.
async fn numbers(pool: &PgPool) -> Vec<i64> {
    sqlx::query_scalar("select id from session order by id")
        .fetch_all(pool)
        .await
        .expect("asks")
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn browsers_are_listed_roughly_and_ended_one_by_one(pool: PgPool) {
    let settings = Settings {
        trusted_proxies: 1,
        ..Settings::default()
    };
    let site = Site::with(pool, settings).await;
    site.account("ada", Role::Member).await;
    let desk = site.browser().from("192.0.2.77").with_agent(FIREFOX);
    let phone = site.browser().from("2001:db8:1:2::9").with_agent(SAFARI);
    desk.post("/sign-in", &SIGN_IN).await;
    phone.post("/sign-in", &SIGN_IN).await;

    let page = desk.get("/account").await.text();
    for expected in [
        "Firefox on Linux",
        "192.0.2.0/24",
        "Safari on an iPhone",
        "2001:db8:1::/48",
        "this browser",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    assert!(
        !page.contains("192.0.2.77"),
        "an address is more than is told"
    );

    let ids = numbers(&site.pool).await;
    let end = |id: i64| format!("/account/sessions/{id}/end");
    let eve = site.signed_in("eve", Role::Member).await;
    eve.post(&end(ids[1]), &[]).await.assert_status_not_found();
    phone.get("/account").await.assert_status_ok();
    desk.post(&end(ids[1]), &[]).await.assert_status_see_other();
    phone.get("/account").await.assert_status_see_other();
    desk.get("/account").await.assert_status_ok();
    assert!(!desk.get("/account").await.text().contains("Safari"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_session_has_another_number_after_whatever_changes_rights(pool: PgPool) {
    let site = Site::new(pool).await;
    let id = site.account("ada", Role::Member).await;
    let ada = site.browser();
    let mut seen = Vec::new();
    let mut is_new = async || {
        let now = numbers(&site.pool).await;
        assert!(now.iter().all(|number| !seen.contains(number)), "{now:?}");
        seen.extend(now);
    };
    ada.post("/sign-in", &SIGN_IN)
        .await
        .assert_status_see_other();
    is_new().await;
    // Again, on top of the session there is.
    ada.post("/sign-in", &SIGN_IN)
        .await
        .assert_status_see_other();
    is_new().await;
    let form = [("current", PASSWORD), ("new", "another good phrase")];
    ada.post("/account/password", &form)
        .await
        .assert_status_see_other();
    is_new().await;
    ada.get("/account").await.assert_status_ok();

    // Another role: nobody goes on with a session that began with less, or more.
    let mut tx = site.pool.begin().await.expect("begins");
    accounts::set_role(&mut tx, id, Role::Admin)
        .await
        .expect("sets");
    tx.commit().await.expect("commits");
    ada.get("/account").await.assert_status_see_other();
    let form = [("name", "ada"), ("password", "another good phrase")];
    ada.post("/sign-in", &form).await.assert_status_see_other();
    is_new().await;
    ada.get("/admin/people").await.assert_status_ok();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn there_are_fifty_sessions_at_most_and_the_stalest_goes_first(pool: PgPool) {
    let site = Site::new(pool).await;
    let id = site.account("ada", Role::Member).await;
    let client = breakmywork::auth::client::Client::default();
    for _ in 0..60 {
        breakmywork::auth::session::start(&site.pool, id, &client)
            .await
            .expect("starts");
    }
    let left = numbers(&site.pool).await;
    assert_eq!(left.len(), 50);
    let mut tx = site.pool.begin().await.expect("begins");
    accounts::sign_out_everywhere(&mut tx, id, Tokens::Kept)
        .await
        .expect("ends");
    tx.commit().await.expect("commits");
    assert_eq!(numbers(&site.pool).await, Vec::<i64>::new());
}
