//! Reports of runs that were trained again, by members who tell the truth and by those who lie.

use crate::support::*;
use axum::http::StatusCode;
use breakmywork::auth::token::Scope;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::jobs::{Ending, FailureKind};
use breakmywork_protocol::spec::{MaskTime, Plan};
use serde_json::{Value, json};
use sqlx::PgPool;

/// A machine that computes in a way that no run of these tests was computed in.
fn machine(arithmetic: &str) -> Value {
    let device = if arithmetic.starts_with("AVX") || arithmetic == "scalar" {
        "cpu"
    } else {
        "cuda"
    };
    json!({
        "device": device, "arithmetic": arithmetic, "device_name": "A processor", "threads": 1,
        "worker_version": "0.1.0", "code_version": "unknown",
    })
}

/// What a run came to: the prediction holds, and no two are the same.
fn error_of(plan: &Plan) -> f64 {
    let state = plan.setup.dropout.state.as_ref();
    let fixed = state.is_some_and(|site| site.time == MaskTime::Fixed);
    let typical = if fixed { 0.02 } else { 0.08 };
    typical + f64::from(plan.seed % 1000) * 1e-5
}

/// An experiment that has ended, and what its runs came to as a report has it, with every number `times` as large.
struct Ended {
    path: String,
    runs: Vec<Value>,
}

impl Ended {
    async fn new(site: &Site, author: &Person) -> Self {
        site.widen().await;
        let made = site.registered(author).await;
        train(&site.pool, |plan| {
            measured(plan, &[("test_mse", error_of(plan))])
        })
        .await;
        let path = format!("/api/v1/experiments/{}", made["id"]);
        let runs: Value = site.get(&format!("{path}/runs")).await.json();
        let runs = runs["items"].as_array().expect("runs");
        let again = |run: &Value| json!({"run": run["id"], "seed": run["seed"], "metrics": run["result"]["metrics"]});
        Self {
            path,
            runs: runs.iter().map(again).collect(),
        }
    }

    fn address(&self) -> String {
        format!("{}/reproductions", self.path)
    }

    /// A report of the first two runs, whose errors are so many times the board's.
    fn report(&self, arithmetic: &str, times: f64) -> Value {
        let mut runs = self.runs[..2].to_vec();
        for run in &mut runs {
            let error = run["metrics"]["test_mse"].as_f64().expect("a number");
            run["metrics"]["test_mse"] = json!(error * times);
        }
        json!({"machine": machine(arithmetic), "runs": runs})
    }

    async fn page(&self, site: &Site) -> String {
        let page = site.get(&self.path.replace("/api/v1", "")).await.text();
        let part = page.split("id=\"reproduced\"").nth(1).expect("the part");
        part.split("</section>").next().expect("its end").to_owned()
    }
}

async fn posted(site: &Site, person: &Person, ended: &Ended, report: &Value) -> Value {
    let answer = site.post(person, &ended.address(), report).await;
    assert_eq!(answer.status_code(), 201, "{}", answer.text());
    answer.json()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_board_finds_the_word_itself_and_counts_people_by_hardware(pool: PgPool) {
    let site = Site::new(pool).await;
    let [ada, bob, eve] = [
        site.person("ada", "member").await,
        site.person("bob", "member").await,
        site.person("eve", "member").await,
    ];
    let ended = Ended::new(&site, &ada).await;
    let before: Value = site.get(&ended.path).await.json();
    assert!(ended.page(&site).await.contains("Nobody has reported yet"));
    let runs: Value = site.get(&format!("{}/runs", ended.path)).await.json();
    assert_eq!(runs["items"][0]["trust"], "board");

    for (person, arithmetic, times, word) in [
        (&bob, "AVX-512", 1.0, "identical"),
        (&bob, "AVX2", 1.0001, "within_tolerance"),
        (&eve, "tf32", 1.05, "different"),
        // The author's own is shown, and not counted.
        (&ada, "AVX2", 1.0, "identical"),
    ] {
        let made = posted(&site, person, &ended, &ended.report(arithmetic, times)).await;
        assert_eq!(made["word"], word, "{made}");
        assert_eq!(made["trust"], "self_reported");
        assert_eq!(
            (&made["runs"], &made["compared"][1]["word"]),
            (&json!(2), &json!(word))
        );
        let alone: Value = site
            .get(&format!("/api/v1/reproductions/{}", made["id"]))
            .await
            .json();
        assert_eq!(alone, made);
    }
    let page = ended.page(&site).await;
    let sentence = "Trained again by 2 people: 1 identical on CPU AVX-512, 1 within tolerance on CPU AVX2, 1 different on CUDA tf32.";
    assert!(page.contains(sentence), "{page}");
    assert!(page.contains("(its author, not counted)"), "{page}");

    // The same hardware again takes the place of what was there.
    posted(&site, &eve, &ended, &ended.report("tf32", 1.0)).await;
    let list: Value = site
        .get(&format!("{}?limit=3", ended.address()))
        .await
        .json();
    let words: Vec<&Value> = list["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|one| &one["by"])
        .collect();
    assert_eq!(words, ["eve", "ada", "bob"]);
    let next = list["next"].as_str().expect("one more");
    let rest = site
        .get(&format!("{}?limit=3&cursor={next}", ended.address()))
        .await;
    let rest: Value = rest.json();
    assert_eq!(
        (rest["items"][0]["by"].as_str(), &rest["next"]),
        (Some("bob"), &Value::Null)
    );

    // An agent is the person it acts for: that of the author is not counted, that of bob is no third person.
    let (scout, helper) = (
        site.agent(&ada, "scout-agent").await,
        site.agent(&bob, "helper-agent").await,
    );
    posted(&site, &scout, &ended, &ended.report("scalar", 1.0)).await;
    posted(&site, &helper, &ended, &ended.report("bf16", 1.05)).await;
    let page = ended.page(&site).await;
    let sentence = "Trained again by 2 people: 1 identical on CPU AVX-512, 1 identical on CUDA tf32, 1 within tolerance on CPU AVX2, 1 different on CUDA bf16.";
    assert!(page.contains(sentence), "{page}");

    // It moves nothing.
    let after: Value = site.get(&ended.path).await.json();
    assert_eq!(after, before);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_lies_or_does_not_fit_is_refused_by_its_field(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let eve = site.person("eve", "member").await;
    let other = Ended::new(&site, &ada).await;
    sqlx::query("update experiment set created_at = created_at - interval '1 hour'")
        .execute(&site.pool)
        .await
        .expect("no form that was sent twice");
    let ended = Ended::new(&site, &ada).await;
    assert_ne!(other.path, ended.path);
    let good = ended.report("AVX2", 1.0);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut report = good.clone();
        change(&mut report);
        report
    };
    let own = |report: &mut Value| report["runs"][0] = other.runs[0].clone();
    for (report, pointer) in [
        (with(&own), "/runs/0/run"),
        (with(&|r| r["runs"][0]["seed"] = json!(1)), "/runs/0/seed"),
        (with(&|r| r["runs"][0]["run"] = json!(-1)), "/runs/0/run"),
        (
            with(&|r| r["runs"][1] = r["runs"][0].clone()),
            "/runs/1/run",
        ),
        (with(&|r| r["runs"] = json!([])), "/runs"),
        (
            with(&|r| r["runs"][0]["metrics"] = json!({})),
            "/runs/0/metrics/test_mse",
        ),
        (
            with(&|r| r["runs"][0]["metrics"]["x/y"] = json!(1)),
            "/runs/0/metrics/x~1y",
        ),
        (
            with(&|r| r["runs"][0]["metrics"]["test_mse"] = json!("NaN")),
            "/runs/0/metrics/test_mse",
        ),
        (
            with(&|r| r["runs"][0]["metrics"]["test_mse"] = Value::Null),
            "/runs/0/metrics/test_mse",
        ),
        (with(&|r| r["word"] = json!("identical")), "/word"),
        (
            with(&|r| r["runs"][0]["word"] = json!("identical")),
            "/runs/0/word",
        ),
        (
            with(&|r| r["machine"]["device"] = json!("abacus")),
            "/machine/device",
        ),
        (
            with(&|r| r["machine"]["arithmetic"] = json!("bf16")),
            "/machine/arithmetic",
        ),
        (
            with(&|r| r["machine"]["threads"] = json!(0)),
            "/machine/threads",
        ),
        (
            with(&|r| r["machine"]["device_name"] = json!("a\u{0}b")),
            "/machine/device_name",
        ),
        (
            with(&|r| r["machine"]["worker_version"] = json!("x".repeat(61))),
            "/machine/worker_version",
        ),
    ] {
        let answer = site.post(&eve, &ended.address(), &report).await;
        assert_eq!(answer.status_code(), 422, "{pointer}: {}", answer.text());
        assert_eq!(pointers(&answer.json())[0], pointer);
    }
    // Numbers that JSON has not, and that no machine has.
    for number in ["NaN", "1e400", "-Infinity"] {
        let text =
            good.to_string()
                .replacen("\"test_mse\":", &format!("\"test_mse\":{number},\"x\":"), 1);
        let answer = site
            .server
            .post(&ended.address())
            .authorization_bearer(&eve.token)
            .content_type("application/json")
            .bytes(text.into())
            .await;
        assert_eq!(answer.status_code(), 400, "{number}: {}", answer.text());
    }
    // Far too much is refused before it is read; a little too much by its field.
    let million = format!(
        "{{\"machine\":{},\"runs\":[{}0]}}",
        machine("AVX2"),
        "0,".repeat(999_999)
    );
    let answer = site
        .server
        .post(&ended.address())
        .authorization_bearer(&eve.token)
        .content_type("application/json")
        .bytes(million.into())
        .await;
    answer.assert_status(StatusCode::PAYLOAD_TOO_LARGE);
    let many = with(&|r| r["runs"] = json!(vec![ended.runs[0].clone(); 201]));
    let answer = site.post(&eve, &ended.address(), &many).await;
    assert_eq!(pointers(&answer.json()), ["/runs"]);
    let none: Value = site.get(&ended.address()).await.json();
    assert_eq!(none["items"], json!([]));

    // A token that only reads, and nobody.
    let reads = site.limited(&eve, &[Scope::Read]).await;
    site.post(&reads, &ended.address(), &good)
        .await
        .assert_status_forbidden();
    site.server
        .post(&ended.address())
        .json(&good)
        .await
        .assert_status_unauthorized();
    site.post(&eve, "/api/v1/experiments/99/reproductions", &good)
        .await
        .assert_status_not_found();
    // Every number the same but one that is another: the word is the board's.
    let made = posted(
        &site,
        &eve,
        &ended,
        &with(&|r| r["runs"][1]["metrics"]["test_mse"] = json!(1e300)),
    )
    .await;
    assert_eq!(
        (&made["word"], &made["compared"][0]["word"]),
        (&json!("different"), &json!("identical"))
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn only_who_reported_takes_it_back_and_disabled_accounts_do_not_count(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let bob = site.person("bob", "member").await;
    let mona = site.person("mona", "moderator").await;
    let ended = Ended::new(&site, &ada).await;
    let made = posted(&site, &bob, &ended, &ended.report("AVX2", 1.0)).await;
    let address = format!("/api/v1/reproductions/{}", made["id"]);
    for other in [&ada, &mona] {
        site.delete(other, &address).await.assert_status_forbidden();
    }
    // What bob's agent reported ends and comes back with him.
    let helper = site.agent(&bob, "helper-agent").await;
    let theirs = posted(&site, &helper, &ended, &ended.report("AVX-512", 1.0)).await;
    let by_agent = format!("/api/v1/reproductions/{}", theirs["id"]);
    sqlx::query("update account set disabled_at = now(), disabled_by = null, disabled_reason = 'x' where name = 'bob'")
        .execute(&site.pool)
        .await
        .expect("disables");
    assert!(ended.page(&site).await.contains("Nobody has reported yet"));
    for address in [&address, &by_agent] {
        site.get(address).await.assert_status_not_found();
    }
    sqlx::query("update account set disabled_at = null, disabled_by = null, disabled_reason = null where name = 'bob'")
        .execute(&site.pool)
        .await
        .expect("enables");
    assert!(
        ended
            .page(&site)
            .await
            .contains("Trained again by 1 person")
    );
    site.delete(&bob, &address)
        .await
        .assert_status(StatusCode::NO_CONTENT);
    site.get(&address).await.assert_status_not_found();
    site.delete(&bob, &address).await.assert_status_not_found();
    let kept: Value = sqlx::query_scalar("select numbers from reproduction order by id limit 1")
        .fetch_one(&site.pool)
        .await
        .expect("a row");
    assert_eq!(kept, json!([]), "its numbers are gone");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn three_accounts_and_an_hour_raise_a_count_that_moves_nothing(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let ended = Ended::new(&site, &ada).await;
    let claim = format!("/api/v1/claims/{}", site.claim("C2").await);
    let standing: Value = site.get(&claim).await.json();
    let mut taken = 0;
    for name in ["eve1", "eve2", "eve3"] {
        let eve = site.person(name, "member").await;
        for at in 0..40 {
            // Reported and taken back again, so that nothing is in the way but the limit.
            let report = ended.report(["AVX2", "AVX-512", "f32"][at % 3], 1.5);
            let answer = site.post(&eve, &ended.address(), &report).await;
            match answer.status_code() {
                StatusCode::CREATED => taken += 1,
                StatusCode::TOO_MANY_REQUESTS => break,
                other => panic!("{other}: {}", answer.text()),
            }
            if at % 2 == 0 && at < 24 {
                let id = answer.json::<Value>()["id"].clone();
                site.delete(&eve, &format!("/api/v1/reproductions/{id}"))
                    .await
                    .assert_status(StatusCode::NO_CONTENT);
            }
        }
    }
    assert_eq!(taken, 90);
    let page = ended.page(&site).await;
    let sentence = "Trained again by 3 people: 3 different on CPU AVX-512, 3 different on CPU AVX2, 3 different on CUDA f32.";
    assert!(page.contains(sentence), "{page}");
    for name in ["eve1", "eve2", "eve3"] {
        assert!(
            page.contains(&format!("/people/{name}")),
            "their names stand beside it"
        );
    }
    let after: Value = site.get(&claim).await.json();
    assert_eq!(after, standing);
    let shown: Value = site.get(&ended.path).await.json();
    assert!(shown["verdict"]["outcome"].is_string() && shown["state"] == "concluded");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn nothing_is_reported_before_the_end_of_what_is_sealed_or_by_whose_worker_trained_it(
    pool: PgPool,
) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let root = site.person("root", "admin").await;
    site.widen().await;
    let body = json!({"claim": site.claim("C2").await, "spec": template(), "register": true, "seal_days": 30});
    let sealed: Value = site.post(&ada, "/api/v1/experiments", &body).await.json();
    let path = format!("/api/v1/experiments/{}/reproductions", sealed["id"]);
    let report =
        json!({"machine": machine("AVX2"), "runs": [{"run": 1, "seed": 1, "metrics": null}]});
    for person in [&ada, &root] {
        site.get_as(person, &path).await.assert_status_not_found();
        site.post(person, &path, &report)
            .await
            .assert_status_not_found();
    }
    sqlx::query("update experiment set opened_at = now()")
        .execute(&site.pool)
        .await
        .expect("opens");
    let answer = site.post(&root, &path, &report).await;
    assert_eq!(
        answer.status_code(),
        409,
        "it has not ended: {}",
        answer.text()
    );

    // A run that diverged is a result, too.
    let worker = a_worker(&site.pool).await;
    let mut first = true;
    work(&site.pool, worker, usize::MAX, |plan| {
        if std::mem::take(&mut first) {
            return Ending::Failed {
                kind: FailureKind::Diverged,
                error: "its loss is not finite".into(),
            };
        }
        measured(plan, &[("test_mse", error_of(plan))])
    })
    .await;
    let (run, seed): (i64, i64) =
        sqlx::query_as("select id, seed from run where failure = 'diverged'")
            .fetch_one(&site.pool)
            .await
            .expect("one");
    let diverged = |metrics: Value| json!({"machine": machine("AVX2"), "runs": [{"run": run, "seed": seed, "metrics": metrics}]});
    for (metrics, word) in [
        (Value::Null, "identical"),
        (json!({"test_mse": 0.1}), "different"),
    ] {
        let answer = site.post(&ada, &path, &diverged(metrics)).await;
        assert_eq!(answer.json::<Value>()["word"], word, "{}", answer.text());
    }
    // Root's token is what that worker works with.
    sqlx::query("update worker set token_id = (select max(t.id) from api_token t join account a on a.id = t.account_id where a.name = 'root')")
        .execute(&site.pool)
        .await
        .expect("sets");
    let answer = site.post(&root, &path, &diverged(Value::Null)).await;
    assert_eq!(answer.status_code(), 409);
    assert!(
        answer.text().contains("A worker with a token of yours"),
        "{}",
        answer.text()
    );
}
