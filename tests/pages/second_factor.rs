//! A second factor: set up, asked for, never to be got round, lost.

use crate::support::{Browser, PASSWORD, Site};
use axum::http::StatusCode;
use breakmywork::{
    auth::{account::Role, second_factor, token::Scope},
    config::{SecondFactorFor, Settings},
    sealing::Sealable,
};
use breakmywork_protocol::{db::MIGRATOR, id::AccountId};
use sqlx::PgPool;
use std::time::{SystemTime, UNIX_EPOCH};
use totp_rs::Builder;

const SIGN_IN: [(&str, &str); 2] = [("name", "ada"), ("password", PASSWORD)];

async fn secret(site: &Site) -> Vec<u8> {
    sqlx::query_scalar("select secret from second_factor")
        .fetch_one(&site.pool)
        .await
        .expect("one")
}

/// What the app shows, so many half minutes from now.
async fn code(site: &Site, later: i64) -> String {
    let totp = Builder::new().with_secret(secret(site).await).build();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("later");
    let at = now.as_secs().saturating_add_signed(30 * later);
    totp.expect("good").generate(at).to_string()
}

/// The app's codes of before are good again: as if time had passed.
pub(crate) async fn time_passes(site: &Site) {
    sqlx::query("update second_factor set last_step = 0")
        .execute(&site.pool)
        .await
        .expect("sets");
}

/// Ada with a second factor, and her codes on paper.
async fn with_factor(site: &Site, role: Role) -> (Browser, Vec<String>) {
    let ada = site.signed_in("ada", role).await;
    let at = "/account/second-factor";
    ada.post(at, &[("current", PASSWORD)])
        .await
        .assert_status_see_other();
    let code = code(site, 0).await;
    let confirm = "/account/second-factor/confirm";
    let page = ada.post(confirm, &[("code", &code)]).await.text();
    let codes = page.split("tabindex=\"0\">").nth(1).expect("codes");
    let codes: Vec<String> = codes
        .split("</pre>")
        .next()
        .expect("their end")
        .split_whitespace()
        .map(ToOwned::to_owned)
        .collect();
    assert_eq!(codes.len(), second_factor::RECOVERY_CODES, "{page}");
    time_passes(site).await;
    (ada, codes)
}

/// Gives the right password, and returns what the form for the code carries.
pub(crate) async fn step(browser: &Browser) -> String {
    let answer = browser.post("/sign-in", &SIGN_IN).await;
    answer.assert_status(StatusCode::UNAUTHORIZED);
    let page = answer.text();
    assert!(page.contains("One more step"), "{page}");
    let step = page.split("name=\"step\" value=\"").nth(1).expect("a step");
    step[..64].to_owned()
}

pub(crate) async fn give(browser: &Browser, step: &str, code: &str) -> StatusCode {
    let form = [("step", step), ("code", code), ("next", "/queue")];
    let answer = browser.post("/sign-in/code", &form).await;
    answer.status_code()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn it_takes_password_and_code_to_sign_in(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let other = site.browser();
    other
        .post("/sign-in", &SIGN_IN)
        .await
        .assert_status_see_other();
    let at = "/account/second-factor";
    let page = ada.get(at).await.text();
    assert!(page.contains("Set up a second factor"), "{page}");
    // Whoever finds an open browser cannot lock its owner out.
    ada.post(at, &[("current", "not that")])
        .await
        .assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    ada.post(at, &[("current", PASSWORD)])
        .await
        .assert_status_see_other();
    let page = ada.get(at).await.text();
    let stored = second_factor::Secret::of_bytes(&secret(&site).await).expect("in clear");
    let key = second_factor::typed(&stored);
    assert!(page.contains("<svg") && page.contains(&key), "{page}");
    // Begun, it asks for nothing yet.
    site.browser()
        .post("/sign-in", &SIGN_IN)
        .await
        .assert_status_see_other();
    let confirm = "/account/second-factor/confirm";
    ada.post(confirm, &[("code", "000000")])
        .await
        .assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    let right = code(&site, 0).await;
    let on = ada.post(confirm, &[("code", &right)]).await;
    on.assert_status_ok();
    assert!(
        on.text().contains("10 codes on paper are left"),
        "{}",
        on.text()
    );
    // Every other browser is signed out; this one is not.
    other.get("/account").await.assert_status_see_other();
    let account = ada.get("/account").await;
    account.assert_status_ok();
    assert!(
        account.text().contains("On: signing in takes"),
        "{}",
        account.text()
    );
    assert!(!ada.get(at).await.text().contains(&key), "shown once");

    // The code with which it was turned on was used.
    let phone = site.browser();
    let form = step(&phone).await;
    assert_eq!(give(&phone, &form, &right).await, 422);
    phone.get("/account").await.assert_status_see_other();
    let next = code(&site, 1).await;
    assert_eq!(give(&phone, &form, &next).await, 303);
    phone.get("/account").await.assert_status_ok();
    // And the form with which it was given is good no more, nor is an earlier code.
    time_passes(&site).await;
    assert_eq!(
        give(&site.browser(), &form, &next).await,
        422,
        "from the beginning"
    );
    let nobody = site.browser();
    let form = step(&nobody).await;
    assert_eq!(give(&nobody, &form, &code(&site, 1).await).await, 303);
    let again = site.browser();
    let form = step(&again).await;
    assert_eq!(
        give(&again, &form, &code(&site, 0).await).await,
        422,
        "before the last one"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_code_on_paper_works_once_and_wrong_ones_are_counted(pool: PgPool) {
    let site = Site::new(pool).await;
    let (ada, codes) = with_factor(&site, Role::Member).await;
    let thief = site.browser();
    let form = step(&thief).await;
    assert_eq!(give(&thief, &form, &codes[0].to_uppercase()).await, 303);
    let form = step(&thief).await;
    assert_eq!(give(&thief, &form, &codes[0]).await, 422);
    // Sixty at once: ten are looked at, whatever they are, and with as many forms as one likes.
    let forms = [step(&thief).await, step(&thief).await, form];
    let tries = (0..60).map(|number| {
        let (thief, form) = (&thief, &forms[number % 3]);
        async move { give(thief, form, &format!("{number:06}")).await.as_u16() }
    });
    let answers = futures_util::future::join_all(tries).await;
    let looked_at = answers.iter().filter(|status| **status == 422).count();
    assert!(looked_at <= 10, "{answers:?}");
    assert!(
        answers.iter().all(|status| [422, 429].contains(status)),
        "{answers:?}"
    );
    // Who is signed in stays so.
    ada.get("/account").await.assert_status_ok();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn nothing_leads_past_it(pool: PgPool) {
    let site = Site::new(pool).await;
    let (ada, codes) = with_factor(&site, Role::Member).await;
    // Not a step of somebody else, none at all, or one that is over.
    site.account("eve", Role::Member).await;
    let eve = site.browser();
    for step in ["", "0", &"0".repeat(64)] {
        assert_eq!(give(&eve, step, &codes[1]).await, 422);
        eve.get("/account").await.assert_status_see_other();
    }
    let form = step(&eve).await;
    sqlx::query("update sign_in_step set expires_at = now() - interval '1 second'")
        .execute(&site.pool)
        .await
        .expect("sets");
    assert_eq!(give(&eve, &form, &codes[1]).await, 422);
    eve.get("/account").await.assert_status_see_other();
    // A new password by mail asks for the code all the same, and ends forms that were open.
    let form = step(&eve).await;
    sqlx::query("insert into password_reset (account_id, secret_hash, expires_at) select id, sha256(repeat('b', 64)::bytea), now() + interval '1 hour' from account where name = 'ada'")
        .execute(&site.pool)
        .await
        .expect("a link");
    let new = [("new", "another long password of hers")];
    eve.post(&format!("/sign-in/new-password/{}", "b".repeat(64)), &new)
        .await
        .assert_status_see_other();
    assert_eq!(give(&eve, &form, &codes[1]).await, 422);
    eve.get("/account").await.assert_status_see_other();
    let sign_in = [
        ("name", "ada"),
        ("password", "another long password of hers"),
    ];
    let asked = eve.post("/sign-in", &sign_in).await;
    asked.assert_status(StatusCode::UNAUTHORIZED);
    // Changing it takes the password and a code, in any browser.
    ada.get("/account").await.assert_status_see_other();
    let page = asked.text();
    let form = page.split("name=\"step\" value=\"").nth(1).expect("a step")[..64].to_owned();
    assert_eq!(give(&ada, &form, &codes[2]).await, 303);
    for at in ["/account/second-factor/off", "/account/second-factor/codes"] {
        for proof in [
            [
                ("current", "another long password of hers"),
                ("code", "000000"),
            ],
            [("current", PASSWORD), ("code", codes[3].as_str())],
        ] {
            let refused = ada.post(at, &proof).await;
            refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        }
    }
    let begin = [("current", "another long password of hers")];
    ada.post("/account/second-factor", &begin)
        .await
        .assert_status(StatusCode::CONFLICT);
    // The one beside the wrong password was not used up.
    let proof = [
        ("current", "another long password of hers"),
        ("code", codes[3].as_str()),
    ];
    let renewed = ada.post("/account/second-factor/codes", &proof).await;
    renewed.assert_status_ok();
    assert!(!renewed.text().contains(&codes[4]), "{}", renewed.text());
    let proof = [
        ("current", "another long password of hers"),
        ("code", codes[4].as_str()),
    ];
    ada.post("/account/second-factor/off", &proof)
        .await
        .assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    let app = code(&site, 0).await;
    let proof = [
        ("current", "another long password of hers"),
        ("code", app.as_str()),
    ];
    ada.post("/account/second-factor/off", &proof)
        .await
        .assert_status_see_other();
    site.browser()
        .post("/sign-in", &sign_in)
        .await
        .assert_status_see_other();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_was_typed_outlives_the_code(pool: PgPool) {
    let site = Site::new(pool).await;
    let (_, codes) = with_factor(&site, Role::Member).await;
    let thread: i64 = sqlx::query_scalar("select thread_id from claim where label = 'C2'")
        .fetch_one(&site.pool)
        .await
        .expect("seeded");
    let late = site.browser();
    let comments = format!("/threads/{thread}/comments");
    let text = "Eight pairs <are> few.";
    let interrupted = late
        .post(&comments, &[("body", text), ("action", "post")])
        .await;
    interrupted.assert_status(StatusCode::UNAUTHORIZED);
    let mut form = SIGN_IN.to_vec();
    form.extend([
        ("kept_to", comments.as_str()),
        ("kept.body", text),
        ("kept.action", "post"),
    ]);
    let asked = late.post("/sign-in", &form).await;
    asked.assert_status(StatusCode::UNAUTHORIZED);
    let page = asked.text();
    assert!(
        page.contains("Eight pairs &#60;are&#62; few.") && page.contains("kept.body"),
        "{page}"
    );
    let step = page.split("name=\"step\" value=\"").nth(1).expect("a step")[..64].to_owned();
    for (code, status) in [
        ("000000", StatusCode::UNPROCESSABLE_ENTITY),
        (codes[0].as_str(), StatusCode::OK),
    ] {
        let mut form = vec![("step", step.as_str()), ("code", code)];
        form.extend([
            ("kept_to", comments.as_str()),
            ("kept.body", text),
            ("kept.action", "post"),
        ]);
        let answer = late.post("/sign-in/code", &form).await;
        answer.assert_status(status);
        assert!(answer.text().contains("Eight pairs"), "{}", answer.text());
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn where_it_is_asked_of_admins_they_are_members_until_then(pool: PgPool) {
    let settings = Settings {
        second_factor_for: SecondFactorFor::Admins,
        ..Settings::default()
    };
    let site = Site::with(pool, settings).await;
    let boss = site.signed_in("ada", Role::Admin).await;
    let account: i64 = sqlx::query_scalar("select id from account where name = 'ada'")
        .fetch_one(&site.pool)
        .await
        .expect("is there");
    let token = site.token(AccountId(account), &Scope::ALL).await;
    let server = axum_test::TestServer::new(breakmywork::app(site.state.clone()));
    let pause = async || {
        let sent = server
            .post("/api/v1/queue/pause")
            .authorization_bearer(&token);
        sent.json(&serde_json::json!({ "reason": "x" })).await
    };
    let refused = boss.get("/admin/queue").await;
    refused.assert_status(StatusCode::FORBIDDEN);
    assert!(
        refused.text().contains("/account/second-factor"),
        "{}",
        refused.text()
    );
    let refused = pause().await;
    refused.assert_status(StatusCode::FORBIDDEN);
    assert!(
        refused.text().contains("second factor"),
        "{}",
        refused.text()
    );
    let page = boss.get("/account").await.text();
    assert!(
        page.contains("What admins do waits for your second factor"),
        "{page}"
    );
    // Of moderators it is not asked here, and members never.
    let mona = site.signed_in("mona", Role::Moderator).await;
    let mine = mona.get("/account").await.text();
    assert!(!mine.contains("waits for your second factor"), "{mine}");

    boss.post("/account/second-factor", &[("current", PASSWORD)])
        .await
        .assert_status_see_other();
    let code = code(&site, 0).await;
    boss.post("/account/second-factor/confirm", &[("code", &code)])
        .await
        .assert_status_ok();
    boss.get("/admin/queue").await.assert_status_ok();
    assert!(pause().await.status_code().is_success());
}
