//! Running the queue, and who may.

use crate::support::Site;
use axum::http::StatusCode;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;

#[sqlx::test(migrator = "MIGRATOR")]
async fn only_admins_run_the_queue(pool: PgPool) {
    let site = Site::new(pool).await;
    site.browser()
        .get("/admin/queue")
        .await
        .assert_status_see_other();
    for (name, role) in [("ada", Role::Member), ("mod-one", Role::Moderator)] {
        let browser = site.signed_in(name, role).await;
        browser.get("/admin/queue").await.assert_status_forbidden();
        for path in [
            "/admin/queue/pause",
            "/admin/queue/resume",
            "/admin/runs/1/cancel",
            "/admin/runs/1/retry",
        ] {
            browser
                .post(path, &[("reason", "x")])
                .await
                .assert_status_forbidden();
        }
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_pause_is_announced_with_its_reason(pool: PgPool) {
    let site = Site::new(pool).await;
    let admin = site.signed_in("root-ish", Role::Admin).await;
    admin
        .post("/admin/queue/pause", &[("reason", " ")])
        .await
        .assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    admin
        .post("/admin/queue/pause", &[("reason", "new <drivers>")])
        .await
        .assert_status_see_other();
    let page = site.browser().get("/queue").await.text();
    assert!(
        page.contains("Paused by root-ish") && page.contains("new &#60;drivers&#62;"),
        "{page}"
    );
    admin
        .post("/admin/queue/resume", &[])
        .await
        .assert_status_see_other();
    assert!(!site.browser().get("/queue").await.text().contains("Paused"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_run_is_cancelled_and_retried_with_reasons(pool: PgPool) {
    let site = Site::new(pool).await;
    let admin = site.signed_in("root-ish", Role::Admin).await;
    admin.registered(&site).await;
    admin
        .post("/admin/runs/1/cancel", &[("reason", "wrong machine")])
        .await
        .assert_status_see_other();
    assert!(
        site.browser()
            .get("/runs/1")
            .await
            .text()
            .contains("Cancelled: wrong machine")
    );
    admin
        .post("/admin/runs/1/cancel", &[("reason", "again")])
        .await
        .assert_status_conflict();
    admin
        .post("/admin/runs/1/retry", &[("reason", "right machine")])
        .await
        .assert_status_see_other();
    assert!(
        site.browser()
            .get("/runs/1")
            .await
            .text()
            .contains("Repeated as")
    );
    let page = admin.get("/admin/queue").await.text();
    assert!(
        page.contains("reason right machine") && page.contains("16</b> queued"),
        "{page}"
    );
}
