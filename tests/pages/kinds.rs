//! Criteria with more than two arms, from the form to the verdict on the page and over REST.

use crate::support::{Browser, Site, location};
use breakmywork::auth::account::Role;
use breakmywork_protocol::{
    db::MIGRATOR,
    jobs::{self, Timing},
    spec::Plan,
};
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

/// Four arms: a mask at the state or none, at two lengths.
const SQUARE: &str = "title = \"Masks at two lengths\"\nseeds = 8\n[task]\nname = \"adding\"\nlength = 10\n\
    [training]\nsteps = 10\n[[arms]]\nname = \"mask, long\"\ntask.length = 40\ndropout.state.rate = 0.25\n\
    [[arms]]\nname = \"none, long\"\ntask.length = 40\n[[arms]]\nname = \"mask, short\"\ndropout.state.rate = 0.25\n\
    [[arms]]\nname = \"none, short\"\n";

/// Proposes and registers what the text says, lets every run end with this test error, and gives the experiment's path.
async fn concluded(site: &Site, ada: &Browser, toml: &str, error: impl Fn(&Plan) -> f64) -> String {
    let path = location(&ada.propose(site, &[("toml", toml)]).await);
    ada.post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();
    let worker = Uuid::new_v4();
    jobs::register_worker(&site.pool, worker, "host", "cpu", "0", 1)
        .await
        .expect("registers");
    let timing = Timing::default();
    while let Some(lease) = jobs::take(&site.pool, worker, timing).await.expect("takes") {
        let plan = lease.plan.clone().expect("a plan");
        let end = site.success(&plan, error(&plan));
        jobs::finish(&site.pool, &lease, end, timing)
            .await
            .expect("finishes");
    }
    path
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
async fn an_interaction_is_proposed_registered_and_judged(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let toml = format!(
        "{SQUARE}[criterion]\nkind = \"interaction\"\nmetric = \"test_mse\"\ntreatment = \"mask, long\"\n\
         control = \"none, long\"\nother_treatment = \"mask, short\"\nother_control = \"none, short\"\nmargin = 0.02\n"
    );
    // Masks help where sequences are long alone.
    let path = concluded(&site, &ada, &toml, |plan| {
        let noise = f64::from(plan.seed % 8) * 1e-3;
        if plan.arm == "mask, long" {
            0.02 + noise
        } else {
            0.08 - noise
        }
    })
    .await;
    let verdict = over_rest(&ada, &path).await["verdict"].clone();
    assert_eq!(verdict["outcome"], "supported", "{verdict}");
    assert_eq!(verdict["kind"], "interaction");
    assert_eq!(verdict["others"][0]["arm"], "mask, short");
    let page = ada.get(&path).await.text();
    says(
        &page,
        &[
            "is greater than that of",
            "difference between two advantages, of four runs in all",
            "<th scope=\"col\" class=\"number\">mask, short</th>",
            "32 runs planned, 32 finished",
            "The claim survives if the typical difference of the two advantages",
            "(treatment, other condition)",
        ],
    );
    // The form shows what the text says.
    let again = ada
        .get(&format!(
            "/experiments/new?amends={}",
            path.rsplit('/').next().unwrap_or("")
        ))
        .await
        .text();
    says(
        &again,
        &[
            "<option value=\"interaction\" selected>",
            "id=\"criterion-other_treatment\"",
            "<option value=\"none, short\" selected>",
        ],
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_trend_is_proposed_registered_and_judged(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let arms: String = [("short", 10), ("middle", 20), ("long", 40)]
        .map(|(arm, length)| format!("[[arms]]\nname = \"{arm}\"\ntask.length = {length}\n"))
        .concat();
    let toml = format!(
        "title = \"Error along the length\"\nseeds = 8\n[task]\nname = \"adding\"\n[training]\nsteps = 10\n\
         {arms}[criterion]\nkind = \"trend\"\nmetric = \"test_mse\"\ntreatment = \"short\"\ncontrol = \"long\"\n\
         field = \"task.length\"\nfield_scale = \"log\"\nmargin = 0.01\n"
    );
    let path = concluded(&site, &ada, &toml, |plan| {
        let length = f64::from(plan.setup.task.length);
        0.02 * length.log2() + f64::from(plan.seed % 8) * 1e-3
    })
    .await;
    let verdict = over_rest(&ada, &path).await["verdict"].clone();
    assert_eq!(verdict["outcome"], "supported", "{verdict}");
    assert_eq!(verdict["unit"], "squared error per doubling of task.length");
    let page = ada.get(&path).await.text();
    says(
        &page,
        &[
            "gets better along task.length",
            "the slope through its runs",
            "<th scope=\"col\" class=\"number\">Slope</th>",
            "<th scope=\"col\" class=\"number\">middle</th>",
            "24 runs planned, 24 finished",
            "(between)",
        ],
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_dispersion_is_proposed_registered_and_judged(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let toml = "title = \"Spread with a mask\"\nseeds = 8\n[task]\nname = \"adding\"\n[training]\n\
                steps = 10\n[[arms]]\nname = \"mask\"\ndropout.state.rate = 0.25\n[[arms]]\nname = \"none\"\n[criterion]\n\
                kind = \"dispersion\"\nmetric = \"test_mse\"\ntreatment = \"mask\"\ncontrol = \"none\"\nmargin = 0.7\n";
    let runs = std::cell::Cell::new(0_u32);
    let path = concluded(&site, &ada, toml, |plan| {
        // Two runs of each seed, one after the other.
        let seed = f64::from(1 + runs.replace(runs.get() + 1) / 2);
        match plan.arm.as_str() {
            "mask" => 0.1 + 0.0001 * seed,
            _ => 0.1 + 0.01 * seed * (-1_f64).powf(seed),
        }
    })
    .await;
    let verdict = over_rest(&ada, &path).await["verdict"].clone();
    assert_eq!(verdict["outcome"], "supported", "{verdict}");
    assert_eq!(verdict["unit"], "log ratio of spreads");
    assert!(verdict["checks"]["spreads"][1].is_number(), "{verdict}");
    let page = ada.get(&path).await.text();
    says(
        &page,
        &[
            "is smaller with",
            "The estimate is a ratio and has no place on this axis.",
            "<th scope=\"col\" class=\"number\">Difference of distances</th>",
            "mean distance from the median",
        ],
    );
    assert!(
        !page.contains("class=\"centre\""),
        "no estimate among the distances"
    );
}
