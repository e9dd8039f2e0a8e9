//! Experiments and runs side by side.

use crate::support::*;
use axum::http::StatusCode;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use serde_json::Value;
use sqlx::PgPool;

/// Two experiments of the same template, the second with another network; the first has been trained.
async fn two(site: &Site) -> Browser {
    let ada = site.signed_in("ada", Role::Member).await;
    ada.registered(site).await;
    site.train_all().await;
    sqlx::query("insert into run_metric (run_id, name, step, value) select id, 'valid_mse', g * 100, 1.0 / (g + run.seed % 5) from run, generate_series(1, 20) g")
        .execute(&site.pool)
        .await
        .expect("measures");
    sqlx::query("insert into run_curve (run_id, name, steps, measured) select run_id, name, array_agg(step order by step), array_agg(value order by step) from run_metric group by 1, 2 on conflict do nothing")
        .execute(&site.pool)
        .await
        .expect("thins");
    ada.propose(site, &[("model-hidden", "48"), ("title", "Larger")])
        .await;
    ada
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_differs_comes_first_and_runs_are_grouped_by_all_but_the_seed(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = two(&site).await;
    // Ticks become one list, which the address keeps.
    let ticked = ada.get("/compare?experiments=1&experiments=2").await;
    assert_eq!(location(&ticked), "/compare?experiments=1,2");
    let page = ada.get("/compare?experiments=1,2").await.text();
    let (differing, equal) = page.split_once("the same everywhere").expect("both parts");
    for words in [
        "#1 fixed state mask",
        "#2 fresh state mask",
        "8 of 8",
        "0 of 0",
        "± ",
        "<code>dropout.state.time</code>",
        "leave out",
    ] {
        assert!(differing.contains(words), "{words}: {page}");
    }
    assert!(
        equal.contains("<code>task.name</code>") && !differing.contains("<code>task.name</code>"),
        "{page}"
    );
    assert!(equal.contains("id=\"curves\""), "{page}");
    // Behind the picture are its numbers, by column.
    let curves: Value = ada.get(&numbers(&page)).await.json();
    let curves = curves.as_array().expect("curves");
    assert_eq!(curves.len(), 16, "of the runs that have ended");
    for curve in curves {
        let column = curve["column"].as_str().expect("a name");
        assert!(page.contains(&format!("<th scope=\"col\">{column}</th>")));
        assert_eq!(curve["name"], "valid_mse");
        assert_eq!(
            curve["steps"].as_array().expect("steps").last(),
            Some(&2000.into())
        );
    }
    let nothing = ada.get("/api/v1/compare/curves").await;
    nothing.assert_status(StatusCode::BAD_REQUEST);
    assert!(page.len() < 100_000, "{} bytes", page.len());
    let found: Value = ada.get("/api/v1/compare?experiments=1,2").await.json();
    assert_eq!(found["groups"].as_array().map(Vec::len), Some(4));
    let test = &found["metrics"][0];
    assert_eq!(test["name"], "test_mse");
    let summary = &test["summaries"][0];
    assert_eq!(summary["n"], 8);
    let values: Vec<f64> = sqlx::query_scalar(
        "select (result #>> '{metrics,test_mse}')::float8 from run where arm = 'fixed state mask'",
    )
    .fetch_all(&site.pool)
    .await
    .expect("asks");
    let mean = values.iter().sum::<f64>() / 8.0;
    let sd = (values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / 7.0)
        .sqrt();
    let close = |field: &str, value: f64| {
        (summary[field].as_f64().expect("a number") - value).abs() < 1e-12
    };
    assert!(close("mean", mean) && close("sd", sd), "{summary}");
    let differing: Vec<&str> = found["differing"]
        .as_array()
        .expect("fields")
        .iter()
        .filter_map(|field| field["path"].as_str())
        .collect();
    assert!(
        differing.contains(&"dropout.state.time") && !differing.contains(&"task.name"),
        "{differing:?}"
    );
    // Runs one by one: grouped, and each alone.
    let runs: Vec<String> = sqlx::query_scalar("select id::text from run order by id limit 4")
        .fetch_all(&site.pool)
        .await
        .expect("asks");
    let chosen = runs.join(",");
    let page = ada.get(&format!("/compare?runs={chosen}")).await.text();
    assert!(page.contains("2 of 2"), "{page}");
    let page = ada
        .get(&format!("/compare?runs={chosen}&by=run"))
        .await
        .text();
    assert!(
        page.contains(", seed ") && page.contains(&format!("href=\"/runs/{}\"", runs[3])),
        "{page}"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn runs_are_listed_by_what_differs_and_paged_both_ways(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = two(&site).await;
    let page = ada.get("/experiments/1/runs").await.text();
    for words in [
        "<code>dropout.state.time</code>",
        "<td>fixed</td>",
        "<td>per_step</td>",
        "test_mse",
        "name=\"runs\" value=\"1\"",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(
        !page.contains("<code>model.hidden</code>"),
        "what is alike is no column"
    );
    assert!(!page.contains("rel=\"next\"") && !page.contains("rel=\"prev\""));
    sqlx::query("insert into run (experiment_id, owner_id, arm, seed, plan, steps) select experiment_id, owner_id, arm, 1000000 + g, plan, steps from run, generate_series(1, 200) g where run.id = 1")
        .execute(&site.pool)
        .await
        .expect("queues");
    let mut seen = Vec::new();
    let mut address = "/experiments/1/runs".to_owned();
    let link = |page: &str, rel: &str| {
        let tag = page.split(&format!("rel=\"{rel}\" href=\"")).nth(1)?;
        Some(tag.split('"').next()?.to_owned())
    };
    loop {
        let page = ada.get(&address).await.text();
        seen.push(page.matches("name=\"runs\"").count());
        match link(&page, "next") {
            Some(next) => address = next,
            None => break,
        }
    }
    assert_eq!(seen, [100, 100, 16]);
    for expected in [100, 100] {
        address = link(&ada.get(&address).await.text(), "prev").expect("a page before");
        assert_eq!(
            ada.get(&address)
                .await
                .text()
                .matches("name=\"runs\"")
                .count(),
            expected
        );
    }
    assert_eq!(link(&ada.get(&address).await.text(), "prev"), None);
    let none = ada.get("/experiments/1/runs?after=9999").await.text();
    assert!(none.contains("Go to the first page"), "{none}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn there_is_a_most_and_what_is_not_there_is_named(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = two(&site).await;
    let page = ada.get("/experiments").await.text();
    assert!(
        page.contains("name=\"experiments\" value=\"2\" form=\"compare\"")
            && page.contains("id=\"compare\""),
        "{page}"
    );
    let page = ada.get("/compare").await;
    page.assert_status_ok();
    assert!(page.text().contains("Tick experiments"));
    for _ in 0..6 {
        sqlx::query("with t as (insert into thread default values returning id)
            insert into experiment (claim_id, author_id, thread_id, title, prediction, spec_source, spec)
            select claim_id, author_id, t.id, 'Another', prediction, spec_source, spec from experiment, t where experiment.id = 1")
            .execute(&site.pool)
            .await
            .expect("copies");
    }
    let page = ada.get("/compare?experiments=1,2,3,4,5,6,7,8").await.text();
    assert!(
        page.contains("Of 8 experiments the first 6 are compared"),
        "{page}"
    );
    for (query, status, words) in [
        (
            "experiments=x",
            StatusCode::BAD_REQUEST,
            "takes numbers with commas",
        ),
        (
            "experiments=1,99",
            StatusCode::NOT_FOUND,
            "no experiment 99",
        ),
        ("runs=99999", StatusCode::NOT_FOUND, "no run 99999"),
        ("runs=-1", StatusCode::NOT_FOUND, "no run -1"),
        (
            "experiments=9223372036854775808",
            StatusCode::BAD_REQUEST,
            "takes numbers",
        ),
    ] {
        let answer = ada.get(&format!("/compare?{query}")).await;
        answer.assert_status(status);
        assert!(answer.text().contains(words), "{query}: {}", answer.text());
        ada.get(&format!("/api/v1/compare?{query}"))
            .await
            .assert_status(status);
    }
    ada.get("/api/v1/compare")
        .await
        .assert_status(StatusCode::BAD_REQUEST);
}
