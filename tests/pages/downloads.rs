//! An experiment's numbers, taken away.

use crate::support::*;
use axum::http::StatusCode;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::io::{Cursor, Read, Write};
use std::process::Command;

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

/// A table as Python's pyarrow reads it.
fn read_parquet(bytes: &[u8]) -> Value {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(bytes).expect("writes");
    let output = Command::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/python/bin/python"))
        .arg("tests/data/read_parquet.py")
        .arg(file.path())
        .output()
        .expect("scripts/python has installed pyarrow");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn data_frames_read_the_same_rows_with_their_types(pool: PgPool) {
    let site = Site::new(pool).await;
    let (_, path) = trained(&site).await;
    let stranger = site.browser();
    // More than one group, in one run's curve and over several runs.
    sqlx::query(
        "insert into run_metric (run_id, name, step, value) select id, 'train_loss', g, g * 0.5 from run, generate_series(1, 3000) g",
    )
    .execute(&site.pool)
    .await
    .expect("fills");
    for (name, types) in [
        (
            "runs",
            json!({"run": "int64", "arm": "string", "trial": "int64", "seed": "int64", "queued_at": "string", "test_mse": "double"}),
        ),
        (
            "metrics",
            json!({"run": "int64", "metric": "string", "step": "int64", "value": "double"}),
        ),
    ] {
        let answer = stranger.get(&format!("{path}/{name}.parquet")).await;
        answer.assert_status_ok();
        assert_eq!(
            answer.header("content-type"),
            "application/vnd.apache.parquet"
        );
        assert_eq!(
            answer.header("content-disposition"),
            format!("attachment; filename=\"experiment-1-{name}.parquet\"")
        );
        let read = read_parquet(answer.as_bytes());
        for (column, kind) in types.as_object().expect("types") {
            assert_eq!(&read["types"][column], kind, "{column}");
        }
        // Cell by cell what the other file has, but for the apostrophe that keeps spreadsheets from computing.
        let csv = stranger.get(&format!("{path}/{name}.csv")).await.text();
        let mut lines = csv.split_terminator("\r\n");
        let heads: Vec<&str> = lines.next().expect("heads").split(',').collect();
        let rows = read["rows"].as_array().expect("rows");
        assert_eq!(rows.len(), lines.clone().count(), "{name}");
        for (row, line) in rows.iter().zip(lines) {
            for (head, cell) in heads.iter().zip(line.split(',')) {
                match &row[*head] {
                    Value::Null => assert_eq!(cell, "", "{head}: {line}"),
                    Value::String(text) if text == "nan" => assert_eq!(cell, "NaN", "{line}"),
                    Value::String(text) => {
                        assert_eq!(cell.trim_matches('"').trim_start_matches('\''), text);
                    }
                    number => {
                        let number = number.as_f64().expect("a number");
                        assert_eq!(
                            cell.parse::<f64>().expect("a number"),
                            number,
                            "{head}: {line}"
                        );
                    }
                }
            }
        }
    }
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

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_download_arrives_whole_as_browsers_ask_for_it(pool: PgPool) {
    let site = Site::new(pool).await;
    let (_, path) = trained(&site).await;
    let stranger = site.browser();
    for (name, compressed) in [
        ("bundle.zip", None),
        ("metrics.parquet", None),
        ("metrics.csv", Some("gzip")),
        ("runs.csv", Some("gzip")),
        ("spec.toml", Some("gzip")),
        ("reproduce.json", Some("gzip")),
    ] {
        let plain = stranger.get(&format!("{path}/{name}")).await;
        let asked = stranger.get_compressed(&format!("{path}/{name}")).await;
        asked.assert_status_ok();
        let encoding = asked.maybe_header("content-encoding");
        let encoding = encoding
            .as_ref()
            .and_then(|encoding| encoding.to_str().ok());
        // What is compressed already is not compressed again; of the rest the best that was asked for will do.
        assert_eq!(
            encoding.is_some(),
            compressed.is_some(),
            "{name}: {encoding:?}"
        );
        if compressed.is_none() && name != "bundle.zip" {
            assert_eq!(plain.as_bytes(), asked.as_bytes(), "{name}");
        }
        assert!(!asked.as_bytes().is_empty(), "{name}");
    }
}
