//! What guessers, floods and hostile members try, and what the people beside them notice of it.

use crate::support::{PASSWORD, Site, location};
use axum::http::StatusCode;
use breakmywork::{
    auth::account::Role,
    auth::token::{self, NewToken},
    config::Settings,
};
use breakmywork_protocol::db::MIGRATOR;
use futures_util::future::join_all;
use sqlx::PgPool;

fn guess<'a>(name: &'a str, password: &'a str) -> [(&'a str, &'a str); 2] {
    [("name", name), ("password", password)]
}

/// A site behind one proxy, so that browsers can come from different addresses.
async fn behind_a_proxy(pool: PgPool) -> Site {
    let settings = Settings {
        trusted_proxies: 1,
        ..Settings::default()
    };
    Site::with(pool, settings).await
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn of_two_hundred_guesses_at_once_ten_are_looked_at(pool: PgPool) {
    let site = Site::new(pool).await;
    site.account("ada", Role::Member).await;
    let browser = site.browser();
    // None of them is right: whichever ten come first, a right one among them would be let in.
    let guesses = (1..=200).map(|number| {
        let password = format!("guess number {number}");
        let browser = &browser;
        async move {
            let answer = browser.post("/sign-in", &guess("ada", &password)).await;
            answer.status_code()
        }
    });
    let answers = join_all(guesses).await;
    let count = |wanted: StatusCode| answers.iter().filter(|status| **status == wanted).count();
    let looked_at = count(StatusCode::UNPROCESSABLE_ENTITY);
    assert!((1..=10).contains(&looked_at), "{looked_at}");
    // On a busy machine some may not even get a connection to the database in time.
    let turned_away = count(StatusCode::TOO_MANY_REQUESTS) + count(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(looked_at + turned_away, answers.len(), "{answers:?}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_locked_name_stays_locked_whatever_else_is_tried(pool: PgPool) {
    let site = behind_a_proxy(pool).await;
    let browser = site.browser().from("192.0.2.1");
    // Over-long passwords are not hashed, which makes this quick; they count all the same.
    let long = "x".repeat(600);
    for _ in 0..10 {
        let answer = browser.post("/sign-in", &guess("ada", &long)).await;
        answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let mut answers = Vec::new();
    for number in 0..60 {
        let name = format!("name{number}");
        let answer = browser.post("/sign-in", &guess(&name, &long)).await;
        answers.push(answer.status_code());
    }
    assert!(
        answers.contains(&StatusCode::TOO_MANY_REQUESTS),
        "one address cannot go through the names"
    );
    let huge = "n".repeat(200_000);
    browser
        .post("/sign-in", &guess(&huge, &long))
        .await
        .assert_status(StatusCode::TOO_MANY_REQUESTS);
    let answer = browser.post("/sign-in", &guess("ada", PASSWORD)).await;
    answer.assert_status(StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.maybe_header("retry-after").is_some());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_strangers_guesses_do_not_lock_the_owner_out(pool: PgPool) {
    let site = behind_a_proxy(pool).await;
    site.account("ada", Role::Member).await;
    let sign_in = guess("ada", PASSWORD);
    let device = site.browser().from("192.0.2.1");
    let first = device.post("/sign-in", &sign_in).await;
    first.assert_status_see_other();
    device.post("/sign-out", &[]).await;
    let stranger = site.browser().from("192.0.2.1");
    let long = "x".repeat(600);
    for _ in 0..20 {
        stranger.post("/sign-in", &guess("ada", &long)).await;
    }
    stranger
        .post("/sign-in", &sign_in)
        .await
        .assert_status(StatusCode::TOO_MANY_REQUESTS);
    // On the device that signed in before, and from another address.
    let again = device.post("/sign-in", &sign_in).await;
    again.assert_status_see_other();
    let elsewhere = site.browser().from("198.51.100.7");
    let answer = elsewhere.post("/sign-in", &sign_in).await;
    answer.assert_status_see_other();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_present_password_cannot_be_guessed_either(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let mut answers = Vec::new();
    for _ in 0..12 {
        let form = [("current", "a wrong guess"), ("new", "another good phrase")];
        answers.push(ada.post("/account/password", &form).await.status_code());
    }
    let looked_at = answers
        .iter()
        .filter(|status| **status == StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(looked_at.count(), 10);
    assert_eq!(answers[11], StatusCode::TOO_MANY_REQUESTS);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn one_address_makes_ten_accounts_an_hour(pool: PgPool) {
    let site = behind_a_proxy(pool).await;
    let mut made = 0;
    for number in 0..14 {
        let browser = site.browser().from("192.0.2.1");
        let name = format!("person{number}");
        let answer = browser.post("/sign-up", &guess(&name, PASSWORD)).await;
        made += usize::from(answer.status_code() == StatusCode::SEE_OTHER);
    }
    assert_eq!(made, 10);
    let elsewhere = site.browser().from("192.0.2.2");
    elsewhere
        .post("/sign-up", &guess("somebody", PASSWORD))
        .await
        .assert_status_see_other();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn names_like_the_staffs_and_weak_passwords_are_refused(pool: PgPool) {
    let site = Site::new(pool).await;
    site.account("boss", Role::Admin).await;
    let browser = site.browser();
    for (name, password) in [
        ("admin", PASSWORD),
        ("administrator", PASSWORD),
        ("support1", PASSWORD),
        ("b0ss", PASSWORD),
        ("ada", "breakmywork1"),
        ("ada", "11111112"),
        ("ada", "abcabcabc"),
        ("ada", "        a"),
        ("ada", "passw0rd123"),
    ] {
        let answer = browser.post("/sign-up", &guess(name, password)).await;
        answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_next_that_cannot_stand_in_a_header_leads_home(pool: PgPool) {
    let site = Site::new(pool).await;
    site.account("ada", Role::Member).await;
    for next in ["/\u{b}", "/\u{7f}", "/a\u{1}b", "/a b", "//evil.example"] {
        let form = [("name", "ada"), ("password", PASSWORD), ("next", next)];
        let answer = site.browser().post("/sign-in", &form).await;
        assert_eq!(location(&answer), "/", "{next:?}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_disabled_account_is_out_at_once(pool: PgPool) {
    let site = Site::new(pool).await;
    let eve = site.signed_in("eve", Role::Member).await;
    let boss = site.signed_in("boss", Role::Admin).await;
    let id = breakmywork::db::accounts::find(&site.pool, "eve")
        .await
        .expect("asks")
        .expect("is there")
        .id;
    let secret = site.token(id, &token::Scope::ALL).await;
    let works = async || {
        token::find(&site.pool, &secret)
            .await
            .expect("asks")
            .is_some()
    };
    assert!(works().await);

    // Members cannot, an empty reason does not do, and admins are safe from admins' browsers.
    let reason = [("reason", "advertising")];
    eve.post("/admin/people/boss/disable", &reason)
        .await
        .assert_status_forbidden();
    boss.post("/admin/people/eve/disable", &[])
        .await
        .assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    boss.post("/admin/people/boss/disable", &reason)
        .await
        .assert_status_forbidden();

    boss.post("/admin/people/eve/disable", &reason)
        .await
        .assert_status_see_other();
    assert!(
        boss.get("/admin/people")
            .await
            .text()
            .contains("advertising")
    );
    eve.get("/account").await.assert_status_see_other();
    assert!(!works().await);
    let answer = site
        .browser()
        .post("/sign-in", &guess("eve", PASSWORD))
        .await;
    answer.assert_status_forbidden();
    assert!(answer.text().contains("advertising"));
    let public = site.browser().get("/people/eve").await.text();
    assert!(public.contains("disabled") && !public.contains("advertising"));

    boss.post("/admin/people/eve/enable", &[])
        .await
        .assert_status_see_other();
    let answer = site
        .browser()
        .post("/sign-in", &guess("eve", PASSWORD))
        .await;
    answer.assert_status_see_other();
    assert!(!works().await, "what ended stays ended");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_token_in_use_is_listed_and_there_is_a_limit(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let id = breakmywork::db::accounts::find(&site.pool, "ada")
        .await
        .expect("asks")
        .expect("is there")
        .id;
    for number in 0..131 {
        let label = format!("script {number}.");
        let new = NewToken::checked(&label, &[token::Scope::Read], 1, Role::Member);
        token::create(&site.pool, id, &new.expect("allowed"))
            .await
            .expect("made before there was a limit");
    }
    let first = ada.get("/account").await.text();
    let older = first
        .split("/account?before=")
        .nth(1)
        .and_then(|rest| rest.split(['#', '"']).next())
        .expect("a second page");
    let second = ada.get(&format!("/account?before={older}")).await.text();
    for number in 0..131 {
        let label = format!("script {number}.");
        assert!(first.contains(&label) || second.contains(&label), "{label}");
    }
    ada.post("/account/tokens", &[("label", "one more"), ("read", "on")])
        .await
        .assert_status(StatusCode::CONFLICT);
    let hidden = [("label", "\u{200b}\u{200b}"), ("read", "on")];
    ada.post("/account/tokens", &hidden)
        .await
        .assert_status(StatusCode::UNPROCESSABLE_ENTITY);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn of_eighty_comments_at_once_twenty_are_posted(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let posts = (0..80).map(|number| {
        let ada = &ada;
        async move {
            let body = format!("comment {number}");
            let form = [("body", body.as_str()), ("action", "post")];
            ada.post("/threads/1/comments", &form).await.status_code()
        }
    });
    let answers = join_all(posts).await;
    let stored = sqlx::query_scalar!("select count(*) from comment where kind = 'comment'")
        .fetch_one(&site.pool)
        .await;
    assert_eq!(stored.expect("a count"), Some(20));
    assert!(
        answers
            .iter()
            .all(|status| matches!(status.as_u16(), 303 | 429))
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_comment_sent_twice_at_once_is_posted_once(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let form = [("body", "the same words"), ("action", "post")];
    let answers = join_all((0..10).map(|_| ada.post("/threads/1/comments", &form))).await;
    let places: Vec<String> = answers.iter().map(location).collect();
    assert!(places.iter().all(|place| *place == places[0]));
    let stored = sqlx::query_scalar!("select count(*) from comment where kind = 'comment'")
        .fetch_one(&site.pool)
        .await;
    assert_eq!(stored.expect("a count"), Some(1));
    for invisible in ["\u{200b}\u{200b}", "\u{a0}", "\u{2060}\n\u{feff}"] {
        ada.post("/threads/1/comments", &[("body", invisible)])
            .await
            .assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_author_stops_an_experiment_with_a_reason(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = ada.registered(&site).await;
    let stop = format!("{path}/stop");
    let eve = site.signed_in("eve", Role::Member).await;
    eve.get(&stop).await.assert_status_forbidden();
    let reason = [("reason", "the learning rate was a slip *really*")];
    eve.post(&stop, &reason).await.assert_status_forbidden();
    assert!(!eve.get(&path).await.text().contains("Stop this experiment"));
    assert!(ada.get(&path).await.text().contains("Stop this experiment"));
    let asked = ada.get(&stop).await.text();
    assert!(asked.contains("cancel 16 runs"), "{asked}");
    ada.post(&stop, &[])
        .await
        .assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(location(&ada.post(&stop, &reason).await), path);
    let page = ada.get(&path).await.text();
    assert!(
        page.contains("Stopped by its author, ada, when 0 of its 16 runs had ended"),
        "{page}"
    );
    assert!(
        page.contains("a slip *really*"),
        "no markup of the author's in the machine's words"
    );
    assert!(!page.contains("Stop this experiment"));
    ada.post(&stop, &reason)
        .await
        .assert_status(StatusCode::CONFLICT);
    let left = sqlx::query!(
        r#"select count(*) filter (where state = 'cancelled') as "cancelled!", count(*) as "all!" from run"#
    )
    .fetch_one(&site.pool)
    .await
    .expect("counts");
    assert_eq!((left.cancelled, left.all), (16, 16));
    let outcome = sqlx::query_scalar!("select outcome from verdict")
        .fetch_one(&site.pool)
        .await;
    assert_eq!(outcome.expect("a verdict"), "aborted");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn readiness_tells_a_database_of_another_release(pool: PgPool) {
    let site = Site::new(pool).await;
    let browser = site.browser();
    browser.get("/readyz").await.assert_status_ok();
    let behind =
        "delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)";
    let ahead =
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
                 values (20990101000000, 'later', true, 'x', 0)";
    let changed = "update _sqlx_migrations set checksum = 'x'";
    for (change, words) in [
        (ahead, "newer than this program"),
        (changed, "is not the one of this program"),
        (behind, "breakmywork migrate"),
    ] {
        let mut tx = site.pool.begin().await.expect("begins");
        sqlx::query("create table before as select * from _sqlx_migrations")
            .execute(&mut *tx)
            .await
            .expect("keeps");
        sqlx::query(change)
            .execute(&mut *tx)
            .await
            .expect("changes");
        tx.commit().await.expect("commits");
        let answer = browser.get("/readyz").await;
        answer.assert_status(StatusCode::SERVICE_UNAVAILABLE);
        let told = answer.text();
        assert!(told.contains(words) && !told.contains("<html"), "{told}");
        for back in [
            "delete from _sqlx_migrations",
            "insert into _sqlx_migrations select * from before",
            "drop table before",
        ] {
            sqlx::query(back)
                .execute(&site.pool)
                .await
                .expect("goes back");
        }
    }
    browser.get("/readyz").await.assert_status_ok();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_locked_table_is_no_fault_of_ours(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = ada.registered(&site).await;
    let mut other = site.pool.begin().await.expect("begins");
    sqlx::query("lock table experiment in access exclusive mode")
        .execute(&mut *other)
        .await
        .expect("locks");
    for (setting, words) in [
        ("lock_timeout", "changing the same thing"),
        ("statement_timeout", "took too long"),
    ] {
        let mut connection = site.pool.acquire().await.expect("a connection");
        sqlx::query(sqlx::AssertSqlSafe(format!("set {setting} = 100")))
            .execute(&mut *connection)
            .await
            .expect("sets");
        let refused = sqlx::query("select from experiment")
            .execute(&mut *connection)
            .await
            .expect_err("is locked");
        let error = breakmywork::error::Error::from(refused);
        let response = axum::response::IntoResponse::into_response(error);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key("retry-after"));
        let reply = response.extensions().get::<breakmywork::error::Reply>();
        let detail = &reply.expect("a reply").detail;
        assert!(detail.contains(words), "{detail}");
        sqlx::query(sqlx::AssertSqlSafe(format!("reset {setting}")))
            .execute(&mut *connection)
            .await
            .expect("resets");
    }
    other.rollback().await.expect("ends");
    ada.get(&path).await.assert_status_ok();
}
