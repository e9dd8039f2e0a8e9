//! Criteria with more than two arms, from the form to the verdict on the page and over REST.

use crate::support::{Browser, Site, fields, location, train};
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
    train(&site.pool, |plan| site.success(plan, error(plan))).await;
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
            "<th scope=\"col\" class=\"number said\">mask, short</th>",
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
            "<th scope=\"col\" class=\"number said\">middle</th>",
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

#[sqlx::test(migrator = "MIGRATOR")]
async fn cells_are_proposed_registered_and_judged(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let third = "[[arms]]\nname = \"mask, tiny\"\ntask.length = 5\ndropout.state.rate = 0.25\n[[arms]]\n\
                 name = \"none, tiny\"\ntask.length = 5\n";
    let toml = format!(
        "{SQUARE}{third}[criterion]\nkind = \"cells\"\nmetric = \"test_mse\"\ntreatment = \"mask, long\"\n\
         control = \"none, long\"\nconditions = [[\"mask, short\", \"none, short\"], [\"mask, tiny\", \"none, tiny\"]]\n\
         at_least = 2\nmargin = 0.02\n"
    );
    // Masks help at two lengths of three.
    let path = concluded(&site, &ada, &toml, |plan| {
        let noise = f64::from(plan.seed % 8) * 1e-3;
        match plan.arm.as_str() {
            "mask, long" | "mask, short" => 0.02 + noise,
            _ => 0.08 - noise,
        }
    })
    .await;
    let verdict = over_rest(&ada, &path).await["verdict"].clone();
    assert_eq!(verdict["outcome"], "supported", "{verdict}");
    assert_eq!(verdict["kind"], "cells");
    assert_eq!(verdict["at_least"], 2);
    let conditions = verdict["conditions"].as_array().expect("a list");
    assert_eq!(conditions.len(), 3);
    assert_eq!(conditions[2]["treatment"], "mask, tiny");
    assert_eq!(conditions[1]["p_support"], 0.00390625);
    assert_eq!(conditions[1]["pairs"].as_array().map(Vec::len), Some(8));
    let checks = &conditions[0]["checks"];
    assert_eq!(checks["misleading"], 0.0);
    assert!(checks["bootstrap"][1].is_number(), "{checks}");
    let page = ada.get(&path).await.text();
    says(
        &page,
        &[
            "is better in at least 2 of 3 conditions",
            "Each row is a condition",
            "Differences in 3 conditions; 1: median",
            "<td class=\"said\">mask, short over none, short</td>",
            "<th scope=\"col\" class=\"number\">Difference 3</th>",
            "48 runs planned, 48 finished",
            "The claim survives if the typical advantage in test error is proven to be above 0 in at least 2 of 3 conditions",
            "(control, other condition)",
            "<details id=\"checks-of-conditions\">",
            "0 % of the seeds alone would have said the opposite of the estimate",
            "bootstrap bounds [",
        ],
    );
    assert_eq!(page.matches("class=\"centre\"").count(), 3);
    let id = path.rsplit('/').next().unwrap_or("");
    let again = ada
        .get(&format!("/experiments/new?amends={id}"))
        .await
        .text();
    says(
        &again,
        &[
            "<option value=\"cells\" selected>",
            "<details id=\"further-conditions\" open>",
            "name=\"criterion-at_least\" value=\"2\"",
            "<label for=\"criterion-conditions-1-1\">Condition 3, control</label>",
            "<option value=\"none, tiny\" selected>",
        ],
    );
}

/// The rows of conditions and the text become each other; a problem stands at its row.
#[sqlx::test(migrator = "MIGRATOR")]
async fn conditions_are_chosen_in_rows(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let toml = format!(
        "{SQUARE}[criterion]\nkind = \"cells\"\nmetric = \"test_mse\"\ntreatment = \"mask, long\"\n\
         control = \"none, long\"\nat_least = 1\nmargin = 0.02\n"
    );
    let read = [("toml", toml.as_str()), ("action", "read")];
    let page = ada.post("/experiments/new", &read).await.text();
    says(
        &page,
        &[
            "is missing; give pairs of arms",
            "id=\"criterion-conditions-0-0-error\"",
            "id=\"criterion-conditions-1-1\"",
        ],
    );
    // What is chosen goes into the text; half a row is told where it stands.
    let chosen = |control: &str| {
        let mut form = fields(page.split("data-editor").nth(1).expect("the editor"));
        for (name, value) in &mut form {
            match name.as_str() {
                "criterion-conditions-0-0" => *value = "mask, short".into(),
                "criterion-conditions-0-1" => *value = control.into(),
                _ => {}
            }
        }
        form.push(("action".into(), "apply".into()));
        form
    };
    let half = apply(&ada, &chosen("")).await;
    says(
        &half,
        &[
            "id=\"criterion-conditions-0-0-error\"",
            "no arm is called so",
        ],
    );
    let whole = apply(&ada, &chosen("none, short")).await;
    assert!(!whole.contains("criterion-conditions-0-0-error"), "{whole}");
    says(&whole, &["id=\"criterion-conditions-2-1\"", "Reads well"]);
    let text = fields(whole.split("data-editor").nth(1).expect("the editor"))
        .into_iter()
        .find(|(name, _)| name == "toml");
    let (_, text) = text.expect("a text");
    assert!(
        text.contains("conditions = [[\"mask, short\", \"none, short\"]]"),
        "{text}"
    );
}

async fn apply(ada: &Browser, form: &[(String, String)]) -> String {
    let form: Vec<(&str, &str)> = (form.iter())
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    ada.post("/experiments/new", &form).await.text()
}

/// Two runs are queued, then the next two, until seven pairs agree; the page draws what the bets became.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_sequential_plan_is_proposed_runs_pair_after_pair_and_stops(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let toml = "title = \"A mask, pair after pair\"\nseeds = 16\n[task]\nname = \"adding\"\nlength = 10\n[training]\nsteps = 10\n\
                [[arms]]\nname = \"mask\"\ndropout.state.rate = 0.25\n[[arms]]\nname = \"none\"\n[criterion]\n\
                kind = \"difference\"\nmetric = \"test_mse\"\ntreatment = \"mask\"\ncontrol = \"none\"\nmargin = 0.02\n\
                stopping = \"e_value\"\n";
    let path = location(&ada.propose(&site, &[("toml", toml)]).await);
    says(
        &ada.get(&path).await.text(),
        &[
            "queues the first pair, of at most 32 runs in all",
            "by the e-value of the signs at the level 0.05",
            "It stops as soon as one of the two is proven, which is when its e-value reaches 20",
        ],
    );
    ada.post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();
    let worker = Uuid::new_v4();
    jobs::register_worker(&site.pool, worker, "host", "cpu", "0", 1)
        .await
        .expect("registers");
    let timing = Timing::default();
    let mut ended = 0;
    while let Some(lease) = jobs::take(&site.pool, worker, timing).await.expect("takes") {
        let plan = lease.plan.clone().expect("a plan");
        let error = if plan.arm == "mask" { 0.02 } else { 0.08 };
        jobs::finish(&site.pool, &lease, site.success(&plan, error), timing)
            .await
            .expect("finishes");
        ended += 1;
        if ended == 5 {
            // Two pairs have ended, and of the third one run.
            let page = ada.get(&format!("{path}/live")).await.text();
            says(
                &page,
                &[
                    "2 of at most 16 pairs have ended.",
                    "E-values after 2 of at most 16 pairs: 2.33 for the prediction",
                    "6 runs so far",
                    "later, if needed",
                ],
            );
            assert_eq!(over_rest(&ada, &path).await["runs"]["total"], 6);
        }
    }
    assert_eq!(ended, 14);
    let experiment = over_rest(&ada, &path).await;
    assert_eq!(experiment["runs"]["total"], 14);
    assert_eq!(experiment["seeds"].as_array().map(Vec::len), Some(16));
    let verdict = &experiment["verdict"];
    assert_eq!(verdict["outcome"], "supported", "{verdict}");
    assert_eq!(verdict["sequential"]["stop"], "decided");
    assert_eq!(verdict["sequential"]["cap"], 16);
    assert_eq!(verdict["sequential"]["steps"][6]["support"], 31.875);
    assert_eq!(
        verdict["sequential"]["steps"][6]["seed"],
        experiment["seeds"][6]
    );
    let page = ada.get(&path).await.text();
    says(
        &page,
        &[
            "7 of 16 pairs were needed.",
            "32 runs planned, 14 finished, 18 not needed, none left out",
            "of one worker were saved.",
            "E-values after 7 of at most 16 pairs: 31.9 for the prediction",
            "20 decides",
            "<dt>e-values</dt><dd>for the prediction: 31.9",
            "it stopped after pair 7 of at most 16: an e-value had reached 20",
            "not needed",
        ],
    );
    assert_eq!(page.matches("id=\"e-process-head\"").count(), 1);
    // Every pair stands in the table behind the plot.
    let table = page.split("e-process-table").nth(1).expect("a table");
    let table = table.split("</table>").next().expect("its end");
    assert_eq!(table.matches("<tr><td").count(), 7);
    let again = ada
        .get(&format!(
            "/experiments/new?amends={}",
            path.rsplit('/').next().unwrap_or("")
        ))
        .await
        .text();
    says(&again, &["<option value=\"e_value\" selected>"]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_sequential_plan_with_too_low_a_cap_is_not_registered(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let toml = "title = \"Too few\"\nseeds = 6\n[task]\nname = \"adding\"\nlength = 10\n[training]\nsteps = 10\n\
                [[arms]]\nname = \"mask\"\ndropout.state.rate = 0.25\n[[arms]]\nname = \"none\"\n[criterion]\n\
                kind = \"difference\"\nmetric = \"test_mse\"\ntreatment = \"mask\"\ncontrol = \"none\"\nmargin = 0.02\n\
                stopping = \"e_value\"\n";
    let path = location(&ada.propose(&site, &[("toml", toml)]).await);
    says(
        &ada.get(&path).await.text(),
        &[
            "Take 7 seeds or more",
            "registered as <strong>exploratory</strong>",
        ],
    );
}
