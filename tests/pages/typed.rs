//! Nothing that somebody typed is ever lost: not with the session, in two tabs, over a limit or for want of a database.

use crate::support::{Browser, Site, fields, location};
use axum::http::StatusCode;
use axum_test::TestResponse;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;

const THOUGHT: &str = "An hour of <thought>,\nin \"two\" lines & more.";

/// Fields of the first form of a page that has this hidden field, as a browser would send them.
fn carried(page: &str) -> Vec<(String, String)> {
    let form = page
        .split("<form ")
        .find(|form| form.contains("kept_to"))
        .expect("a form that carries another");
    fields(form)
}

async fn send(browser: &Browser, to: &str, form: &[(String, String)]) -> TestResponse {
    let form: Vec<(&str, &str)> = form
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    browser.post(to, &form).await
}

/// Signs in from the page that answered a form after the session had ended.
async fn signs_in_again(browser: &Browser, answer: &TestResponse, name: &str) -> TestResponse {
    answer.assert_status(StatusCode::UNAUTHORIZED);
    let page = answer.text();
    assert!(
        page.contains("Your session ended. What you wrote is kept."),
        "{page}"
    );
    let mut form = carried(&page);
    form.retain(|(field, _)| field != "name" && field != "password");
    let mut wrong = form.clone();
    wrong.push(("name".to_owned(), name.to_owned()));
    wrong.push(("password".to_owned(), "not the password".to_owned()));
    let again = send(browser, "/sign-in", &wrong).await;
    again.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    let mut right = carried(&again.text());
    right.retain(|(field, _)| field != "name" && field != "password");
    form.sort();
    right.sort();
    assert_eq!(right, form, "a wrong password loses nothing");
    right.push(("name".to_owned(), name.to_owned()));
    right.push(("password".to_owned(), crate::support::PASSWORD.to_owned()));
    let answer = send(browser, "/sign-in", &right).await;
    answer.assert_status_ok();
    browser.get("/account").await.assert_status_ok();
    answer
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_comment_outlives_its_session(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    ada.post("/account/sign-out-everywhere", &[]).await;
    let form = [("body", THOUGHT), ("action", "post")];
    let answer = ada.post("/threads/1/comments", &form).await;
    let page = signs_in_again(&ada, &answer, "ada").await.text();
    // In the form, and not posted before somebody says so.
    assert!(page.contains("An hour of &#60;thought&#62;,\nin"), "{page}");
    let posted = sqlx::query_scalar!(r#"select count(*) as "count!" from comment"#)
        .fetch_one(&site.pool)
        .await
        .expect("counts");
    assert_eq!(posted, 0);
    location(&ada.post("/threads/1/comments", &form).await);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_proposal_outlives_its_session(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let page = ada.get("/experiments/new?claim=2").await.text();
    ada.post("/account/sign-out-everywhere", &[]).await;
    let mut form = fields(page.split("data-editor").nth(1).expect("the editor"));
    for (name, value) in [("rationale", THOUGHT), ("task-length", "41")] {
        form.retain(|(field, _)| field != name);
        form.push((name.to_owned(), value.to_owned()));
    }
    form.push(("action".to_owned(), "save".to_owned()));
    let answer = send(&ada, "/experiments/new", &form).await;
    let page = signs_in_again(&ada, &answer, "ada").await.text();
    assert!(page.contains("An hour of &#60;thought&#62;,\nin"), "{page}");
    assert!(page.contains("name=\"task-length\" value=\"41\""), "{page}");
    // Saved from there, the field that was changed holds, though the TOML beside it says otherwise.
    let mut form = fields(page.split("data-editor").nth(1).expect("the editor"));
    form.push(("action".to_owned(), "save".to_owned()));
    let path = location(&send(&ada, "/experiments/new", &form).await);
    let toml = ada.get(&format!("{path}/spec.toml")).await.text();
    assert!(toml.contains("length = 41"), "{toml}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_reason_outlives_its_session_and_its_refusal(pool: PgPool) {
    let site = Site::new(pool).await;
    let chief = site.signed_in("chief", Role::Admin).await;
    let long = format!("new disks{}", "!".repeat(400));
    let refused = chief.post("/admin/queue/pause", &[("reason", &long)]).await;
    refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    let page = refused.text();
    assert!(
        page.contains(&long) && page.contains("Yours has 409"),
        "{page}"
    );
    assert!(page.contains("action=\"/admin/queue/pause\""));
    chief.post("/account/sign-out-everywhere", &[]).await;
    let answer = chief
        .post("/admin/queue/pause", &[("reason", "new disks")])
        .await;
    let page = signs_in_again(&chief, &answer, "chief").await.text();
    assert!(page.contains("Not sent yet") && page.contains("new disks</textarea>"));
    assert!(!chief.get("/queue").await.text().contains("new disks"));
    // A password is never shown again, whatever becomes of its form.
    let form = [("current", "a secret of mine"), ("new", "x")];
    let page = chief.post("/account/password", &form).await.text();
    assert!(!page.contains("a secret of mine"), "{page}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_button_without_a_session_says_that_it_did_nothing(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = location(&ada.propose(&site, &[]).await);
    let sign_in = |page: String| {
        let mut form = carried(&page);
        form.retain(|(field, _)| field != "name" && field != "password");
        form.push(("name".to_owned(), "ada".to_owned()));
        form.push(("password".to_owned(), crate::support::PASSWORD.to_owned()));
        form
    };
    ada.post("/account/sign-out-everywhere", &[]).await;
    let answer = ada.post(&format!("{path}/register"), &[]).await;
    answer.assert_status(StatusCode::UNAUTHORIZED);
    let page = answer.text();
    assert!(
        page.contains("The button that you pressed did nothing"),
        "{page}"
    );
    let page = send(&ada, "/sign-in", &sign_in(page)).await.text();
    assert!(
        page.contains("Not sent yet") && page.contains("press it again"),
        "{page}"
    );
    assert!(ada.get(&path).await.text().contains("Nothing runs yet"));
    // A number is shown where it is to be looked over.
    ada.post("/account/sign-out-everywhere", &[]).await;
    let form = [("percent", "83"), ("version", "")];
    let page = ada.post(&format!("{path}/forecast"), &form).await.text();
    assert!(page.contains("<dd dir=\"auto\">83</dd>"), "{page}");
    let page = send(&ada, "/sign-in", &sign_in(page)).await.text();
    assert!(
        page.contains("Not sent yet") && page.contains("<dd dir=\"auto\">83</dd>"),
        "{page}"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn another_sites_form_is_not_shown_back(pool: PgPool) {
    let site = Site::new(pool).await;
    let form = [("body", "planted words"), ("action", "post")];
    let answer = site
        .browser()
        .post_from_elsewhere("/threads/1/comments", &form)
        .await;
    answer.assert_status_forbidden();
    assert!(!answer.text().contains("planted words"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn without_a_database_the_text_comes_back(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    site.pool.close().await;
    let form = [("body", THOUGHT), ("action", "post")];
    let answer = ada.post("/threads/1/comments", &form).await;
    answer.assert_status(StatusCode::SERVICE_UNAVAILABLE);
    let page = answer.text();
    assert!(page.contains("An hour of &#60;thought&#62;,\nin"), "{page}");
    assert!(page.contains("Send it again"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_second_of_two_tabs_is_shown_what_the_first_saved(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = location(&ada.propose(&site, &[]).await);
    let edit = format!("{path}/edit");
    let open = |page: String, rationale: &str| {
        let mut form = fields(page.split("data-editor").nth(1).expect("the editor"));
        form.retain(|(field, _)| field != "rationale");
        form.push(("rationale".to_owned(), rationale.to_owned()));
        form.push(("action".to_owned(), "save".to_owned()));
        form
    };
    let first = open(ada.get(&edit).await.text(), "of the first tab");
    let second = open(ada.get(&edit).await.text(), "of the second tab");
    location(&send(&ada, &edit, &first).await);
    let answer = send(&ada, &edit, &second).await;
    answer.assert_status_conflict();
    let page = answer.text();
    assert!(page.contains("of the first tab") && page.contains("of the second tab"));
    assert!(page.contains("This proposal was changed meanwhile"));
    assert!(ada.get(&path).await.text().contains("of the first tab"));
    // Having seen both, the author may put the second in its place.
    let chosen = open(page, "of the second tab");
    location(&send(&ada, &edit, &chosen).await);
    assert!(ada.get(&path).await.text().contains("of the second tab"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_edit_that_comes_too_late_becomes_an_amendment(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = location(&ada.propose(&site, &[]).await);
    let edit = format!("{path}/edit");
    let page = ada.get(&edit).await.text();
    location(&ada.post(&format!("{path}/register"), &[]).await);
    let mut form = fields(page.split("data-editor").nth(1).expect("the editor"));
    form.retain(|(field, _)| field != "rationale");
    form.push(("rationale".to_owned(), THOUGHT.to_owned()));
    form.push(("action".to_owned(), "save".to_owned()));
    let answer = send(&ada, &edit, &form).await;
    answer.assert_status_conflict();
    let page = answer.text();
    assert!(page.contains("An hour of &#60;thought&#62;,\nin"), "{page}");
    assert!(page.contains("cannot change any more") && page.contains("Why it is amended"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_prediction_that_was_worded_for_you_follows_the_criterion(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = location(&ada.propose(&site, &[("prediction", "")]).await);
    let edit = format!("{path}/edit");
    let page = ada.get(&edit).await.text();
    let mut form = fields(page.split("data-editor").nth(1).expect("the editor"));
    form.retain(|(field, _)| field != "criterion-margin");
    form.push(("criterion-margin".to_owned(), "0.7".to_owned()));
    form.push(("action".to_owned(), "save".to_owned()));
    location(&send(&ada, &edit, &form).await);
    let prediction = sqlx::query_scalar!("select prediction from experiment")
        .fetch_one(&site.pool)
        .await
        .expect("a proposal");
    assert!(prediction.contains("0.7"), "{prediction}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_title_of_its_own_outlives_an_edit(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = location(&ada.propose(&site, &[]).await);
    // As REST stores it: a title beside the specification's.
    sqlx::query!("update experiment set title = 'A title of its own'")
        .execute(&site.pool)
        .await
        .expect("updates");
    let edit = format!("{path}/edit");
    let saved = |page: String, changes: &[(&str, &str)]| {
        let mut form = fields(page.split("data-editor").nth(1).expect("the editor"));
        for (name, value) in changes {
            form.retain(|(field, _)| field != name);
            form.push(((*name).to_owned(), (*value).to_owned()));
        }
        form.push(("action".to_owned(), "save".to_owned()));
        form
    };
    let form = saved(ada.get(&edit).await.text(), &[("rationale", "why")]);
    location(&send(&ada, &edit, &form).await);
    let page = ada.get(&path).await.text();
    assert!(page.contains(">A title of its own</h1>"), "{page}");
    let form = saved(ada.get(&edit).await.text(), &[("title", "Another")]);
    location(&send(&ada, &edit, &form).await);
    assert!(ada.get(&path).await.text().contains(">Another</h1>"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn no_field_cuts_what_is_pasted(pool: PgPool) {
    let site = Site::new(pool).await;
    let chief = site.signed_in("chief", Role::Admin).await;
    let path = chief.registered(&site).await;
    for page in [
        "/sign-up",
        "/account",
        "/experiments/new",
        "/claims/2",
        "/admin/queue",
        path.as_str(),
    ] {
        let text = chief.get(page).await.text();
        let cuts = text.split('<').find(|tag| tag.contains("maxlength"));
        assert_eq!(cuts, None, "{page} cuts what is pasted");
    }
    let long = "x".repeat(60_035);
    let form = [("body", long.as_str()), ("action", "post")];
    let page = chief.post("/threads/1/comments", &form).await.text();
    assert!(page.contains("this one has 60035") && page.contains(&long));
}
