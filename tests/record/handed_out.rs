//! The record and what was frozen, as pages and REST hand them out.

use crate::board::{Board, draft};
use axum::http::StatusCode;
use axum_test::TestServer;
use breakmywork::config::Settings;
use breakmywork::state::AppState;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::id::{AccountId, ExperimentId};
use breakmywork_protocol::record::{self, Head};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

async fn site(pool: PgPool) -> (Board, TestServer) {
    let board = Board::new(pool.clone()).await;
    let ada = board.account("ada").await;
    board.registered(ada).await;
    board.run_all().await;
    let state = AppState::new(pool.clone(), Settings::default(), CancellationToken::new());
    state.noted.look(&pool).await.expect("looks");
    (board, TestServer::new(breakmywork::app(state)))
}

fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_page_and_every_answer_names_the_head(pool: PgPool) {
    let (board, server) = site(pool).await;
    let head = board.head().await;
    for path in [
        "/",
        "/works",
        "/experiments/1",
        "/queue",
        "/record",
        "/sign-in",
        "/nothing-here",
    ] {
        let page = server.get(path).await.text();
        let foot = page.split("<footer").nth(1).unwrap_or_default();
        assert_eq!(Head::all_in(foot), std::slice::from_ref(&head), "{path}");
    }
    // Whoever reads a feed keeps the head, too.
    for path in [
        "/feed.atom",
        "/claims/1/feed.atom",
        "/experiments/1/feed.atom",
    ] {
        let feed = server.get(path).await.text();
        assert!(
            feed.contains(&format!("<subtitle>The record ends with {head}</subtitle>")),
            "{path}: {feed}"
        );
    }
    for path in ["/api/v1/works", "/api/v1/record"] {
        let answer = server.get(path).await;
        assert_eq!(
            answer.header("record-head").to_str().expect("text"),
            head.to_string(),
            "{path}"
        );
    }
    let answer: Value = server.get("/api/v1/record/head").await.json();
    assert_eq!(answer["head"], head.to_string());
    assert_eq!(answer["seq"], head.seq);
}

/// A stranger computes the chain from REST alone, with any library for canonical JSON.
#[sqlx::test(migrator = "MIGRATOR")]
async fn the_chain_can_be_computed_from_rest_alone(pool: PgPool) {
    let (board, server) = site(pool).await;
    let mut previous = "0".repeat(64);
    let mut cursor = String::new();
    let mut entries = 0;
    loop {
        let page: Value = server
            .get(&format!("/api/v1/record?limit=7{cursor}"))
            .await
            .json();
        for item in page["items"].as_array().expect("items") {
            let mut item = item.clone();
            let hash = item
                .as_object_mut()
                .and_then(|item| item.remove("hash"))
                .expect("a hash");
            assert_eq!(item["previous"], previous);
            let line = serde_json_canonicalizer::to_string(&item).expect("plain data");
            assert_eq!(
                hash,
                sha256(format!("breakmywork record v1\n{line}")),
                "{item}"
            );
            previous = hash.as_str().expect("text").to_owned();
            entries += 1;
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let head = board.head().await;
    assert_eq!((entries, previous), (head.seq, head.hash));
    let one: Value = server.get("/api/v1/record?experiment=1").await.json();
    let kinds: Vec<&str> = one["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|item| item["kind"].as_str())
        .collect();
    assert_eq!(kinds, ["registration", "conclusion"]);
    server
        .get("/api/v1/record?cursor=x")
        .await
        .assert_status(StatusCode::BAD_REQUEST);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_was_frozen_is_handed_out_byte_for_byte(pool: PgPool) {
    let (board, server) = site(pool).await;
    let bytes = server.get("/experiments/1/spec.json").await;
    bytes.assert_status_ok();
    let stored = sqlx::query!(
        r#"select spec_canonical as "canonical!", spec_sha256 as "sha256!" from experiment"#
    )
    .fetch_one(&board.pool)
    .await
    .expect("one");
    assert_eq!(bytes.as_bytes().as_ref(), stored.canonical.as_bytes());
    assert_eq!(sha256(bytes.as_bytes()), stored.sha256);
    assert_eq!(
        bytes.header("spec-sha256").to_str().expect("text"),
        stored.sha256
    );
    let shown: Value = server.get("/api/v1/experiments/1").await.json();
    assert_eq!(shown["spec_sha256"], stored.sha256);

    let statement = server.get("/experiments/1/registration.intoto.json").await;
    assert_eq!(
        statement.header("content-type"),
        "application/vnd.in-toto+json"
    );
    let statement: Value = serde_json::from_slice(statement.as_bytes()).expect("JSON");
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["subject"][0]["digest"]["sha256"], stored.sha256);
    assert_eq!(
        statement["predicateType"],
        "http://127.0.0.1:8080/record#registration-v1"
    );
    let entry = &statement["predicate"]["entry"];
    let recorded = record::about(&board.pool, record::Subject::Experiment(ExperimentId(1)), 1)
        .await
        .expect("an entry");
    assert_eq!(entry["hash"], recorded[0].hash);
    assert_eq!(entry["body"]["spec_sha256"], stored.sha256);
    // The type's own address says what it is.
    assert!(
        server
            .get("/record")
            .await
            .text()
            .contains("id=\"registration-v1\"")
    );

    let manifest = server.get("/experiments/1/registration.prml.yaml").await;
    manifest.assert_status_ok();
    assert!(
        manifest
            .text()
            .contains(&format!("  spec_sha256: {}\n", stored.sha256)),
        "{}",
        manifest.text()
    );
}

/// The manifest of an amendment goes on with that of what it amends; nobody else's does, and no second one.
#[sqlx::test(migrator = "MIGRATOR")]
async fn an_amendment_goes_on_with_the_manifest_before_it(pool: PgPool) {
    let (board, server) = site(pool).await;
    let ada = sqlx::query_scalar("select author_id from experiment where id = 1")
        .fetch_one(&board.pool)
        .await
        .map(AccountId)
        .expect("its author");
    let eve = board.account("eve").await;
    let of = async |id: ExperimentId| {
        let path = format!("/experiments/{id}/registration.prml.yaml");
        server.get(&path).await.text()
    };
    let value = |manifest: &str, key: &str| {
        let mut lines = manifest.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(name, _)| *name == key);
        found.map(|(_, value)| value.to_owned())
    };
    let draft = draft(0.03, 10);
    let first = ExperimentId(1);
    let second = board.amended(ada, &draft, Some(first)).await;
    let third = board.amended(ada, &draft, Some(second)).await;
    let [one, two, three] = [of(first).await, of(second).await, of(third).await];
    assert_eq!(value(&one, "prior_hash"), None);
    assert_eq!(value(&two, "prior_hash"), Some(sha256(&one)));
    assert_eq!(value(&three, "prior_hash"), Some(sha256(&two)));
    for amended in [&two, &three] {
        assert_eq!(value(amended, "claim_id"), value(&one, "claim_id"));
    }
    let again = board.amended(ada, &draft, Some(first)).await;
    let others = board.amended(eve, &draft, Some(second)).await;
    for id in [again, others] {
        let manifest = of(id).await;
        assert_eq!(value(&manifest, "prior_hash"), None);
        assert_ne!(value(&manifest, "claim_id"), value(&one, "claim_id"));
    }
    assert_eq!(of(second).await, two, "whatever came later");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_not_frozen_is_not_handed_out(pool: PgPool) {
    let (board, server) = site(pool).await;
    sqlx::query("update experiment set state = 'proposed', registered_at = null, spec_canonical = null, spec_sha256 = null, concluded_at = null, exploratory = false where id = 1")
        .execute(&board.pool)
        .await
        .expect_err("it is frozen");
    for path in [
        "/experiments/2/spec.json",
        "/experiments/x/spec.json",
        "/experiments/2/registration.prml.yaml",
    ] {
        server.get(path).await.assert_status_not_found();
    }
    board
        .as_owner("update experiment set exploratory = true where id = 1")
        .await;
    server
        .get("/experiments/1/spec.json")
        .await
        .assert_status_ok();
    server
        .get("/experiments/1/registration.intoto.json")
        .await
        .assert_status_ok();
    let refused = server.get("/experiments/1/registration.prml.yaml").await;
    refused.assert_status_not_found();
    assert!(refused.text().contains("exploratory"), "{}", refused.text());
}
