//! Volunteers over REST: admitted, refused, ended, and three of them with an hour.

use crate::support::{Person, Site, measured, pointers};
use axum::http::StatusCode;
use breakmywork::auth::token::Scope;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::jobs::{self, Ending, Timing};
use breakmywork_protocol::record::verify::{Options, Told, verify};
use breakmywork_protocol::spec::Plan;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::collections::BTreeMap;
use uuid::Uuid;

fn fresh() -> String {
    format!("/api/v1/worker/{}", Uuid::new_v4())
}

async fn register(site: &Site, person: &Person) -> (StatusCode, String) {
    let worker = fresh();
    let registration = json!({"host": "home", "device": "cpu", "version": "0", "slots": 1});
    let answer = site.put(person, &worker, &registration).await;
    (answer.status_code(), worker)
}

async fn admit(site: &Site, root: &Person, name: &str) {
    let path = format!("/api/v1/people/{name}/volunteer");
    site.post(root, &path, &json!({})).await.assert_status_ok();
}

async fn take(site: &Site, person: &Person, worker: &str) -> Value {
    let answer = site
        .post(person, &format!("{worker}/take"), &json!({}))
        .await;
    answer.assert_status_ok();
    answer.json::<Value>()["lease"].clone()
}

/// Reports as the end of a lease that its plan came to that, on a processor.
async fn end(site: &Site, person: &Person, worker: &str, lease: &Value, value: f64) -> StatusCode {
    let body = json!({"epoch": lease["epoch"], "what": {"end": came_to(&plan_of(lease), value)}});
    let reports = format!("{worker}/runs/{}/reports", lease["run"]);
    site.post(person, &reports, &body).await.status_code()
}

fn plan_of(lease: &Value) -> Plan {
    serde_json::from_value(lease["plan"].clone()).expect("a plan")
}

fn came_to(plan: &Plan, value: f64) -> Ending {
    let mut ending = measured(plan, &[("test_mse", value), ("valid_mse", value)]);
    if let Ending::Succeeded(result) = &mut ending {
        result.provenance.arithmetic = Some("AVX2".into());
    }
    ending
}

async fn agreed(site: &Site) -> u64 {
    let options = Options {
        noted: Vec::new(),
        readers: 1,
    };
    let summary = verify(&site.pool, &options, |told| {
        if let Told::Finding(finding) = told {
            panic!("{finding:?}");
        }
    });
    summary.await.expect("verifies").recomputed
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_token_is_a_volunteers_worker_while_an_admin_says_so(pool: PgPool) {
    let site = Site::new(pool).await;
    let root = site.person("root", "admin").await;
    let ada = site.person("ada", "member").await;
    let bob = site.person("bob", "member").await;
    let scout = site.agent(&bob, "scout-agent").await;
    site.registered(&ada).await;
    let (path, wanted) = (
        "/api/v1/people/bob/volunteer",
        json!({"label": "w", "scopes": ["read", "work"]}),
    );
    for person in [&ada, &bob] {
        let refused = site.post(person, path, &json!({})).await;
        refused.assert_status(StatusCode::FORBIDDEN);
        assert_eq!(register(&site, person).await.0, StatusCode::FORBIDDEN);
        let refused = site.post(person, "/api/v1/tokens", &wanted).await;
        refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(pointers(&refused.json()), ["/scopes"]);
    }
    for nobody in ["root", "scout-agent"] {
        let path = format!("/api/v1/people/{nobody}/volunteer");
        let refused = site.post(&root, &path, &json!({})).await;
        refused.assert_status(StatusCode::CONFLICT);
    }
    let admitted: Value = site.post(&root, path, &json!({})).await.json();
    assert!(admitted["volunteer_since"].is_string(), "{admitted}");
    let twice = site.post(&root, path, &json!({})).await;
    twice.assert_status(StatusCode::CONFLICT);
    let shown: Value = site.get("/api/v1/people/bob").await.json();
    assert!(shown["volunteer_since"].is_string(), "{shown}");

    // Theirs alone: not the agent's.
    site.post(&bob, "/api/v1/tokens", &wanted)
        .await
        .assert_status(StatusCode::CREATED);
    let agents = "/api/v1/agents/scout-agent/tokens";
    site.post(&bob, agents, &wanted)
        .await
        .assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(register(&site, &scout).await.0, StatusCode::FORBIDDEN);

    let machine = site.limited(&bob, &[Scope::Read, Scope::Work]).await;
    let (status, worker) = register(&site, &machine).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let lease = take(&site, &machine, &worker).await;
    let run = &lease["run"];
    let unknown = json!({"epoch": lease["epoch"], "what": {"end": measured(
        &plan_of(&lease), &[("<b>", 0.1)])}});
    let reports = format!("{worker}/runs/{run}/reports");
    let refused = site.post(&machine, &reports, &unknown).await;
    refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(end(&site, &machine, &worker, &lease, 0.4375).await, 200);
    // Nobody else is told what came out, or how the run stands.
    let shown = site.get(&format!("/api/v1/runs/{run}")).await;
    let told: Value = shown.json();
    assert_eq!(
        (&told["state"], &told["trust"], &told["result"]),
        (&json!("queued"), &Value::Null, &Value::Null)
    );
    let workers: Value = site.get("/api/v1/workers").await.json();
    assert_eq!(workers["items"][0]["volunteer"], "bob");
    assert!(!shown.text().contains("0.4375"), "{}", shown.text());
    // Forecasts come before anybody saw a number.
    let path_of = format!("/api/v1/experiments/{}/forecast", told["experiment"]);
    let late = site.post(&ada, &path_of, &json!({"percent": 50})).await;
    late.assert_status(StatusCode::CONFLICT);

    let lease = take(&site, &machine, &worker).await;
    let why = json!({"reason": "The machine was sold."});
    let ended = site.post(&root, &format!("{path}/end"), &why).await;
    assert_eq!(ended.json::<Value>()["volunteer_since"], Value::Null);
    assert_eq!(
        end(&site, &machine, &worker, &lease, 0.1).await,
        StatusCode::FORBIDDEN
    );
    let nobody = site.post(&root, &format!("{path}/end"), &why).await;
    nobody.assert_status(StatusCode::CONFLICT);
    admit(&site, &root, "bob").await;
    assert_eq!(end(&site, &machine, &worker, &lease, 0.1).await, 200);
    let record = site.get("/api/v1/record?limit=200").await.text();
    assert!(record.contains("volunteer_admitted") && record.contains("The machine was sold."));

    // Whoever becomes an admin is another kind of worker, and is not believed as the one that registered.
    let promoted = "update account set role = 'admin' where name = 'bob'";
    sqlx::query(promoted)
        .execute(&site.pool)
        .await
        .expect("sets");
    let stale = site
        .post(&machine, &format!("{worker}/take"), &json!({}))
        .await;
    stale.assert_status(StatusCode::CONFLICT);
}

/// What a run really comes to.
fn honest(plan: &Plan) -> f64 {
    let arm = if plan.arm.contains("fixed") {
        0.01
    } else {
        0.1
    };
    arm + f64::from(plan.seed % 8) * 1e-3
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_page_says_which_runs_volunteers_trained(pool: PgPool) {
    let site = Site::new(pool).await;
    let root = site.person("root", "admin").await;
    let ada = site.person("ada", "member").await;
    let id = site.registered(&ada).await["id"].clone();
    sqlx::query("update queue_control set audit_percent = 0")
        .execute(&site.pool)
        .await
        .expect("sets");
    let own = crate::support::a_worker(&site.pool).await;
    let lease = jobs::take(&site.pool, own, Timing::default()).await;
    let lease = lease.expect("asks").expect("a run");
    let plan = lease.plan.as_ref().expect("a plan");
    let ending = came_to(plan, honest(plan));
    jobs::finish(&site.pool, &lease, ending, Timing::default())
        .await
        .expect("ends");
    let page = async || site.get(&format!("/experiments/{id}")).await.text();
    assert!(!page().await.contains("trained by volunteers"));
    let mut machines = Vec::new();
    for name in ["bob", "cyd"] {
        let person = site.person(name, "member").await;
        admit(&site, &root, name).await;
        let machine = site.limited(&person, &[Scope::Read, Scope::Work]).await;
        let worker = register(&site, &machine).await.1;
        machines.push((machine, worker));
    }
    loop {
        let mut took = false;
        for (machine, worker) in &machines {
            let lease = take(&site, machine, worker).await;
            if lease.is_object() {
                let value = honest(&plan_of(&lease));
                assert_eq!(end(&site, machine, worker, &lease, value).await, 200);
                took = true;
            }
        }
        if !took {
            break;
        }
    }
    let page = page().await;
    for words in [
        "15 of them were trained by volunteers",
        "15 runs of this page were confirmed by a second host, the others trained by",
    ] {
        assert!(page.contains(words), "{words}");
    }
}

/// Three accounts that agree beforehand on what comes out, and a fourth that proposes what they train.
#[sqlx::test(migrator = "MIGRATOR")]
async fn three_who_agree_on_false_numbers_move_no_verdict(pool: PgPool) {
    let site = Site::new(pool).await;
    let root = site.person("root", "admin").await;
    let mut gang = Vec::new();
    for name in ["eve", "mal", "moe"] {
        let person = site.person(name, "member").await;
        admit(&site, &root, name).await;
        let machine = site.limited(&person, &[Scope::Read, Scope::Work]).await;
        let worker = register(&site, &machine).await.1;
        gang.push((machine, worker));
    }
    let fay = site.person("fay", "member").await;
    let experiment = site.registered(&fay).await["id"].clone();
    sqlx::query("update queue_control set audit_percent = 50")
        .execute(&site.pool)
        .await
        .expect("sets");
    // The hour: each takes all it gets, and all say the same lie.
    let mut lies = 0;
    loop {
        let before = lies;
        for (machine, worker) in &gang {
            let lease = take(&site, machine, worker).await;
            if lease.is_object() {
                assert_eq!(end(&site, machine, worker, &lease, 0.25).await, 200);
                lies += 1;
            }
        }
        if lies == before {
            break;
        }
    }
    let states = async || -> BTreeMap<String, i64> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("select state || ' ' || trust, count(*) from run group by 1 order by 1")
                .fetch_all(&site.pool)
                .await
                .expect("counts");
        rows.into_iter().collect()
    };
    let confirmed = states().await["succeeded confirmed"];
    // Whichever were drawn, the board's own worker finds out with the first.
    let own = crate::support::a_worker(&site.pool).await;
    while let Some(lease) = jobs::take(&site.pool, own, Timing::default())
        .await
        .expect("asks")
    {
        let plan = lease.plan.as_ref().expect("a plan");
        let ending = came_to(plan, honest(plan));
        jobs::finish(&site.pool, &lease, ending, Timing::default())
            .await
            .expect("ends");
    }
    let after = states().await;
    assert_eq!(after["succeeded confirmed"], confirmed, "final states stay");
    let false_ones: i64 = sqlx::query_scalar(
        "select count(*) from run where result #>> '{metrics,test_mse}' = '0.25' and id not in (
             select retry_of from run where retry_of is not null)",
    )
    .fetch_one(&site.pool)
    .await
    .expect("counts");
    assert_eq!(false_ones, 0, "of {lies} lies");
    let told: Value = site
        .get(&format!("/api/v1/experiments/{experiment}"))
        .await
        .json();
    assert_eq!(told["verdict"]["outcome"], "supported", "{told}");
    assert_eq!(agreed(&site).await, 1);
    for (machine, worker) in &gang {
        assert_eq!(take(&site, machine, worker).await, Value::Null);
    }
    // Whoever had said nothing false is admitted still; those who had are named to admins.
    let stopped: Vec<String> = sqlx::query_scalar(
        "select name from volunteer join account on id = account_id where contradicted_at is not null
           and exists (select from volunteered k where k.account_id = id and k.word = 'different')",
    )
    .fetch_all(&site.pool)
    .await
    .expect("names");
    assert!(stopped.len() >= 2, "{stopped:?}");
    let people: Value = site.get_as(&root, "/api/v1/people").await.json();
    let items = people["items"].as_array().expect("people").clone();
    let named = items
        .iter()
        .filter(|one| one["contradicted_run"].is_number());
    assert_eq!(named.count(), stopped.len());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_volunteers_machines_are_held_to_limits(pool: PgPool) {
    let site = Site::new(pool).await;
    let root = site.person("root", "admin").await;
    let bob = site.person("bob", "member").await;
    admit(&site, &root, "bob").await;
    for _ in 0..60 {
        assert_eq!(register(&site, &bob).await.0, StatusCode::NO_CONTENT);
    }
    assert_eq!(register(&site, &bob).await.0, StatusCode::TOO_MANY_REQUESTS);
    // What they say of themselves is in no estimate, and stands behind the board's own.
    crate::support::a_worker(&site.pool).await;
    let listed: i64 = sqlx::query_scalar("select count(*) from live_worker")
        .fetch_one(&site.pool)
        .await
        .expect("counts");
    assert_eq!(listed, 1);
    let asked = site.get_as(&bob, "/api/v1/worker").await;
    assert!(
        asked.headers().contains_key("ratelimit"),
        "counted like anybody's"
    );
    let own = site.get_as(&root, "/api/v1/worker").await;
    assert!(!own.headers().contains_key("ratelimit"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_a_volunteer_hands_back_goes_to_others_in_the_end(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let root = site.person("root", "admin").await;
    let bob = site.person("bob", "member").await;
    let cyd = site.person("cyd", "member").await;
    for name in ["bob", "cyd"] {
        admit(&site, &root, name).await;
    }
    site.registered(&ada).await;
    let (_, worker) = register(&site, &bob).await;
    let mut taken = Vec::new();
    loop {
        let lease = take(&site, &bob, &worker).await;
        let Some(run) = lease["run"].as_i64() else {
            break;
        };
        taken.push(run);
        assert!(taken.len() < 100, "{taken:?}");
        let beat = json!({"epoch": lease["epoch"], "what": {"end": "preempted"}});
        let reports = format!("{worker}/runs/{run}/reports");
        site.post(&bob, &reports, &beat).await.assert_status_ok();
    }
    let most = taken
        .iter()
        .map(|run| taken.iter().filter(|one| *one == run).count());
    assert_eq!(most.max(), Some(3), "{taken:?}");
    let (_, others) = register(&site, &cyd).await;
    assert!(take(&site, &cyd, &others).await["run"].is_number());
}
