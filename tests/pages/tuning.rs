//! Equal tuning, from the proposal to what each arm chose, on the page and over REST.

use crate::support::{Browser, Site, a_worker, location, work};
use breakmywork::auth::account::Role;
use breakmywork_protocol::{
    db::MIGRATOR,
    spec::{self, Format, Plan},
};
use serde_json::Value;
use sqlx::PgPool;

/// Three learning rates on two seeds for each of two arms: twelve runs before the sixteen that are compared.
pub(crate) const TUNED: &str = "title = \"Masks, each at its own learning rate\"\nseeds = 8\n[task]\nname = \"adding\"\nlength = 10\n\
    [training]\nsteps = 10\n[[arms]]\nname = \"fixed\"\ndropout.state = { rate = 0.25, time = \"fixed\" }\n\
    [[arms]]\nname = \"fresh\"\ndropout.state = { rate = 0.25, time = \"per_step\" }\n\
    [criterion]\nkind = \"difference\"\nmetric = \"test_mse\"\ntreatment = \"fixed\"\ncontrol = \"fresh\"\nmargin = 0.02\n\
    [tuning]\nsearch = \"grid\"\nseeds = 2\n[[tuning.fields]]\nfield = \"training.learning_rate\"\n\
    values = [0.001, 0.01, 0.1]\nscale = \"log\"\n";

/// Ends so many runs: the fixed arm is best at 0.01, the other at 0.001.
async fn end_some(site: &Site, runs: usize) {
    let end = |plan: &Plan| {
        let (best, base) = if plan.arm == "fixed" {
            (0.01, 0.02)
        } else {
            (0.001, 0.08)
        };
        let distance = (plan.setup.training.learning_rate / best).ln().abs() / 100.0;
        let error = base + distance + f64::from(plan.seed % 8) * 1e-4;
        site.success(plan, error)
    };
    work(&site.pool, a_worker(&site.pool).await, runs, end).await;
}

async fn over_rest(ada: &Browser, path: &str) -> Value {
    ada.get(&format!("/api/v1{path}")).await.json()
}

#[track_caller]
fn says(page: &str, words: &[&str]) {
    for word in words {
        assert!(page.contains(word), "{word} is not in {page}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn each_arm_chooses_in_sight_of_everybody(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = location(&ada.propose(&site, &[("toml", TUNED)]).await);
    let page = ada.get(&path).await.text();
    says(
        &page,
        &[
            "queues 12 runs in which each arm chooses its settings, and then 16 runs that are compared",
            "each arm first chooses of 3 trials of training.learning_rate at 0.001, 0.01, 0.1 (all), by the median of validation error on 2 seeds of their own",
        ],
    );
    // What is not registered has tried nothing.
    assert!(over_rest(&ada, &format!("{path}/tuning")).await.is_null());
    ada.post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();

    end_some(&site, 5).await;
    let page = ada.get(&path).await.text();
    says(
        &page,
        &[
            "3 trials of each arm on 2 seeds",
            "5 of 12 runs have ended.",
            "when tuned",
            "2 not ended",
        ],
    );
    let told = over_rest(&ada, &format!("{path}/tuning")).await;
    assert_eq!((&told["ended"], &told["runs"]), (&5.into(), &12.into()));
    assert_eq!(told["arms"][0]["chosen"], Value::Null);
    ada.get(&format!("{path}/chosen.toml"))
        .await
        .assert_status_not_found();

    end_some(&site, 7 + 16).await;
    let told = over_rest(&ada, &format!("{path}/tuning")).await;
    assert_eq!(told["metric"], "valid_mse");
    let chosen: Vec<&Value> = told["arms"]
        .as_array()
        .expect("arms")
        .iter()
        .map(|arm| &arm["chosen"])
        .collect();
    assert_eq!(chosen, [2, 4]);
    assert_eq!(told["arms"][0]["at_edge"], serde_json::json!([]));
    assert_eq!(
        told["arms"][1]["at_edge"],
        serde_json::json!(["training.learning_rate"])
    );
    assert_eq!(told["arms"][0]["beside_gap"], serde_json::json!([]));
    assert_eq!(told["arms"][1]["as_good"], 0);
    let tried = &told["arms"][1]["trials"][0];
    assert_eq!(tried["settings"]["training.learning_rate"], 0.001);
    assert_eq!(tried["values"].as_array().map(Vec::len), Some(2));

    let page = ada.get(&path).await.text();
    says(
        &page,
        &[
            "chose training.learning_rate 0.01 (0.02",
            "<strong>At the edge of what it tried</strong> of training.learning_rate",
            "None of its 2 other trials lies within",
            "fixed: validation error over training.learning_rate",
            "0.01 (chosen): 0.02",
            "/chosen.toml",
            "the arms chose their settings, by the runs of their trials",
            "Each arm had 3 trials on 2 seeds of their own",
        ],
    );
    assert_eq!(page.matches("class=\"chart small\"").count(), 2);
    // The table of runs has those that are compared alone.
    says(
        &page,
        &["<p class=\"note\">16 runs: one for each arm and seed"],
    );
    let runs = over_rest(&ada, &format!("{path}/runs?limit=200")).await;
    let runs = runs["items"].as_array().expect("runs");
    assert_eq!(runs.len(), 28);
    assert_eq!(runs.iter().filter(|run| run["trial"].is_null()).count(), 16);
    let run = runs.iter().find(|run| run["trial"] == 1).expect("one")["url"]
        .as_str()
        .expect("an address")
        .to_owned();
    says(
        &ada.get(&run).await.text(),
        &[
            ", trial 1</h1>",
            "It tried settings before what is compared",
        ],
    );

    let settled = ada.get(&format!("{path}/chosen.toml")).await.text();
    let settled = spec::read(&settled, Format::Toml).expect("reads");
    let rates: Vec<f64> = settled
        .arms
        .iter()
        .map(|arm| arm.setup.training.learning_rate)
        .collect();
    assert_eq!((settled.tuning, rates), (None, vec![0.01, 0.001]));
    let experiment = over_rest(&ada, &path).await;
    assert_eq!(experiment["outcome"], "supported", "{experiment}");
}

/// The text beside the form says what is wrong with it, at its place.
#[sqlx::test(migrator = "MIGRATOR")]
async fn tuning_on_the_test_is_refused_with_the_reason(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let toml = TUNED.replace(
        "seeds = 2\n[[tuning",
        "seeds = 2\nmetric = \"test_mse\"\n[[tuning",
    );
    let page = ada.propose(&site, &[("toml", &toml)]).await.text();
    says(
        &page,
        &[
            "tuning.metric",
            "is not measured in validation, and nothing else may choose",
        ],
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_not_tuned_has_no_tuning(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let plain = TUNED.split("[tuning]").next().expect("a beginning");
    let path = location(&ada.propose(&site, &[("toml", plain)]).await);
    ada.post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();
    assert!(over_rest(&ada, &format!("{path}/tuning")).await.is_null());
    assert!(!ada.get(&path).await.text().contains("Tuned before"));
}
