//! An experiment's numbers, taken away.

use crate::support::*;
use axum::http::StatusCode;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use serde_json::Value;
use sqlx::PgPool;
use std::io::{Cursor, Read};

/// An experiment that was trained, one of whose arms has a name that a spreadsheet would compute.
async fn trained(site: &Site) -> (Browser, String) {
    let ada = site.signed_in("ada", Role::Member).await;
    let path = ada.registered(site).await;
    site.train_all().await;
    for text in [
        "update run set arm = '=cmd|x' where arm = 'fresh state mask'",
        "insert into run_metric (run_id, name, step, value) select id, 'valid_mse', g, case when g = 3 then 'NaN' else -1.0 / g end
         from run, generate_series(1, 3) g",
    ] {
        sqlx::query(text).execute(&site.pool).await.expect(text);
    }
    (ada, path)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn tables_have_every_row_and_no_formula(pool: PgPool) {
    let site = Site::new(pool).await;
    let (ada, path) = trained(&site).await;
    let stranger = site.browser();
    let runs = stranger.get(&format!("{path}/runs.csv")).await;
    runs.assert_status_ok();
    let disposition = runs.header("content-disposition");
    assert_eq!(
        disposition,
        "attachment; filename=\"experiment-1-runs.csv\""
    );
    let runs = runs.text();
    let lines: Vec<&str> = runs.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 17);
    assert!(
        lines[0].starts_with("run,arm,trial,seed,state,")
            && lines[0].ends_with(",test_mse,valid_mse"),
        "{}",
        lines[0]
    );
    assert_eq!(runs.matches(",\"'=cmd|x\",").count(), 8, "{runs}");
    let value: f64 = sqlx::query_scalar(
        "select (result #>> '{metrics,test_mse}')::float8 from run order by id limit 1",
    )
    .fetch_one(&site.pool)
    .await
    .expect("asks");
    assert!(lines[1].contains(&format!(",{value:?},")), "{}", lines[1]);
    let pairs = stranger.get(&format!("{path}/pairs.csv")).await.text();
    let verdict: Value = stranger.get(&format!("/api/v1{path}")).await.json();
    let all = verdict["verdict"]["pairs"].as_array().expect("pairs");
    assert_eq!(pairs.split_terminator("\r\n").count(), all.len() + 1);
    assert!(
        pairs.contains(&format!("\r\n{},", all[0]["seed"])),
        "{pairs}"
    );
    let metrics = stranger.get(&format!("{path}/metrics.csv")).await.text();
    assert_eq!(metrics.split_terminator("\r\n").count(), 16 * 3 + 1);
    assert!(
        metrics.contains(",valid_mse,1,-1.0\r\n") && metrics.contains(",valid_mse,3,NaN\r\n"),
        "{metrics}"
    );
    // What cannot be, says so.
    let fresh = location(&ada.propose(&site, &[("title", "Another")]).await);
    let none = stranger.get(&format!("{fresh}/pairs.csv")).await;
    none.assert_status(StatusCode::NOT_FOUND);
    stranger
        .get("/experiments/99/bundle.zip")
        .await
        .assert_status_not_found();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_bundle_holds_what_it_says(pool: PgPool) {
    let site = Site::new(pool).await;
    let (_, path) = trained(&site).await;
    let stranger = site.browser();
    let bundle = stranger.get(&format!("{path}/bundle.zip")).await;
    assert_eq!(bundle.header("content-type"), "application/zip");
    let mut archive =
        zip::ZipArchive::new(Cursor::new(bundle.as_bytes().to_vec())).expect("an archive");
    let mut text = |name: &str| {
        let mut text = String::new();
        archive
            .by_name(name)
            .expect(name)
            .read_to_string(&mut text)
            .expect("text");
        text
    };
    let description: Value = serde_json::from_str(&text("ro-crate-metadata.json")).expect("JSON");
    let graph = description["@graph"].as_array().expect("a graph");
    let of = |id: &str| graph.iter().find(|entity| entity["@id"] == id).expect(id);
    assert_eq!(
        of("ro-crate-metadata.json")["conformsTo"]["@id"],
        "https://w3id.org/ro/crate/1.1"
    );
    let parts = of("./")["hasPart"].as_array().expect("parts");
    assert_eq!(parts.len(), 8);
    for part in parts {
        let name = part["@id"].as_str().expect("a name");
        assert_eq!(of(name)["@type"], "File");
        assert!(!text(name).is_empty(), "{name}");
    }
    for (name, address) in [
        ("specification.json", "spec.json"),
        ("runs.csv", "runs.csv"),
        ("metrics.csv", "metrics.csv"),
        ("pairs.csv", "pairs.csv"),
        ("specification.toml", "spec.toml"),
        ("reproduce.json", "reproduce.json"),
    ] {
        let alone = stranger.get(&format!("{path}/{address}")).await.text();
        assert_eq!(text(name), alone, "{name}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn numbers_are_there_to_copy(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = ada.registered(&site).await;
    assert!(
        !ada.get(&path).await.text().contains("Copy mean"),
        "nothing has ended"
    );
    site.train_all().await;
    let page = ada.get(&path).await.text();
    for words in [
        "Copy mean ± standard deviation (n)",
        "\\begin{tabular}{lrr}",
        "| fixed state mask | ",
        "arm,metric,mean,sd,n",
        "bundle.zip",
        "runs.csv",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert_eq!(
        page.matches(" (8)").count() % 4,
        0,
        "each arm and metric, with its number of runs"
    );
}
