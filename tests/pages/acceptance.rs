//! A claim's author accepts a proposal as a test in the browser, or declines; and readers see who accepted what.

use crate::support::*;
use axum::http::StatusCode;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;

/// ada is the author of C2, as a moderator has said on the claim's page.
async fn board(pool: PgPool) -> (Site, Browser, Browser) {
    let site = Site::new(pool).await;
    site.widen("C2").await;
    let ada = site.signed_in("ada", Role::Member).await;
    let bob = site.signed_in("bob", Role::Member).await;
    let mona = site.signed_in("mona", Role::Moderator).await;
    let claim = format!("/claims/{}", site.claim("C2").await);
    assert!(!bob.get(&claim).await.text().contains("Name the author"));
    assert!(mona.get(&claim).await.text().contains("Name the author"));
    let form = [("author", "ada"), ("reason", "She wrote it.")];
    let path = format!("{claim}/author");
    bob.post(&path, &form).await.assert_status_forbidden();
    mona.post(&path, &form).await.assert_status_see_other();
    let page = bob.get(&claim).await.text();
    assert!(page.contains("named by a moderator"));
    (site, ada, bob)
}

/// The hidden fields of the form, and what is answered.
async fn answer(
    browser: &Browser,
    path: &str,
    button: &str,
    words: &str,
) -> axum_test::TestResponse {
    let page = browser.get(path).await.text();
    let form = page
        .split(&format!("action=\"{path}/answer\""))
        .nth(1)
        .expect("the form");
    let hash = fields(form.split("</form>").next().expect("its end"))
        .into_iter()
        .find(|(name, _)| name == "proposal_sha256")
        .expect("the hash")
        .1;
    let form = [
        ("answer", button),
        ("words", words),
        ("proposal_sha256", &hash),
    ];
    browser.post(&format!("{path}/answer"), &form).await
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn who_accepted_the_test_stands_beside_the_verdict(pool: PgPool) {
    let (site, ada, bob) = board(pool).await;
    let path = location(&bob.propose(&site, &[]).await);
    // It waits where the author of the claim looks, and nobody else is asked.
    let claim = format!("/claims/{}", site.claim("C2").await);
    for page in ["/account", claim.as_str()] {
        assert!(
            ada.get(page)
                .await
                .text()
                .contains(&format!("{path}#acceptance"))
        );
        assert!(!bob.get(page).await.text().contains("#acceptance"));
    }
    let seen = bob.get(&path).await.text();
    assert!(seen.contains("<strong>Unilateral.</strong>"));
    assert!(!seen.contains(&format!("{path}/answer")));

    let refused = answer(&ada, &path, "decline", " ").await;
    refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    let field = format!("answer-words-{}", site.claim("C2").await);
    assert!(refused.text().contains(&format!("id=\"{field}-error\"")));
    answer(&ada, &path, "accept", "It would <b>convince</b> me.")
        .await
        .assert_status_see_other();
    let seen = bob.get(&path).await.text();
    assert!(seen.contains("<strong>Accepted as a test</strong>"));
    assert!(seen.contains("It would &#60;b&#62;convince"), "{seen}");
    assert!(!ada.get("/account").await.text().contains("#acceptance"));

    bob.post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();
    site.train_all().await;
    let seen = bob.get(&path).await.text();
    assert!(seen.contains("Test accepted: by ada, the claim’s author, on "));
    assert!(seen.contains("accepted as a test by ada, the claim’s author, on"));
    assert!(!seen.contains(&format!("{path}/answer")));
    // The claim's author is not asked any more, and cannot answer.
    let late = [
        ("answer", "decline"),
        ("words", "no"),
        ("proposal_sha256", ""),
    ];
    let refused = ada.post(&format!("{path}/answer"), &late).await;
    refused.assert_status(StatusCode::CONFLICT);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_edit_drops_the_answer_and_says_so(pool: PgPool) {
    let (site, ada, bob) = board(pool).await;
    let path = location(&bob.propose(&site, &[]).await);
    let why = "Not a test of my claim, because it is too small.";
    answer(&ada, &path, "decline", why)
        .await
        .assert_status_see_other();
    assert!(
        bob.get(&path)
            .await
            .text()
            .contains("declined it as a test")
    );
    let edit = bob.get(&format!("{path}/edit")).await.text();
    let mut form = fields(edit.split("data-editor").nth(1).expect("the editor"));
    form.retain(|(name, _)| name != "rationale");
    form.push(("rationale".into(), "Because.".into()));
    form.push(("action".into(), "save".into()));
    let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    bob.post(&format!("{path}/edit"), &form)
        .await
        .assert_status_see_other();
    let seen = bob.get(&path).await.text();
    assert!(seen.contains("declined an earlier version of it"));
    assert!(
        ada.get("/account")
            .await
            .text()
            .contains(&format!("{path}#acceptance"))
    );
    // What is registered without an answer says so beside its verdict, and of one without an author, that nobody could.
    bob.post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();
    site.train_all().await;
    let seen = bob.get(&path).await.text();
    assert!(
        seen.contains("by nobody else (unilateral): the claim’s author, ada, had not answered")
    );
    assert!(seen.contains("registered unilaterally: the claim’s author had not accepted it"));
}
