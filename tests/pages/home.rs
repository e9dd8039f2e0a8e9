//! The first page: what is claimed, whether it stands and what would break it; what runs; what nobody has tried.

use crate::support::Site;
use breakmywork::auth::account::Role;
use breakmywork_protocol::{
    db::MIGRATOR,
    jobs::{self, Timing},
};
use sqlx::PgPool;
use uuid::Uuid;

async fn home(site: &Site) -> String {
    site.browser().get("/").await.text()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_fresh_board_says_what_nobody_has_tried(pool: PgPool) {
    let site = Site::new(pool).await;
    let page = home(&site).await;
    let untried = page.split("id=\"untried\"").nth(1).expect("a list");
    assert_eq!(untried.matches("Be the first to propose").count(), 3);
    assert!(page.contains("Nothing that is registered would break it yet"));
    // A visitor gets there by way of signing up.
    assert!(page.contains("/sign-up?next=%2Fexperiments%2Fnew%3Ftemplate%3Dfixed-or-fresh"));
    let ada = site.signed_in("ada", Role::Member).await;
    let page = ada.get("/").await.text();
    assert!(page.contains("\"/experiments/new?template=fixed-or-fresh\""));
    assert!(page.contains("Nothing runs at this moment") && !page.contains("data-live="));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_moves_no_claim_does_not_say_what_would_break_it(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    // On generated numbers, of which the claim does not speak.
    ada.registered(&site).await;
    site.train_all().await;
    let page = home(&site).await;
    assert!(!page.contains("What would break it, by"));
    assert!(page.contains("does not move its claim"));
    let claim = site.claim("C2").await;
    let page = site.browser().get(&format!("/claims/{claim}")).await.text();
    for words in [
        "Proof that the advantage of its treatment is smaller than what counts, on word-level language modelling",
        "Nothing that is registered would move the claim",
        "does not move the claim",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("By the criterion of"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_runs_moves_and_stands_still_without_scripts(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = ada.registered(&site).await;
    let worker = Uuid::new_v4();
    jobs::register_worker(&site.pool, worker, "host", "cpu", "0", 1)
        .await
        .expect("registers");
    let lease = jobs::take(&site.pool, worker, Timing::default())
        .await
        .expect("takes")
        .expect("a run");
    sqlx::query("insert into run_metric (run_id, name, step, value) select $1, 'valid_mse', g * 10, 1.0 / g from generate_series(1, 20) g")
        .bind(lease.run.0)
        .execute(&site.pool)
        .await
        .expect("inserts");
    let page = home(&site).await;
    let pulse = format!("{path}/live?part=pulse");
    assert!(page.contains(&format!("data-live=\"{pulse}\"")), "{page}");
    assert!(page.contains("class=\"mean arm-") && page.contains(">without learning<"));
    let fragment = site.browser().get(&pulse).await.text();
    assert!(fragment.starts_with("<div data-state=") && fragment.contains("data-over=\"no\""));
    // Behind the picture are its numbers.
    let curves = site
        .browser()
        .get(&format!("/api/v1{path}/curves?name=valid_mse"))
        .await
        .json::<serde_json::Value>();
    let steps = curves[0]["steps"].as_array().expect("steps");
    assert_eq!(steps.last(), Some(&serde_json::json!(200)));
    assert_eq!(curves[0]["values"][0], 1.0);
    let none = format!("/api/v1{path}/curves?name=train_loss");
    assert_eq!(site.browser().get(&none).await.text(), "[]");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn claims_stand_in_the_order_of_what_they_survived_with_what_would_break_them(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen("C2").await;
    let ada = site.signed_in("ada", Role::Member).await;
    ada.registered(&site).await;
    site.train_all().await;
    let page = home(&site).await;
    let claims = page.split("Claims under test").nth(1).expect("claims");
    let first = claims.split("</li>").next().expect("a claim");
    assert!(
        first.contains(">C2</span>") && first.contains("standing after 1 attempt"),
        "{first}"
    );
    assert!(
        first.contains("What would break it")
            && first.contains("Falsified if the advantage of “fixed state mask” in test error")
    );
    assert!(
        page.contains("as predicted"),
        "a verdict says how large its effect is"
    );
    let untried = page.split("id=\"untried\"").nth(1).expect("a list");
    assert!(!untried.contains(">C2</span>"));

    let claim = site.claim("C2").await;
    let page = site.browser().get(&format!("/claims/{claim}")).await.text();
    let map = page.split("id=\"forest-map\"").nth(1).expect("a map");
    assert!(
        map.contains("class=\"holds\"")
            && map.contains("Effects of 1 experiment in smallest effects of interest")
    );
    let proposing = page.find("Propose an experiment</a>").expect("a button");
    assert!(
        proposing < page.find("What would falsify it").expect("words"),
        "on the first screen"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_paused_queue_is_told(pool: PgPool) {
    let site = Site::new(pool).await;
    let root = site.signed_in("root", Role::Admin).await;
    assert!(!home(&site).await.contains("The queue is paused"));
    root.post("/admin/queue/pause", &[("reason", "new <drivers>")])
        .await
        .assert_status_see_other();
    let page = home(&site).await;
    assert!(
        page.contains("The queue is paused") && page.contains("new &#60;drivers&#62;"),
        "{page}"
    );
}
