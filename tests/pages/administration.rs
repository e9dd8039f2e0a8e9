//! Running the queue, and who may.

use crate::support::Site;
use axum::http::StatusCode;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::jobs::{self, Timing, Trouble};
use sqlx::PgPool;
use uuid::Uuid;

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

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_worker_with_several_runs_is_shown_with_all_of_them(pool: PgPool) {
    let site = Site::new(pool).await;
    let admin = site.signed_in("root-ish", Role::Admin).await;
    admin.registered(&site).await;
    let worker = Uuid::new_v4();
    jobs::register_worker(&site.pool, worker, "host", "cpu", "0", 4)
        .await
        .expect("registers");
    let page = admin.get("/admin/queue").await.text();
    assert!(page.contains("waits for work (0 of 4 slots)"), "{page}");
    for _ in 0..2 {
        jobs::take(&site.pool, worker, Timing::default())
            .await
            .expect("takes")
            .expect("a run");
    }
    for (pauses, words) in [(false, "In trouble"), (true, "Takes no runs")] {
        let trouble = Trouble {
            reason: "The <disk> is full.".into(),
            pauses,
        };
        jobs::report_trouble(&site.pool, worker, Some(&trouble))
            .await
            .expect("says so");
        let page = admin.get("/admin/queue").await.text();
        assert!(page.contains(words), "{page}");
        assert!(page.contains("The &#60;disk&#62; is full."), "{page}");
    }
    let page = admin.get("/admin/queue").await.text();
    let doing = r#"<a href="/runs/1">run 1</a>, <a href="/runs/2">run 2</a> (2 of 4 slots)"#;
    assert!(page.contains(doing), "{page}");
    let queue = site.browser().get("/queue").await.text();
    assert!(
        queue.contains("<b>1</b> worker</a> for 4 runs at once")
            && queue.contains("<b>2</b> running"),
        "{queue}"
    );
}
