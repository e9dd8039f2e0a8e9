//! What holds for every page: headers, refusals, the other sites' forms.

use crate::support::Site;
use axum::http::StatusCode;
use breakmywork::{auth::account::Role, config::Settings, state::AppState};
use breakmywork_protocol::db::MIGRATOR;
use sqlx::{PgPool, postgres::PgPoolOptions};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const PAGES: [&str; 23] = [
    "/moderation/board",
    "/",
    "/works",
    "/works/recurrent-dropout",
    "/experiments",
    "/queue",
    "/queue/cancelled",
    "/workers",
    "/compare",
    "/search",
    "/search?q=mask",
    "/record",
    "/docs",
    "/docs/verdict",
    "/docs/specification",
    "/docs/nothing",
    "/docs/api",
    "/docs/api/bodies",
    "/docs/api/bodies/Experiment",
    "/docs/api/bodies/Nothing",
    "/sign-in",
    "/sign-up",
    "/nothing-here",
];

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_page_is_whole_small_and_without_inline_code(pool: PgPool) {
    let site = Site::new(pool).await;
    let browser = site.browser();
    for path in PAGES {
        let answer = browser.get(path).await;
        let csp = answer.header("content-security-policy");
        let csp = csp.to_str().expect("text");
        assert!(
            csp.starts_with("default-src 'none'") && !csp.contains("unsafe"),
            "{csp}"
        );
        for header in [
            "x-content-type-options",
            "referrer-policy",
            "cross-origin-opener-policy",
            "x-request-id",
            "cache-control",
        ] {
            assert!(
                answer.maybe_header(header).is_some(),
                "{path} lacks {header}"
            );
        }
        assert!(
            answer.maybe_header("strict-transport-security").is_none(),
            "plain http"
        );
        let page = answer.text();
        assert!(page.contains("<main") && page.contains("</html>"), "{path}");
        assert!(
            !page.contains(" style=") && !page.contains("<style"),
            "{path}"
        );
        assert!(
            !page.contains(" onclick") && !page.contains("javascript:"),
            "{path}"
        );
        assert!(page.len() < 100_000, "{path} has {} bytes", page.len());
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn static_files_are_kept_for_ever_under_their_hash(pool: PgPool) {
    let site = Site::new(pool).await;
    let page = site.browser().get("/").await.text();
    let style = page
        .split('"')
        .find(|part| part.starts_with("/static/style"))
        .expect("a style sheet");
    let answer = site.browser().get(style).await;
    answer.assert_status_ok();
    assert!(answer.maybe_header("etag").is_some());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_browsers_and_crawlers_ask_for_by_themselves_is_there(pool: PgPool) {
    let site = Site::new(pool).await;
    let browser = site.browser();
    let robots = browser.get("/robots.txt").await;
    robots.assert_status_ok();
    assert!(robots.text().starts_with("User-agent: *\n"));
    for (asked, meant) in [
        ("/favicon.ico", "/static/icon"),
        ("/claims/2/", "/claims/2"),
        (
            "/experiments/?state=proposed",
            "/experiments?state=proposed",
        ),
    ] {
        let answer = browser.get(asked).await;
        assert!(answer.status_code().is_redirection(), "{asked}");
        let location = answer.header("location");
        assert!(
            location.to_str().is_ok_and(|to| to.starts_with(meant)),
            "{asked}: {location:?}"
        );
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn https_turns_on_hsts(pool: PgPool) {
    let settings = Settings {
        public_url: "https://example.org".into(),
        ..Settings::default()
    };
    let state = AppState::new(pool, settings, CancellationToken::new());
    let server = axum_test::TestServer::new(breakmywork::app(state));
    let answer = server.get("/sign-in").await;
    assert!(answer.maybe_header("strict-transport-security").is_some());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn another_sites_form_changes_nothing(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let answer = ada
        .post_from_elsewhere("/account/sign-out-everywhere", &[])
        .await;
    answer.assert_status_forbidden();
    assert!(answer.text().contains("another site"));
    ada.get("/account").await.assert_status_ok();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_not_there_says_so_and_what_to_do(pool: PgPool) {
    let site = Site::new(pool).await;
    let browser = site.browser();
    for path in [
        "/nothing",
        "/claims/999",
        "/claims/abc",
        "/claims/99999999999999999999",
        "/works/none",
        "/experiments/999",
        "/experiments/999/live",
        "/experiments/999/events",
        "/runs/999",
        "/people/nobody",
        "/comments/999",
        "/people/a%00b",
    ] {
        let answer = browser.get(path).await;
        assert!(
            answer.status_code().is_client_error(),
            "{path}: {}",
            answer.status_code()
        );
        let page = answer.text();
        assert!(
            page.contains("<h1>") && page.contains("href=\"/\""),
            "{path}: {page}"
        );
    }
    browser
        .post("/queue", &[])
        .await
        .assert_status(StatusCode::METHOD_NOT_ALLOWED);
    let api = browser.get("/api/v1/nothing").await;
    api.assert_status_not_found();
    assert_eq!(api.header("content-type"), "application/problem+json");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn too_much_is_refused_with_a_page(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let huge = "x".repeat(10_000_000);
    let answer = ada.post("/threads/1/comments", &[("body", &huge)]).await;
    answer.assert_status(StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer.text().contains("256 kB"));
}

#[tokio::test]
async fn without_a_database_pages_say_so_and_when_to_come_back() {
    let pool = PgPoolOptions::new()
        .acquire_timeout(Duration::from_millis(200))
        .connect_lazy("postgres://nobody@127.0.0.1:1/none")
        .expect("a lazy pool");
    let state = AppState::new(pool, Settings::default(), CancellationToken::new());
    let server = axum_test::TestServer::new(breakmywork::app(state));
    let answer = server.get("/").await;
    answer.assert_status(StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.maybe_header("retry-after").is_some());
    let page = answer.text();
    assert!(page.contains("Nothing is lost"));
    assert!(!page.contains("127.0.0.1:1") && !page.to_lowercase().contains("sqlx"));
    server.get("/healthz").await.assert_status_ok();
    server
        .get("/readyz")
        .await
        .assert_status(StatusCode::SERVICE_UNAVAILABLE);
}
