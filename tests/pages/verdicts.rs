//! What is stored of a verdict or a result may be anything: no page breaks of it.

use crate::support::*;
use breakmywork::auth::account::Role;
use breakmywork_protocol::{
    db::MIGRATOR,
    jobs::{self, Ending, FailureKind, Timing},
    spec::MaskTime,
};
use sqlx::PgPool;
use uuid::Uuid;

/// Every page and list that shows an experiment, its claim or its runs.
async fn all_pages(site: &Site, path: &str) -> Vec<String> {
    let claim = site.claim("C2").await;
    let run = sqlx::query_scalar!("select min(id) from run")
        .fetch_one(&site.pool)
        .await
        .expect("asks")
        .expect("a run");
    let (own, list) = (format!("/api/v1{path}"), "/api/v1/experiments".to_owned());
    vec![
        "/".into(),
        path.into(),
        format!("{path}/live"),
        format!("/claims/{claim}"),
        "/experiments".into(),
        "/people/ada".into(),
        "/queue".into(),
        format!("/runs/{run}"),
        format!("/api/v1/runs/{run}"),
        format!("{own}/runs"),
        format!("/api/v1/claims/{claim}"),
        own,
        list,
    ]
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_arm_whose_runs_all_diverge_breaks_no_page(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = ada.registered(&site).await;
    let worker = Uuid::new_v4();
    jobs::register_worker(&site.pool, worker, "host", "cpu", "0", 1)
        .await
        .expect("registers");
    let timing = Timing::default();
    while let Some(lease) = jobs::take(&site.pool, worker, timing).await.expect("takes") {
        let plan = lease.plan.clone().expect("a plan");
        let fixed = plan.setup.dropout.state.as_ref();
        let ending = if fixed.is_some_and(|site| site.time == MaskTime::Fixed) {
            Ending::Failed {
                kind: FailureKind::Diverged,
                error: "The loss is not a number.".into(),
            }
        } else {
            site.success(&plan, 0.1)
        };
        jobs::finish(&site.pool, &lease, ending, timing)
            .await
            .expect("finishes");
    }
    for page in all_pages(&site, &path).await {
        ada.get(&page).await.assert_status_ok();
    }
    let text = ada.get(&path).await.text();
    assert!(text.contains("8 of the treatment diverged"), "{text}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_verdict_or_a_result_that_cannot_be_read_is_marked_and_breaks_no_page(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = ada.registered(&site).await;
    site.train_all().await;
    for damage in [
        "{}",
        "null",
        "[1]",
        "\"x\"",
        "{\"outcome\": \"supported\", \"checks\": 3}",
    ] {
        let damage: serde_json::Value = serde_json::from_str(damage).expect("JSON");
        sqlx::query!("update verdict set detail = $1", damage)
            .execute(&site.pool)
            .await
            .expect("sets");
        sqlx::query!("update run set result = $1", damage)
            .execute(&site.pool)
            .await
            .expect("sets");
        for page in all_pages(&site, &path).await {
            ada.get(&page).await.assert_status_ok();
        }
        for page in ["/", "/experiments", &path] {
            let text = ada.get(page).await.text();
            assert!(text.contains("cannot be read any more"), "{page}: {text}");
            assert!(text.contains("supported"), "the outcome is a column");
        }
        let listed = ada
            .get("/api/v1/experiments")
            .await
            .json::<serde_json::Value>();
        assert_eq!(listed["items"][0]["outcome"], "supported");
        assert_eq!(listed["items"][0]["verdict"], serde_json::Value::Null);
    }
}

/// What an author stops once its seeds are drawn stays in sight.
#[sqlx::test(migrator = "MIGRATOR")]
async fn what_authors_stopped_is_said_of_the_claim(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen("C2").await;
    let ada = site.signed_in("ada", Role::Member).await;
    let claim = format!("/claims/{}", site.claim("C2").await);
    // The same words would be a form that was sent twice.
    let asked = async |why: &str| {
        let path = location(&ada.propose(&site, &[("title", why)]).await);
        ada.post(&format!("{path}/register"), &[])
            .await
            .assert_status_see_other();
        path
    };
    for words in ["1 stopped by its author", "2 stopped by their authors"] {
        let path = asked(words).await;
        let reason = [("reason", "It would not have been supported.")];
        ada.post(&format!("{path}/stop"), &reason)
            .await
            .assert_status_see_other();
        let page = site.browser().get(&claim).await.text();
        assert!(page.contains(words), "{words}: {page}");
    }
    let told = site.browser().get(&format!("/api/v1{claim}")).await;
    let told: serde_json::Value = told.json();
    assert_eq!(told["tally"]["stopped"], 2, "{told}");
    // One that supports it after that stands beside them.
    let path = asked("and a third").await;
    site.train_all().await;
    let page = site.browser().get(&claim).await.text();
    assert!(
        page.contains("standing after 3 attempts (2 stopped)"),
        "{page}"
    );
    let page = site.browser().get(&path).await.text();
    assert!(
        page.contains("It was asked 2 times before: 2 stopped by their authors."),
        "{page}"
    );
}
