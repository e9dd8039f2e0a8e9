//! Comments: written, previewed, sanitised, hidden.

use crate::support::{Site, location};
use axum::http::StatusCode;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;

async fn thread(site: &Site) -> String {
    let id = sqlx::query_scalar!("select thread_id from claim where label = 'C2'")
        .fetch_one(&site.pool)
        .await
        .expect("seeded");
    format!("/threads/{id}/comments")
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_comment_is_previewed_posted_and_linked(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let thread = thread(&site).await;
    let preview = ada
        .post(&thread, &[("body", "I *doubt* it"), ("action", "preview")])
        .await;
    preview.assert_status_ok();
    assert!(preview.text().contains("I <em>doubt</em> it"));
    let form = [("body", "I *doubt* it"), ("action", "post")];
    let address = location(&ada.post(&thread, &form).await);
    let claim = site.claim("C2").await;
    assert!(
        address.starts_with(&format!("/claims/{claim}#comment-")),
        "{address}"
    );
    // Sent twice, it is one comment.
    assert_eq!(location(&ada.post(&thread, &form).await), address);
    let page = site.browser().get(&format!("/claims/{claim}")).await.text();
    assert_eq!(page.matches("I <em>doubt</em> it").count(), 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_people_type_stays_harmless(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let hostile = "<script>alert(1)</script> [x](javascript:alert(1)) ![p](https://evil.example/p.png) <img src=x onerror=alert(1)>";
    let form = [("body", hostile), ("action", "post")];
    ada.post(&thread(&site).await, &form)
        .await
        .assert_status_see_other();
    let page = site
        .browser()
        .get(&format!("/claims/{}", site.claim("C2").await))
        .await
        .text();
    assert!(page.contains("&lt;script&gt;"));
    assert!(!page.contains("<script>alert") && !page.contains("<img"));
    assert!(!page.contains("javascript:alert(1)\""));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_refused_comment_keeps_its_text(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let thread = thread(&site).await;
    let long = "word ".repeat(5000);
    let answer = ada
        .post(&thread, &[("body", &long), ("action", "post")])
        .await;
    answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.text().contains(&long));
    ada.post(&thread, &[("body", "  "), ("action", "post")])
        .await
        .assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    let answer = site.browser().post(&thread, &[("body", "x")]).await;
    answer.assert_status(StatusCode::UNAUTHORIZED);
    assert!(answer.text().contains("name=\"kept.body\" value=\"x\""));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn moderators_hide_with_a_reason_that_all_can_read(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let form = [("body", "buy my hats"), ("action", "post")];
    ada.post(&thread(&site).await, &form).await;
    let id = sqlx::query_scalar!("select id from comment")
        .fetch_one(&site.pool)
        .await
        .expect("a comment");
    let hide = format!("/comments/{id}/hide");
    ada.post(&hide, &[("reason", "no")])
        .await
        .assert_status_forbidden();
    let moderator = site.signed_in("mod-one", Role::Moderator).await;
    moderator
        .post(&hide, &[("reason", "")])
        .await
        .assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    moderator
        .post(&hide, &[("reason", "an advertisement")])
        .await
        .assert_status_see_other();
    let claim = format!("/claims/{}", site.claim("C2").await);
    let page = site.browser().get(&claim).await.text();
    assert!(page.contains("Hidden by mod-one: an advertisement"));
    assert!(!page.contains("buy my hats"));
    assert!(moderator.get(&claim).await.text().contains("buy my hats"));
    moderator
        .post(&format!("/comments/{id}/unhide"), &[("reason", "")])
        .await
        .assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    moderator
        .post(
            &format!("/comments/{id}/unhide"),
            &[("reason", "no advertisement")],
        )
        .await
        .assert_status_see_other();
    assert!(
        site.browser()
            .get(&claim)
            .await
            .text()
            .contains("buy my hats")
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn formulas_are_set_and_names_lead_to_what_is_there(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    ada.propose(&site, &[]).await;
    let claim = site.claim("C2").await;
    let body = "As @ada says in #1, C2 needs $h_t$; not #99, not C99, not @nobody-here.";
    let form = [("body", body), ("action", "post")];
    location(&ada.post(&thread(&site).await, &form).await);
    let answer = ada.get(&format!("/claims/{claim}")).await;
    let page = answer.text();
    let body = page.split("class=\"body markdown\"").nth(1);
    let body = body.and_then(|rest| rest.split("</div>").next());
    let body = body.expect("a comment");
    for there in [
        "<a href=\"/people/ada\" ".to_owned(),
        "<a href=\"/experiments/1\" ".to_owned(),
        format!("<a href=\"/claims/{claim}\" "),
        "<math><semantics><msub><mi>h</mi><mi>t</mi></msub>".to_owned(),
        "not #99, not C99, not @nobody-here.".to_owned(),
    ] {
        assert!(body.contains(&there), "{there} is not in {body}");
    }
    // The same words in the thread of an experiment on that claim, and in a preview.
    let experiment = sqlx::query_scalar!("select thread_id from experiment where id = 1");
    let experiment = experiment.fetch_one(&site.pool).await.expect("a thread");
    let form = [("body", "C2 and $x$"), ("action", "preview")];
    let preview = ada
        .post(&format!("/threads/{experiment}/comments"), &form)
        .await;
    let preview = preview.text();
    assert!(preview.contains(&format!("<a href=\"/claims/{claim}\" ")));
    assert!(preview.contains("<math>"));
}
