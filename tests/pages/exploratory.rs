//! Experiments that look and do not decide.

use crate::support::*;
use axum::http::StatusCode;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use serde_json::Value;
use sqlx::PgPool;

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_cannot_decide_is_refused_and_runs_as_exploratory_without_a_verdict(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    // A factor of a hundred and fifty as the smallest effect of interest, and two seeds.
    let changes = [("seeds", "1-2"), ("criterion-margin", "5")];
    let path = location(&ada.propose(&site, &changes).await);
    let page = ada.get(&path).await.text();
    for words in [
        "nothing could support this",
        "are named one by one",
        "Register as exploratory",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let register = format!("{path}/register");
    let refused = ada.post(&register, &[]).await;
    refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("nothing could support this"));

    let answer = ada.post(&register, &[("exploratory", "yes")]).await;
    answer.assert_status_see_other();
    site.train_all().await;
    let api: Value = ada.get(&format!("/api/v1{path}")).await.json();
    assert_eq!(
        (&api["state"], &api["exploratory"], &api["verdict"]),
        (&"concluded".into(), &true.into(), &Value::Null),
        "{api}"
    );
    assert_eq!(api["outcome"], Value::Null);
    let page = ada.get(&path).await.text();
    assert!(
        page.contains("Exploratory, so there is no verdict"),
        "{page}"
    );
    assert!(page.contains("Over 2 complete pairs"), "{page}");
    assert!(!page.contains("id=\"verdict-word\""), "{page}");
    // It moves no standing and is no verdict anywhere.
    let claim = site.claim("C2").await;
    let claim = ada.get(&format!("/claims/{claim}")).await.text();
    assert!(claim.contains("untested"), "{claim}");
    let home = ada.get("/").await.text();
    assert!(
        home.contains("No verdict yet") || !home.contains(&path),
        "{home}"
    );
    for list in ["/experiments", "/people/ada"] {
        let list = ada.get(list).await.text();
        assert!(list.contains("exploratory"), "{list}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_too_much_for_the_board_is_refused_as_exploratory_too(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let changes = [
        ("training-steps", "1000000"),
        ("model-hidden", "1500"),
        ("evaluation-every", "1000000"),
    ];
    let path = location(&ada.propose(&site, &changes).await);
    let page = ada.get(&path).await.text();
    assert!(!page.contains("Register as exploratory"), "{page}");
    let register = format!("{path}/register");
    let refused = ada.post(&register, &[("exploratory", "yes")]).await;
    refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
}
