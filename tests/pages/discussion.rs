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
        .post(&format!("/comments/{id}/unhide"), &[])
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
