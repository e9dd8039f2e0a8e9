//! How long an experiment takes is said after what runs took on the workers that are there.

use crate::support::{Site, location};
use axum::http::StatusCode;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::spec::{Format, read};
use serde_json::Value;
use sqlx::PgPool;

/// As if each run had taken that long; then the board looks again.
async fn each_took(site: &Site, seconds: f64) {
    sqlx::query("update run_attempt set started_at = ended_at - make_interval(secs => $1)")
        .bind(seconds)
        .execute(&site.pool)
        .await
        .expect("sets");
    site.state.pace.look(&site.pool).await.expect("looks");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn estimates_and_the_limit_follow_what_runs_took(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    ada.registered(&site).await;
    let path = location(&ada.propose(&site, &[("title", "Once more")]).await);
    let page = ada.get(&path).await.text();
    assert!(page.contains("on one CPU worker)"), "{page}");
    assert!(page.contains("No worker lives now"), "{page}");

    site.train_all().await;
    each_took(&site, 100.0).await;
    let page = ada.get(&path).await.text();
    assert!(page.contains("on this board)"), "{page}");
    // 100 s a run, 16 of them one after the other, within a factor 1.5.
    assert!(page.contains("the last 16 runs there"), "{page}");
    let cost: Value = ada.get(&format!("/api/v1{path}/cost")).await.json();
    let alone = &cost["workers"][0];
    let took = alone["run_seconds"].as_f64().expect("seconds");
    assert!((67.0..150.0).contains(&took), "{cost}");
    assert_eq!(alone["measured"], 16, "{cost}");
    assert_eq!(alone["seconds"], cost["seconds"], "{cost}");
    assert_eq!(cost["allowed_worker_seconds"], 86_400.0, "{cost}");
    let toml = ada.get(&format!("{path}/spec.toml")).await.text();
    let spec = read(&toml, Format::Toml).expect("its TOML");
    let board = site.state.pace.board();
    let off = board.seconds(&spec) / (100.0 * spec.runs() as f64);
    assert!((0.67..1.5).contains(&off), "{off}");

    each_took(&site, 20_000.0).await;
    let refused = ada.post(&format!("{path}/register"), &[]).await;
    refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused
            .text()
            .contains("hours of this board&#39;s workers (16 runs); at most 24 are allowed"),
        "{}",
        refused.text()
    );
    each_took(&site, 100.0).await;
    ada.post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();
}
