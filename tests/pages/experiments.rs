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

/// Settings that both arms share, and at which they cannot differ: the reasons stand there before registration, and stay.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_plan_that_hides_any_effect_says_before_that_it_moves_nothing(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    site.widen("C2").await;
    let hidden = [
        ("evaluation-sequences", "10"),
        ("evaluation-length", "400"),
        ("arms-0-dropout-state-until", "0.0025"),
        ("arms-1-dropout-state-until", "0.0025"),
    ];
    let path = location(&ada.propose(&site, &hidden).await);
    let says = async |when: &str| {
        let page = ada.get(&path).await.text();
        for reason in [
            "A test on 10 sequences measures luck: give evaluation.sequences 200 or more.",
            "a test on 400 time steps after training on",
            "dropout.state ends after the share 0.0025 of them: leave its until out.",
        ] {
            assert!(page.contains(reason), "{when}: {reason}");
        }
    };
    says("before").await;
    let registered = ada.post(&format!("{path}/register"), &[]).await;
    registered.assert_status_see_other();
    says("after").await;
    site.train_all().await;
    says("at its end").await;
    let standing = sqlx::query_scalar::<_, i64>(
        "select count(*) from claim_tally where survived + refuted > 0 or challenged_by is not null",
    );
    let moved = standing.fetch_one(&site.pool).await;
    assert_eq!(moved.expect("counts"), 0);
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
