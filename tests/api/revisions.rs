//! Narrowing a claim: who may, how far, what becomes of its experiments, and that nothing is laundered by it.

use crate::support::*;
use axum::http::StatusCode;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::jobs;
use breakmywork_protocol::record::verify;
use breakmywork_protocol::spec::Plan;
use serde_json::{Value, json};
use sqlx::PgPool;

/// Trains what waits: with fixed masks the error is a fifth of that with fresh ones, and on long sequences five times.
async fn by_length(pool: &PgPool) {
    let end = |plan: &Plan| {
        let setup = serde_json::to_value(&plan.setup).expect("plain");
        let is_long = setup["task"]["length"].as_u64() > Some(60);
        let fixed = setup["dropout"]["state"]["time"] == "fixed";
        let good = fixed != is_long;
        let error = if good { 0.02 } else { 0.1 } * (1.0 + f64::from(plan.seed % 10) * 1e-3);
        measured(plan, &[("test_mse", error)])
    };
    train(pool, end).await;
}

async fn propose(site: &Site, person: &Person, length: u32, more: &str) -> i64 {
    let spec = template().replace("length = 30", &format!("length = {length}"));
    assert!(spec.contains(&format!("length = {length}")));
    let spec = spec.replace("margin = 0.1", &format!("margin = {more}"));
    let registered = site.register(person, "C2", &spec).await;
    registered["id"].as_i64().expect("an id")
}

fn revision(narrower: Value) -> Value {
    json!({ "sentence": "On short sequences a recurrent network wants the same mask.", "reason": "It fell on long ones.", "narrower": narrower })
}

/// A falsified claim is repaired: what falsified it must lie outside, and what the rest is worth is said.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_fallen_claim_is_narrowed_and_nothing_is_laundered(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen().await;
    let ada = site.person("ada", "member").await;
    let mod_ = site.person("mona", "moderator").await;
    let c2 = site.claim("C2").await;
    let path = format!("/api/v1/claims/{c2}/revisions");
    let short = propose(&site, &ada, 30, "0.1").await;
    let long = propose(&site, &ada, 80, "0.1").await;
    let other = propose(&site, &ada, 40, "0.2").await;
    by_length(&site.pool).await;
    let claim: Value = site.get(&format!("/api/v1/claims/{c2}")).await.json();
    assert_eq!(claim["standing"], "falsified", "{claim}");
    let covers = claim["covers"].clone();

    // Nobody else may, and nobody may keep what falsified it, reach further, or change what counts.
    let narrow = revision(json!({ "length": { "most": 60 } }));
    site.post(&ada, &path, &narrow)
        .await
        .assert_status(StatusCode::FORBIDDEN);
    for (refused, pointer) in [
        (revision(json!({ "length": { "most": 90 } })), "/narrower"),
        (revision(json!({ "cells": ["lstm"] })), "/narrower"),
        (revision(json!({})), "/narrower"),
        (
            revision(json!({ "length": { "least": 9, "most": 3 } })),
            "/narrower/length",
        ),
        (
            json!({ "sentence": claim["sentence"], "reason": "r", "narrower": { "length": { "most": 60 } } }),
            "/sentence",
        ),
        (
            json!({ "sentence": "", "reason": "r", "narrower": { "length": { "most": 60 } } }),
            "/sentence",
        ),
        (
            json!({ "sentence": "s", "reason": " ", "narrower": { "length": { "most": 60 } } }),
            "/reason",
        ),
        (
            json!({ "sentence": "s", "scope": "\u{0}", "reason": "r", "narrower": { "length": { "most": 60 } } }),
            "/scope",
        ),
    ] {
        let answer = site.post(&mod_, &path, &refused).await;
        answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(pointers(&answer.json()), [pointer], "{refused}");
    }
    for field in ["margin", "arms", "metrics"] {
        let answer = site
            .post(&mod_, &path, &revision(json!({ field: {} })))
            .await;
        answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    }

    let answer = site
        .post(&mod_, &path, &narrow)
        .add_header("Idempotency-Key", "one")
        .await;
    answer.assert_status(StatusCode::CREATED);
    let again = site
        .post(&mod_, &path, &narrow)
        .add_header("Idempotency-Key", "one")
        .await;
    let made: Value = answer.json();
    assert_eq!(made, again.json::<Value>(), "it is made once");
    assert_eq!(made["label"], "C2a");
    assert_eq!(made["revises"], c2);
    assert_eq!(
        made["standing"], "untested",
        "what was seen before does not count"
    );
    assert_eq!(made["tally"]["experiments"], 0);
    assert_eq!(made["covers"]["margin"], covers["margin"]);
    assert_eq!(made["covers"]["arms"], covers["arms"]);
    assert_eq!(made["covers"]["length"], json!({ "most": 60 }));
    let claim: Value = site.get(&format!("/api/v1/claims/{c2}")).await.json();
    assert_eq!(
        claim["standing"], "falsified",
        "the earlier one stays as it is"
    );

    let id = made["id"].as_i64().expect("an id");
    let resorted: Value = site
        .get(&format!("/api/v1/claims/{id}/resorted"))
        .await
        .json();
    let sorting = |experiment: i64| {
        let items = resorted["items"].as_array().expect("items").clone();
        let found = items.into_iter().find(|it| it["experiment"] == experiment);
        found.expect("it is sorted")["sorting"]
            .as_str()
            .map(str::to_owned)
    };
    assert_eq!(sorting(short).as_deref(), Some("still_applies"));
    assert_eq!(sorting(long).as_deref(), Some("out_of_scope"));
    assert_eq!(sorting(other).as_deref(), Some("must_rerun"));

    // What is registered on it moves it, within its scope.
    let mut moved = Vec::new();
    for length in [30, 80] {
        let spec = template().replace("length = 30", &format!("length = {length}"));
        let body = json!({ "claim": id, "spec": spec, "register": true });
        let answer = site.post(&ada, "/api/v1/experiments", &body).await;
        answer.assert_status(StatusCode::CREATED);
        moved.push(
            answer.json::<Value>()["outside"]
                .as_array()
                .expect("reasons")
                .len(),
        );
    }
    assert_eq!(moved, [0, 1]);
    by_length(&site.pool).await;
    let made: Value = site.get(&format!("/api/v1/claims/{id}")).await.json();
    assert_eq!(made["standing"], "standing", "{made}");

    // All of it is on record, and what was sorted cannot be changed in silence.
    // One finding is that the test itself changed what C2 covers.
    assert_eq!(findings(&site.pool).await, 1);
    sqlx::query(
        "update resorted_experiment set sorting = 'out_of_scope' where sorting = 'must_rerun'",
    )
    .execute(&site.pool)
    .await
    .expect("sets");
    assert_eq!(findings(&site.pool).await, 2);
}

/// Who narrows a claim in advance escapes nothing: what makes it fall fells every narrower claim in whose scope it lies, through
/// the whole line, and nothing else does.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_claim_that_was_narrowed_in_advance_falls_with_the_wider_one(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen().await;
    let ada = site.person("ada", "member").await;
    let mona = site.person("mona", "moderator").await;
    let c2 = site.claim("C2").await;
    let narrow = async |from: i64, most: u32| {
        let mut body = revision(json!({ "length": { "most": most } }));
        body["sentence"] = format!("Up to {most} steps.").into();
        let path = format!("/api/v1/claims/{from}/revisions");
        let answer = site.post(&mona, &path, &body).await;
        (answer.status_code(), answer.json::<Value>())
    };
    let id = |made: (StatusCode, Value)| {
        assert_eq!(made.0, StatusCode::CREATED, "{}", made.1);
        made.1["id"].as_i64().expect("an id")
    };
    let long = propose(&site, &ada, 80, "0.1").await;
    let near = id(narrow(c2, 90).await);
    let nearer = id(narrow(near, 85).await);
    let short = id(narrow(near, 60).await);
    by_length(&site.pool).await;

    let stands = async |claim: i64| {
        let path = format!("/api/v1/claims/{claim}");
        let claim: Value = site.get(&path).await.json();
        let tally = &claim["tally"];
        assert_eq!(claim["id"] == c2, tally["falsified"] != 0, "{tally}");
        [
            &claim["standing"],
            &claim["falsified_by"],
            &claim["falsified_with"],
        ]
        .map(Value::clone)
    };
    let fell = |with: Value| [json!("falsified"), json!(long), with];
    let untested = || [json!("untested"), Value::Null, Value::Null];
    assert_eq!(stands(c2).await, fell(Value::Null));
    for claim in [near, nearer] {
        assert_eq!(stands(claim).await, fell(json!(c2)), "{claim}");
        let told: Option<String> =
            sqlx::query_scalar("select standing from news where claim_id = $1 order by id desc")
                .bind(claim)
                .fetch_one(&site.pool)
                .await
                .expect("news");
        assert_eq!(told.as_deref(), Some("falsified"));
    }
    assert_eq!(stands(short).await, untested());
    // What fell so is not narrowed around it, and no scope of a line is edited.
    let (status, refused) = narrow(near, 82).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(pointers(&refused), ["/narrower"]);
    let (length, covers) = (
        json!({ "most": 89 }),
        json!({ "margin": { "relative": 0.1 } }),
    );
    for (claim, covers) in [(short, json!({ "length": length })), (c2, covers)] {
        let path = format!("/api/v1/claims/{claim}/edits");
        let said = json!({ "sentence": "Up to 60 steps.", "said_at": "", "covers": covers });
        let edit = json!({ "version": 0, "claim": said });
        let refused = site.post(&mona, &path, &edit).await;
        refused.assert_status(StatusCode::CONFLICT);
    }
    assert_eq!(findings(&site.pool).await, 1);

    // A dispute takes it back from all of them, and who narrows the claim meanwhile escapes no more.
    let dispute = format!("/api/v1/experiments/{long}/dispute");
    let reason = json!({ "reason": "The data were seen before." });
    let done = site.post(&mona, &dispute, &reason).await;
    done.assert_status_ok();
    let late = id(narrow(c2, 88).await);
    for claim in [c2, near, nearer, late] {
        assert_eq!(stands(claim).await, untested(), "{claim}");
    }
    assert_eq!(findings(&site.pool).await, 1);
    let resolve = format!("{dispute}/resolve");
    let done = site.post(&mona, &resolve, &reason).await;
    done.assert_status_ok();
    for claim in [near, nearer, late] {
        assert_eq!(stands(claim).await, fell(json!(c2)), "{claim}");
    }
    assert_eq!(stands(short).await, untested());
    assert_eq!(findings(&site.pool).await, 1);

    // What is taken out, or put in, is found; and what fell before this was asked falls when the board starts.
    sqlx::query("delete from inherited_fall where claim_id = $1")
        .bind(near)
        .execute(&site.pool)
        .await
        .expect("deletes");
    assert_eq!(stands(near).await, untested());
    assert_eq!(findings(&site.pool).await, 2);
    let fallen = jobs::inherit_all(&site.pool).await.expect("asks");
    assert_eq!(fallen, 1);
    assert_eq!(stands(near).await, fell(json!(c2)));
    sqlx::query("insert into inherited_fall (claim_id, experiment_id) values ($1, $2)")
        .bind(short)
        .bind(long)
        .execute(&site.pool)
        .await
        .expect("inserts");
    assert_eq!(findings(&site.pool).await, 2);
}

async fn findings(pool: &PgPool) -> u64 {
    let summary = verify::verify(
        pool,
        &verify::Options {
            noted: Vec::new(),
            readers: 1,
        },
        |_| {},
    )
    .await;
    summary.expect("it can be checked").findings
}

/// The author of a revision narrows it on; what is narrowed twice still says what it comes from, and letters end.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_line_goes_on_as_far_as_letters_reach(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen().await;
    let mod_ = site.person("mona", "moderator").await;
    let ada = site.person("ada", "member").await;
    let mut claim = site.claim("C2").await;
    for (step, letter) in ('a'..='z').enumerate() {
        let mut body = revision(json!({ "length": { "most": 900 - step } }));
        body["sentence"] = format!("Narrower by {step}.").into();
        let path = format!("/api/v1/claims/{claim}/revisions");
        let answer = site.post(&mod_, &path, &body).await;
        answer.assert_status(StatusCode::CREATED);
        let made: Value = answer.json();
        assert_eq!(made["label"], format!("C2{letter}"));
        claim = made["id"].as_i64().expect("an id");
        // Each on a day of its own.
        sqlx::query("update claim set created_at = created_at - interval '2 days'")
            .execute(&site.pool)
            .await
            .expect("ages");
    }
    let body = revision(json!({ "length": { "most": 10 } }));
    let path = format!("/api/v1/claims/{claim}/revisions");
    let answer = site.post(&mod_, &path, &body).await;
    answer.assert_status(StatusCode::CONFLICT);
    // Its author may, without being a moderator any more; others may not.
    sqlx::query("update account set role = 'member', created_at = now() - interval '30 days'")
        .execute(&site.pool)
        .await
        .expect("sets");
    let answer = site.post(&mod_, &path, &body).await;
    answer.assert_status(StatusCode::CONFLICT);
    let answer = site.post(&ada, &path, &body).await;
    answer.assert_status(StatusCode::FORBIDDEN);
    let seeded = format!("/api/v1/claims/{}/revisions", site.claim("C2").await);
    let answer = site.post(&mod_, &seeded, &body).await;
    answer.assert_status(StatusCode::FORBIDDEN);
    let missing = site
        .post(&mod_, "/api/v1/claims/99999/revisions", &body)
        .await;
    missing.assert_status(StatusCode::NOT_FOUND);
}

/// The map as JSON says the same as the page.
#[sqlx::test(migrator = "MIGRATOR")]
async fn the_scope_map_has_its_twin(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen().await;
    let ada = site.person("ada", "member").await;
    let c2 = site.claim("C2").await;
    let map: Value = site
        .get(&format!("/api/v1/claims/{c2}/scope-map"))
        .await
        .json();
    assert_eq!(map["x"], Value::Null);
    let short = propose(&site, &ada, 30, "0.1").await;
    let long = propose(&site, &ada, 80, "0.1").await;
    by_length(&site.pool).await;
    let path = format!("/api/v1/claims/{c2}/scope-map?x=length&y=cell");
    let map: Value = site.get(&path).await.json();
    let lengths: Vec<f64> = map["x"]["values"]
        .as_array()
        .expect("values")
        .iter()
        .filter_map(|it| it["least"].as_f64())
        .collect();
    assert_eq!(lengths, [15.0, 30.0, 80.0, 160.0]);
    let row = map["rows"][0].as_array().expect("a row");
    let states: Vec<&str> = row.iter().filter_map(|it| it["state"].as_str()).collect();
    assert_eq!(states, ["untried", "supported", "falsified", "untried"]);
    assert_eq!(row[1]["supported"], json!([short]));
    assert!(
        row[2]["falsified"]
            .as_array()
            .expect("ids")
            .contains(&json!(long))
    );
    assert_eq!(row[1]["propose"], Value::Null);
    let start = row[0]["propose"].as_str().expect("an address");
    assert!(start.contains("length=15"), "{start}");
    for (path, status) in [
        (
            format!("/api/v1/claims/{c2}/scope-map?x=colour"),
            StatusCode::BAD_REQUEST,
        ),
        (
            "/api/v1/claims/99999/scope-map".to_owned(),
            StatusCode::NOT_FOUND,
        ),
        (
            "/api/v1/claims/99999/resorted".to_owned(),
            StatusCode::NOT_FOUND,
        ),
    ] {
        assert_eq!(site.get(&path).await.status_code(), status, "{path}");
    }
}
