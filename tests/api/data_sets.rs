//! What scripts learn of runs that need a data set.

use crate::support::Site;
use axum::http::StatusCode;
use breakmywork::db::workers::name;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::jobs::{self, Offer};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_queued_run_names_its_data_set_and_who_has_it(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let spec = json!({
        "title": "t", "seeds": 6,
        "task": { "name": "word_lm", "data": "mine@2", "length": 5, "vocabulary": 100 },
        "model": { "hidden": 8 }, "training": { "epochs": 1 },
        "arms": [
            { "name": "fixed", "dropout": { "state": { "rate": 0.25, "time": "fixed" } } },
            { "name": "fresh", "dropout": { "state": { "rate": 0.25, "time": "per_step" } } },
        ],
        "criterion": { "kind": "difference", "metric": "test_perplexity", "treatment": "fixed", "control": "fresh", "margin": 0.02 },
    });
    let body = json!({ "claim": site.claim("C2").await, "spec": spec, "register": true });
    let response = site.post(&ada, "/api/v1/experiments", &body).await;
    response.assert_status(StatusCode::CREATED);
    site.registered(&ada).await;
    let get = async |path: &str| site.get(path).await.json::<Value>();

    let run = get("/api/v1/runs/1").await;
    assert_eq!(
        (&run["data_set"], &run["steps"]),
        (&json!("mine@2"), &Value::Null)
    );
    assert_eq!(run["waiting_for"]["workers_with_it"], 0);
    assert_eq!(run["waiting_for"]["workers_live"], 0);
    // Runs that nobody can take stand behind those that can be taken.
    let queue = get("/api/v1/queue").await;
    let waiting = queue["waiting"].as_array().expect("a list");
    assert_eq!(waiting[0]["waiting_for"], Value::Null);
    assert_eq!(waiting[16]["run"], 1);
    assert_eq!(waiting[16]["waiting_for"]["data_set"], "mine@2");

    let register = async |host: &str, content: Option<char>| {
        let id = Uuid::new_v4();
        jobs::register_worker(&site.pool, id, host, "cpu", "0", 1)
            .await
            .expect("registers");
        let offers = content.map(|content| Offer {
            data_set: "mine@2".parse().expect("a name"),
            sha256: content.to_string().repeat(64),
        });
        jobs::offer(&site.pool, id, offers.as_slice())
            .await
            .expect("offers");
        name(&id)
    };
    let bare = register("bare", None).await;
    let run = get("/api/v1/runs/1").await;
    assert_eq!(
        run["waiting_for"]["reason"],
        "Waits for the data set mine@2, which the one live worker does not have. An operator adds it to a \
         worker's folder with `breakmywork-worker data import mine@2 FILE`."
    );
    let good = register("good", Some('a')).await;
    let odd = register("odd", Some('b')).await;
    let wait = json!({
        "data_set": "mine@2", "workers_with_it": 1, "workers_live": 3,
        "workers": [good], "workers_with_other_content": [odd],
        "reason": format!("Waits for the data set mine@2, which 1 of the 3 live workers has ({good}). Worker {odd} has another \
                   content under this name and gets no runs of it."),
    });
    assert_eq!(get("/api/v1/runs/1").await["waiting_for"], wait);
    let runs = get("/api/v1/experiments/1/runs").await;
    assert_eq!(runs["items"][0]["waiting_for"], wait);
    assert_eq!(
        get("/api/v1/queue").await["waiting"][0]["waiting_for"],
        wait
    );
    let workers = get("/api/v1/workers").await;
    let workers = workers["items"].as_array().expect("a list");
    // Hosts are named to admins alone.
    assert!(workers.iter().all(|worker| worker["host"].is_null()));
    let of = |name: &String| {
        let worker = workers.iter().find(|worker| worker["name"] == *name);
        let worker = worker.expect("listed");
        (worker["data_sets"].clone(), worker["other_content"].clone())
    };
    assert_eq!(of(&bare), (json!([]), json!([])));
    assert_eq!(of(&good), (json!(["mine@2"]), json!([])));
    assert_eq!(of(&odd), (json!([]), json!(["mine@2"])));
}
