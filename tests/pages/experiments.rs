//! From registration to the verdict on the page.

use crate::support::{Site, location};
use axum::http::StatusCode;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_registered_experiment_runs_and_its_verdict_is_posted(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    site.widen("C2").await;
    let path = ada.registered(&site).await;
    let reader = site.browser();
    let page = reader.get(&path).await.text();
    assert!(page.contains("0 of 16 runs ended") && page.contains("place 1"));
    assert!(page.contains("data-live=") && page.contains("SHA-256"));
    assert!(
        reader
            .get("/queue")
            .await
            .text()
            .contains("fixed state mask, seed ")
    );

    site.train_all().await;
    let page = reader.get(&path).await.text();
    assert!(page.contains("</span> supported</span>"), "{page}");
    assert!(page.contains(" result\" id=\"comment-") && page.contains("<circle class=\"dot"));
    assert!(!page.contains("data-live="));
    let fragment = reader.get(&format!("{path}/live")).await.text();
    assert!(fragment.contains("data-over=\"yes\""));
    // Nothing more will come: the browser need not ask again.
    reader
        .get(&format!("{path}/events"))
        .await
        .assert_status(StatusCode::NO_CONTENT);

    let claim = reader
        .get(&format!("/claims/{}", site.claim("C2").await))
        .await
        .text();
    assert!(claim.contains("standing after 1 attempt") && claim.contains("Falsified if"));
    assert!(reader.get("/").await.text().contains("supported"));
    let run = reader.get("/runs/1").await;
    run.assert_status_ok();
    assert!(run.text().contains("test_mse"));
    let toml = reader.get(&format!("{path}/spec.toml")).await.text();
    assert!(
        toml.starts_with("#:schema ") && toml.contains("\ntitle = "),
        "{toml}"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn too_few_seeds_can_be_proposed_but_not_registered(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = location(&ada.propose(&site, &[("seeds", "1-3")]).await);
    assert!(ada.get(&path).await.text().contains("disabled"));
    let answer = ada.post(&format!("{path}/register"), &[]).await;
    answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.text().contains("seeds:"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_withdrawn_proposal_stays_visible(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = location(&ada.propose(&site, &[]).await);
    ada.post(&format!("{path}/withdraw"), &[])
        .await
        .assert_status_see_other();
    assert!(
        site.browser()
            .get(&path)
            .await
            .text()
            .contains("Withdrawn by its author")
    );
    assert!(
        site.browser()
            .get("/people/ada")
            .await
            .text()
            .contains("withdrawn")
    );
}
