use crate::support::Site;
use axum::http::StatusCode;
use axum_test::TestResponse;
use breakmywork::config::Settings;
use breakmywork_protocol::db::MIGRATOR;
use serde_json::{Value, json};
use sqlx::PgPool;

fn header(answer: &TestResponse, name: &str) -> String {
    let value = answer.header(name);
    value.to_str().expect("text").to_owned()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn whoever_asks_hears_how_much_is_left_and_then_when_to_ask_again(pool: PgPool) {
    let settings = Settings {
        requests_per_minute: 5,
        ..Settings::default()
    };
    let site = Site::with(pool, settings).await;
    let ada = site.person("ada", "member").await;
    let bob = site.person("bob", "member").await;
    for left in (0..5).rev() {
        let answer = site.get_as(&ada, "/api/v1/works").await;
        answer.assert_status_ok();
        assert_eq!(header(&answer, "ratelimit-policy"), "\"account\";q=5;w=60");
        let told = header(&answer, "ratelimit");
        assert!(
            told.starts_with(&format!("\"account\";r={left};t=")),
            "{told}"
        );
    }
    // Of any kind, and with another token of hers.
    let other = site
        .limited(&ada, &breakmywork::auth::token::Scope::ALL)
        .await;
    let refused = site.post(&other, "/api/v1/follows", &json!({})).await;
    refused.assert_status(StatusCode::TOO_MANY_REQUESTS);
    assert!(header(&refused, "ratelimit").starts_with("\"account\";r=0;t="));
    let wait: u32 = header(&refused, "retry-after").parse().expect("seconds");
    assert!((1..=61).contains(&wait));
    let problem: Value = refused.json();
    assert!(
        problem["type"]
            .as_str()
            .is_some_and(|kind| kind.ends_with("#problem-too-many"))
    );
    // Others are counted for themselves; whoever sends no good token by address.
    site.get_as(&bob, "/api/v1/works").await.assert_status_ok();
    let answer = site.get("/api/v1/works").await;
    assert!(header(&answer, "ratelimit").starts_with("\"address\";r=4;"));
    for left in (0..4).rev() {
        let answer = site
            .server
            .get("/api/v1/works")
            .authorization_bearer("bmw_guess")
            .await;
        answer.assert_status(StatusCode::UNAUTHORIZED);
        assert!(header(&answer, "ratelimit").starts_with(&format!("\"address\";r={left};")));
    }
    let guess = site
        .server
        .get("/api/v1/works")
        .authorization_bearer("bmw_guess")
        .await;
    guess.assert_status(StatusCode::TOO_MANY_REQUESTS);
    let visitor = site.get("/api/v1/works").await;
    visitor.assert_status(StatusCode::TOO_MANY_REQUESTS);
    // Pages are another thing.
    site.get("/works").await.assert_status_ok();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn where_any_number_is_taken_nothing_is_said_of_it(pool: PgPool) {
    let settings = Settings {
        requests_per_minute: 0,
        ..Settings::default()
    };
    let site = Site::with(pool, settings).await;
    for _ in 0..20 {
        let answer = site.get("/api/v1/works").await;
        answer.assert_status_ok();
        assert!(answer.maybe_header("ratelimit").is_none());
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_answer_names_its_request(pool: PgPool) {
    let site = Site::new(pool).await;
    let mut seen = std::collections::BTreeSet::new();
    for path in [
        "/api/v1/works",
        "/api/v1/claims/999",
        "/api/v1/nothing",
        "/api/v1/search",
    ] {
        // What the sender calls it is nobody else's name for it.
        let answer = site
            .server
            .get(path)
            .add_header("x-request-id", "mine")
            .await;
        let id = header(&answer, "x-request-id");
        if answer.status_code().is_client_error() {
            assert_eq!(answer.json::<Value>()["request_id"], id, "{path}");
        }
        assert!(id != "mine" && seen.insert(id), "{path}");
    }
}
