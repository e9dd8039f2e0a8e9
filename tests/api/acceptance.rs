//! Accepting a test: who may, of what exactly, until when; and that nothing is to be had by it.

use crate::support::*;
use axum::http::StatusCode;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::id::{ClaimId, ExperimentId};
use breakmywork_protocol::jobs;
use breakmywork_protocol::record::verify;
use serde_json::{Value, json};
use sqlx::PgPool;

/// A board on which ada is the author of C2, and bob and mona (a moderator) are others.
async fn board(pool: PgPool) -> (Site, [Person; 3]) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let bob = site.person("bob", "member").await;
    let mona = site.person("mona", "moderator").await;
    let path = format!("/api/v1/claims/{}/author", site.claim("C2").await);
    let body = json!({ "author": "ada", "reason": "She wrote the paper." });
    let refused = site.post(&ada, &path, &body).await;
    refused.assert_status(StatusCode::FORBIDDEN);
    let named = site.post(&mona, &path, &body).await;
    named.assert_status(StatusCode::OK);
    assert_eq!(named.json::<Value>()["author"], "ada");
    (site, [ada, bob, mona])
}

async fn propose(site: &Site, person: &Person, more: Value) -> Value {
    let mut body = json!({ "claim": site.claim("C2").await, "spec": template() });
    let object = body.as_object_mut().expect("an object");
    object.extend(more.as_object().expect("an object").clone());
    let answer = site.post(person, "/api/v1/experiments", &body).await;
    answer.assert_status(StatusCode::CREATED);
    answer.json()
}

fn path(experiment: &Value, end: &str) -> String {
    format!("/api/v1/experiments/{}{end}", experiment["id"])
}

async fn shown(site: &Site, experiment: &Value) -> Value {
    site.get(&path(experiment, "")).await.json()
}

async fn answer(site: &Site, person: &Person, experiment: &Value, body: Value) -> Value {
    let mut body = body;
    if body["proposal_sha256"].is_null() {
        body["proposal_sha256"] = experiment["acceptance"]["proposal_sha256"].clone();
    }
    let answer = site.post(person, &path(experiment, "/answer"), &body).await;
    let mut value: Value = answer.json();
    value["http"] = answer.status_code().as_u16().into();
    value
}

async fn register(site: &Site, person: &Person, experiment: &Value) -> Value {
    let answer = site
        .post(person, &path(experiment, "/register"), &json!({}))
        .await;
    answer.assert_status(StatusCode::OK);
    answer.json()
}

/// Changes a proposal as its form does.
async fn change(site: &Site, experiment: &Value, column: &str, to: &str) {
    let sql = format!("update experiment set {column} = $2 where id = $1");
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(experiment["id"].as_i64())
        .bind(to)
        .execute(&site.pool)
        .await
        .expect("changes");
}

async fn findings(pool: &PgPool) -> u64 {
    let options = verify::Options {
        noted: Vec::new(),
        readers: 1,
    };
    let summary = verify::verify(pool, &options, |told| eprintln!("{told:?}")).await;
    summary.expect("it can be checked").findings
}

async fn unanswered(site: &Site) -> Vec<Value> {
    let page: Value = site.get("/api/v1/people/ada/unanswered").await.json();
    let items = page["items"].as_array().expect("items").iter();
    items.map(|item| item["id"].clone()).collect()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_accepted_test_is_marked_for_good_and_on_record(pool: PgPool) {
    let (site, [ada, bob, mona]) = board(pool).await;
    let proposal = propose(&site, &bob, json!({})).await;
    let before = &proposal["acceptance"];
    assert_eq!(
        (
            &before["status"],
            &before["claim_author"],
            &before["answer"]
        ),
        (&json!("unilateral"), &json!("ada"), &Value::Null)
    );
    assert_eq!(unanswered(&site).await, [proposal["id"].clone()]);

    // Nobody else answers for her, and a decline says why.
    for other in [&bob, &mona] {
        let refused = answer(&site, other, &proposal, json!({ "accepts": true })).await;
        assert_eq!(refused["http"], 403, "{refused}");
    }
    let refused = answer(&site, &ada, &proposal, json!({ "accepts": false })).await;
    assert_eq!(refused["http"], 422);
    assert_eq!(pointers(&refused), ["/words"]);

    let words = json!({ "accepts": true, "words": "A *fair* test." });
    let accepted = answer(&site, &ada, &proposal, words.clone()).await;
    assert_eq!(accepted["acceptance"]["status"], "accepted", "{accepted}");
    let again = answer(&site, &ada, &proposal, words).await;
    assert_eq!(again["acceptance"], accepted["acceptance"]);
    assert_eq!(unanswered(&site).await, Vec::<Value>::new());

    let registered = register(&site, &bob, &proposal).await;
    let acceptance = &registered["acceptance"];
    assert_eq!(acceptance["status"], "accepted");
    assert_eq!(acceptance["answer"]["by"], "ada");
    assert_eq!(acceptance["answer"]["words"], "A *fair* test.");
    assert_eq!(
        acceptance["answer"]["proposal_sha256"], acceptance["proposal_sha256"],
        "whoever has the experiment can compute what was accepted"
    );
    // After that no answer is taken: the seeds are drawn.
    let late = answer(
        &site,
        &ada,
        &registered,
        json!({ "accepts": false, "words": "I changed my mind." }),
    )
    .await;
    assert_eq!(late["http"], 409, "{late}");
    assert_eq!(shown(&site, &proposal).await["acceptance"], *acceptance);

    let record: Value = site
        .get(&format!("/api/v1/record?experiment={}", proposal["id"]))
        .await
        .json();
    let bodies: Vec<&Value> = record["items"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|entry| &entry["body"])
        .collect();
    assert_eq!(bodies[0]["act"], "test_accepted");
    assert_eq!(bodies[0]["by"]["name"], "ada");
    assert_eq!(bodies.len(), 2, "the same answer is told once");
    assert_eq!(bodies[1]["acceptance"]["status"], "accepted");
    assert_eq!(
        bodies[1]["acceptance"]["answer"]["proposal_sha256"],
        acceptance["proposal_sha256"]
    );
    let statement: Value = site
        .get(&format!(
            "/experiments/{}/registration.intoto.json",
            proposal["id"]
        ))
        .await
        .json();
    assert_eq!(
        statement["predicate"]["acceptance"]["status"], "accepted",
        "{statement}"
    );
    assert_eq!(findings(&site.pool).await, 0);
}

/// Whatever changes in a proposal is another one: the answer lapses and stays lapsed, and one to what was read before is refused.
#[sqlx::test(migrator = "MIGRATOR")]
async fn an_answer_holds_for_exactly_what_was_read(pool: PgPool) {
    let (site, [ada, bob, _]) = board(pool).await;
    for (column, typed) in [
        ("title", "Another title"),
        ("prediction", "Something else."),
        ("rationale", "Since it is so."),
    ] {
        let proposal = propose(&site, &bob, json!({ "title": column })).await;
        let accepted = answer(&site, &ada, &proposal, json!({ "accepts": true })).await;
        assert_eq!(accepted["acceptance"]["status"], "accepted");
        let earlier = proposal[column].as_str().expect("text");
        change(&site, &proposal, column, typed).await;
        let lapsed = shown(&site, &proposal).await;
        assert_eq!(lapsed["acceptance"]["status"], "unilateral", "{column}");
        assert!(lapsed["acceptance"]["answer"]["lapsed_at"].is_string());
        assert_eq!(unanswered(&site).await[0], proposal["id"]);
        // What was read before is not what is there.
        let stale = answer(&site, &ada, &proposal, json!({ "accepts": true })).await;
        assert_eq!(stale["http"], 409, "{stale}");
        // Changed back, it is the author's turn all the same.
        change(&site, &proposal, column, earlier).await;
        let registered = register(&site, &bob, &proposal).await;
        assert_eq!(registered["acceptance"]["status"], "unilateral");
    }
    // A specification whose margin is changed between view and press.
    let proposal = propose(&site, &bob, json!({})).await;
    sqlx::query(
        "update experiment set spec = jsonb_set(spec, '{criterion,margin}', '0.2') where id = $1",
    )
    .bind(proposal["id"].as_i64())
    .execute(&site.pool)
    .await
    .expect("changes");
    let stale = answer(&site, &ada, &proposal, json!({ "accepts": true })).await;
    assert_eq!(stale["http"], 409, "{stale}");
    // Nor can an answer to one proposal be used for another.
    let other = propose(&site, &bob, json!({ "title": "Softer" })).await;
    let hash = proposal["acceptance"]["proposal_sha256"].clone();
    let body = json!({ "accepts": true, "proposal_sha256": hash });
    assert_eq!(answer(&site, &ada, &other, body).await["http"], 409);
    assert_eq!(findings(&site.pool).await, 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn who_declines_says_why_and_changes_nothing_else(pool: PgPool) {
    let (site, [ada, bob, _]) = board(pool).await;
    let proposal = propose(&site, &bob, json!({})).await;
    let why = "Not a test of my claim, because the network is too small.";
    let declined = answer(
        &site,
        &ada,
        &proposal,
        json!({ "accepts": false, "words": why }),
    )
    .await;
    assert_eq!(declined["acceptance"]["status"], "declined");
    // What was said can be changed until it is registered, and not without end: each answer is on record.
    for turn in 0..30 {
        let body = json!({ "accepts": turn % 2 == 0, "words": format!("{why} ({turn})") });
        let last = answer(&site, &ada, &proposal, body).await;
        assert_eq!(last["http"], if turn < 19 { 200 } else { 409 }, "{turn}");
    }
    let registered = register(&site, &bob, &proposal).await;
    assert_eq!(registered["acceptance"]["status"], "accepted");
    // It lies where it would lie without the answer.
    let without = propose(&site, &bob, json!({ "title": "Again", "register": true })).await;
    assert_eq!(without["acceptance"]["status"], "unilateral");
    assert_eq!(registered["outside"], without["outside"]);
}

/// Authors of claims with a second account, accounts that were shut out, authors that change: what counts is who is the claim's
/// author when it is registered; and exploratory experiments are no tests.
#[sqlx::test(migrator = "MIGRATOR")]
async fn only_the_present_author_of_the_claim_vouches_for_a_test(pool: PgPool) {
    let (site, [ada, bob, mona]) = board(pool).await;
    let own = propose(&site, &ada, json!({})).await;
    assert_eq!(own["acceptance"]["status"], "own");
    let refused = answer(&site, &ada, &own, json!({ "accepts": true })).await;
    assert_eq!(refused["http"], 409, "nobody accepts their own");
    assert_eq!(
        register(&site, &ada, &own).await["acceptance"]["status"],
        "own"
    );

    let exploratory = propose(&site, &bob, json!({ "title": "To look" })).await;
    answer(&site, &ada, &exploratory, json!({ "accepts": true })).await;
    let looked = site
        .post(
            &bob,
            &path(&exploratory, "/register"),
            &json!({ "exploratory": true }),
        )
        .await;
    assert_eq!(looked.json::<Value>()["acceptance"]["status"], Value::Null);

    // The author changes between the answer and the registration.
    let [changed, shut] = [
        propose(&site, &bob, json!({ "title": "Changed" })).await,
        propose(&site, &bob, json!({ "title": "Shut" })).await,
    ];
    for proposal in [&changed, &shut] {
        let accepted = answer(&site, &ada, proposal, json!({ "accepts": true })).await;
        assert_eq!(accepted["acceptance"]["status"], "accepted");
    }
    let claim = format!("/api/v1/claims/{}/author", site.claim("C2").await);
    for (author, reason, status) in [
        (json!("nobody-here"), "r", 422),
        (json!("the-board"), "r", 422),
        (json!("ada"), "r", 409),
        (json!("mona"), "", 422),
        (json!("mona"), "Ada sold it.", 200),
    ] {
        let body = json!({ "author": author, "reason": reason });
        let answer = site.post(&mona, &claim, &body).await;
        assert_eq!(answer.status_code().as_u16(), status, "{body}");
    }
    let registered = register(&site, &bob, &changed).await;
    assert_eq!(registered["acceptance"]["status"], "unilateral");
    assert_eq!(registered["acceptance"]["claim_author"], "mona");
    // What is registered keeps what was true then.
    assert_eq!(shown(&site, &own).await["acceptance"]["status"], "own");

    // And back, but the account is shut out meanwhile.
    let body = json!({ "author": "ada", "reason": "It was a mistake." });
    site.post(&mona, &claim, &body).await.assert_status_ok();
    sqlx::query("update account set disabled_at = now(), disabled_reason = 'r' where name = 'ada'")
        .execute(&site.pool)
        .await
        .expect("disables");
    let registered = register(&site, &bob, &shut).await;
    assert_eq!(registered["acceptance"]["status"], "unilateral");
    let mut tx = site.pool.begin().await.expect("a transaction");
    let late = propose(&site, &bob, json!({ "title": "Late" })).await;
    let id = ExperimentId(late["id"].as_i64().expect("an id"));
    let hash = late["acceptance"]["proposal_sha256"]
        .as_str()
        .expect("a hash");
    let forced = jobs::Answer {
        claim: ClaimId(site.claim("C2").await),
        accepts: true,
        words: None,
        proposal_sha256: hash,
    };
    let refused = jobs::answer(&mut tx, id, ada.id, forced).await;
    assert!(
        matches!(refused, Err(jobs::Error::Conflict(_))),
        "{refused:?}"
    );
}

/// A seeded claim without an author says so; one that a person put here has that person, whom no moderator replaces.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_claim_has_the_author_who_put_it_here(pool: PgPool) {
    let (site, [_, bob, mona]) = board(pool).await;
    let body = json!({
        "sentence": "It holds on short sequences.", "reason": "It is untried on long ones.",
        "narrower": { "length": { "most": 60 } },
    });
    let c2 = site.claim("C2").await;
    let made = site
        .post(&mona, &format!("/api/v1/claims/{c2}/revisions"), &body)
        .await;
    made.assert_status(StatusCode::CREATED);
    let revision: Value = made.json();
    assert_eq!(revision["author"], "mona");
    let path = format!("/api/v1/claims/{}/author", revision["id"]);
    let body = json!({ "author": "bob", "reason": "r" });
    let refused = site.post(&mona, &path, &body).await;
    refused.assert_status(StatusCode::CONFLICT);
    let theirs = propose(&site, &bob, json!({ "claim": revision["id"] })).await;
    assert_eq!(theirs["acceptance"]["claim_author"], "mona");
    let nobodys = propose(&site, &bob, json!({ "claim": site.claim("C1").await })).await;
    assert_eq!(nobodys["acceptance"]["claim_author"], Value::Null);
    let refused = answer(&site, &mona, &nobodys, json!({ "accepts": true })).await;
    assert_eq!(refused["http"], 403);
    let missing = site.get("/api/v1/people/nobody-here/unanswered").await;
    missing.assert_status_not_found();
    assert_eq!(findings(&site.pool).await, 0);
}
