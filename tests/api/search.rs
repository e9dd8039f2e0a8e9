//! Searches over REST, and what somebody who wants a claim to fall could do with them.

use crate::support::*;
use axum::http::StatusCode;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::spec::Plan;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgPool;

/// The ready search, on claim C3.
fn search() -> String {
    let ready = breakmywork::seed::TEMPLATES
        .iter()
        .find(|template| template.name == "where-it-fails")
        .expect("a template");
    ready.toml.to_owned()
}

/// Trains what waits; `wins` says of a plan whether the fixed mask wins its pair.
async fn where_it_wins(pool: &PgPool, wins: impl Fn(&Value, u32) -> bool) {
    let end = |plan: &Plan| {
        let setup = serde_json::to_value(&plan.setup).expect("plain");
        let fixed = setup["dropout"]["state"]["time"] == "fixed";
        let mut alike = setup.clone();
        alike["dropout"]["state"]["time"] = Value::Null;
        let won = fixed == wins(&alike, plan.seed);
        measured(plan, &[("test_mse", if won { 0.02 } else { 0.05 })])
    };
    train(pool, end).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_search_ends_with_an_experiment_that_its_author_may_register(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let begun = site.register(&ada, "C3", &search()).await;
    assert_eq!(
        begun["exploratory"], true,
        "by nature, whatever was asked for"
    );
    assert_eq!(begun["power"], Value::Null);
    let address = format!("/api/v1/experiments/{}", begun["id"]);
    let so_far: Value = site.get(&format!("{address}/search")).await.json();
    assert_eq!(
        (&so_far["course"]["over"], &so_far["proposed"]),
        (&json!(false), &Value::Null)
    );
    // It fails where sequences are long.
    where_it_wins(&site.pool, |setup, _| {
        setup["task"]["length"].as_u64() < Some(100)
    })
    .await;
    let ended: Value = site.get(&address).await.json();
    assert_eq!(
        (&ended["state"], &ended["verdict"], &ended["outcome"]),
        (&json!("concluded"), &Value::Null, &Value::Null)
    );
    assert!(
        ended["runs"]["total"].as_u64() <= Some(120),
        "{}",
        ended["runs"]
    );
    let told: Value = site.get(&format!("{address}/search")).await.json();
    let found = &told["course"]["counterexample"];
    assert_eq!(found["settings"], json!({ "task.length": 100 }), "{told}");
    let runs: Value = site.get(&format!("{address}/runs?limit=200")).await.json();
    assert!(
        runs["items"]
            .as_array()
            .expect("runs")
            .iter()
            .all(|run| run["trial"].is_number())
    );
    // What it proposes is ada's to register, with seeds that are drawn then.
    let proposed = format!("/api/v1/experiments/{}", told["proposed"]);
    let before: Value = site.get(&proposed).await.json();
    assert_eq!(
        (&before["state"], &before["author"], &before["found_by"]),
        (&json!("proposed"), &json!("ada"), &begun["id"])
    );
    assert_eq!(
        (&before["seeds"], &before["spec"]["task"]["length"]),
        (&Value::Null, &json!(100))
    );
    let answer = site
        .post(&ada, &format!("{proposed}/register"), &json!({}))
        .await;
    assert_eq!(answer.status_code(), StatusCode::OK, "{}", answer.text());
    let registration: Value = answer.json();
    assert_eq!(
        (&registration["outside"], &registration["exploratory"]),
        (&json!([]), &json!(false))
    );
    where_it_wins(&site.pool, |setup, _| {
        setup["task"]["length"].as_u64() < Some(100)
    })
    .await;
    let after: Value = site.get(&proposed).await.json();
    assert_eq!(after["outcome"], "falsified");
    // It challenges the claim like any other, and the claim falls by the confirmation alone.
    let claim: Value = site
        .get(&format!("/api/v1/claims/{}", site.claim("C3").await))
        .await
        .json();
    assert_eq!(claim["standing"], "falsified");
    assert!(after["confirmed_by"].is_number());
    let record: Value = site
        .get(&format!("/api/v1/record?experiment={}", told["proposed"]))
        .await
        .json();
    assert_eq!(
        record["items"][0]["body"]["found_by"], begun["id"],
        "{record}"
    );
}

/// Of a claim that is true, each pair is lost by luck one time in four. Whoever searches often enough finds points at which
/// all pairs were lost; on fresh seeds they are what they were before, and the claim stands.
#[sqlx::test(migrator = "MIGRATOR")]
async fn search_after_search_moves_nothing_until_an_experiment_repeats_it(pool: PgPool) {
    let site = Site::new(pool).await;
    let accounts = [
        site.person("eve", "member").await,
        site.person("mallory", "member").await,
        site.person("trudy", "member").await,
    ];
    let luck = |setup: &Value, seed: u32| Sha256::digest(format!("{setup}{seed}"))[0] >= 64;
    let claim = format!("/api/v1/claims/{}", site.claim("C3").await);
    let before: Value = site.get(&claim).await.json();
    let mut found = Vec::new();
    // Each search finds one in about half of the cases, so nobody waits long for three.
    for (number, who) in accounts.iter().cycle().take(30).enumerate() {
        if found.len() >= 3 {
            break;
        }
        let spec = search().replace("title = \"Where", &format!("title = \"{number}: Where"));
        let begun = site.register(who, "C3", &spec).await;
        where_it_wins(&site.pool, luck).await;
        let told: Value = site
            .get(&format!("/api/v1/experiments/{}/search", begun["id"]))
            .await
            .json();
        found.extend(told["proposed"].as_i64().map(|proposed| (who, proposed)));
        let after: Value = site.get(&claim).await.json();
        for field in ["standing", "severity", "challenged_by", "falsified_by"] {
            assert_eq!(after[field], before[field], "{field}");
        }
    }
    assert!(
        found.len() >= 3,
        "{}: luck finds counterexamples",
        found.len()
    );
    let noise: i64 = sqlx::query_scalar("select count(*) from noise")
        .fetch_one(&site.pool)
        .await
        .expect("asks");
    assert_eq!(
        noise, 0,
        "what searches saw says nothing of anybody's power"
    );
    for (who, proposed) in found {
        let address = format!("/api/v1/experiments/{proposed}/register");
        let answer = site.post(who, &address, &json!({})).await;
        assert_eq!(answer.status_code(), StatusCode::OK, "{}", answer.text());
        where_it_wins(&site.pool, luck).await;
    }
    let after: Value = site.get(&claim).await.json();
    assert_ne!(after["standing"], "falsified", "{after}");
    assert_eq!(after["falsified_by"], Value::Null);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_could_not_speak_against_the_claim_is_not_searched_for(pool: PgPool) {
    let site = Site::new(pool).await;
    let eve = site.person("eve", "member").await;
    let good = search();
    let fresh = "rate = 0.25, time = \"per_step\"";
    for (claim, spec, pointer) in [
        // Shorter than the claim speaks about, in one value.
        (
            "C3",
            good.replace("values = [50, 75, 100]", "values = [20, 75, 100]"),
            "/spec/search/space/1/values/0",
        ),
        // Rates that the claim's treatment may not have.
        (
            "C3",
            good.replace("0.5, 0.7]", "0.5, 0.9]"),
            "/spec/search/space/0/values/4",
        ),
        // Another effect than the claim's.
        (
            "C3",
            good.replace("margin = 0.1 ", "margin = 0.5 "),
            "/spec/criterion",
        ),
        // A task that the claim does not speak about; a claim that does not say which arms it compares.
        ("C2", good.clone(), "/spec/criterion"),
        ("C5", good.clone(), "/spec/criterion"),
        // Arms that train the same.
        (
            "C3",
            good.replace(fresh, "rate = 0.25, time = \"fixed\""),
            "/spec/criterion/control",
        ),
        // Seeds that somebody chose, or a budget without room.
        (
            "C3",
            good.replace("seeds = 4 ", "seeds = [1, 2, 3, 4] "),
            "/spec/seeds",
        ),
        (
            "C3",
            good.replace("budget = 120 ", "budget = 20 "),
            "/spec/search/budget",
        ),
        // Days of a worker, at the dearest point.
        (
            "C3",
            good.replace("values = [8, 16, 32]", "values = [8, 16, 1500]")
                .replace("steps = 500", "steps = 5000"),
            "/spec/training/steps",
        ),
    ] {
        assert!(
            spec != good || claim != "C3",
            "{pointer}: nothing was changed"
        );
        for exploratory in [false, true] {
            let body = json!({
                "claim": site.claim(claim).await, "spec": spec, "register": true, "exploratory": exploratory
            });
            let answer = site.post(&eve, "/api/v1/experiments", &body).await;
            assert_eq!(
                answer.status_code(),
                StatusCode::UNPROCESSABLE_ENTITY,
                "{pointer}: {}",
                answer.text()
            );
            let found = pointers(&answer.json());
            assert!(
                found.iter().any(|it| it == pointer),
                "{pointer} is not among {found:?}"
            );
        }
    }
    let nothing: i64 =
        sqlx::query_scalar("select count(*) from experiment where registered_at is not null")
            .fetch_one(&site.pool)
            .await
            .expect("asks");
    assert_eq!(nothing, 0);
}

/// A search is one experiment of its author's, however many runs it has, and no more than others may be open.
#[sqlx::test(migrator = "MIGRATOR")]
async fn searches_count_towards_the_quota_and_take_no_forecast(pool: PgPool) {
    let site = Site::new(pool).await;
    let [eve, bob] = [
        site.person("eve", "member").await,
        site.person("bob", "member").await,
    ];
    let claim = site.claim("C3").await;
    let mut last = Value::Null;
    for number in 0..20 {
        let spec = search().replace("title = \"Where", &format!("title = \"{number}: Where"));
        last = site.register(&eve, "C3", &spec).await;
    }
    let body = json!({ "claim": claim, "spec": search(), "register": true });
    let answer = site.post(&eve, "/api/v1/experiments", &body).await;
    answer.assert_status(StatusCode::TOO_MANY_REQUESTS);
    let registered = format!("/api/v1/experiments/{}", last["id"]);
    let body = json!({ "claim": claim, "spec": search() });
    let proposed: Value = site.post(&bob, "/api/v1/experiments", &body).await.json();
    let proposed = format!("/api/v1/experiments/{}", proposed["id"]);
    for address in [registered, proposed.clone()] {
        let answer = site
            .post(
                &bob,
                &format!("{address}/forecast"),
                &json!({ "percent": 70 }),
            )
            .await;
        answer.assert_status(StatusCode::CONFLICT);
    }
    // What is not registered has no course, and neither has what is no search.
    let plain = site.registered(&bob).await;
    for address in [proposed, format!("/api/v1/experiments/{}", plain["id"])] {
        let told: Value = site.get(&format!("{address}/search")).await.json();
        assert_eq!(told, json!({ "course": null, "proposed": null }));
    }
    site.get("/api/v1/experiments/999/search")
        .await
        .assert_status(StatusCode::NOT_FOUND);
}
