//! What an experiment can find is said before it is registered.

use crate::support::{Site, location};
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_an_experiment_can_find_is_said_before_and_stays(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = ada.registered(&site).await;
    let page = ada.get(&path).await.text();
    assert!(page.contains("What it can find"), "{page}");
    assert!(page.contains("Treatment and control differ in dropout.state.time alone."));
    assert!(page.contains("No experiment on this task at this size has learned anything here yet"));
    site.train_all().await;

    let next = [("title", "Longer"), ("training-steps", "1600")];
    let next = location(&ada.propose(&site, &next).await);
    let page = ada.get(&next).await.text();
    assert!(
        page.contains("in 1 experiment of the author’s own"),
        "{page}"
    );
    let bob = site.signed_in("bob", Role::Member).await;
    let bobs = [("title", "Longer still"), ("training-steps", "1700")];
    let page = bob
        .get(&location(&bob.propose(&site, &bobs).await))
        .await
        .text();
    assert!(
        page.contains("of the member whose pairs vary least"),
        "{page}"
    );
    // What was known when it was registered stays on the first one's page.
    let page = ada.get(&path).await.text();
    assert!(page.contains("No experiment on this task at this size has learned anything here yet"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn who_asked_the_same_before_is_told_and_refuses_nothing(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let first = ada.registered(&site).await;
    site.train_all().await;
    let again = location(
        &ada.propose(&site, &[("title", "Once more"), ("seeds", "16")])
            .await,
    );
    let page = ada.get(&again).await.text();
    let link = format!("<a href=\"{first}\">Experiment");
    assert!(
        page.contains(&link) && page.contains("asked exactly this of the claim"),
        "{page}"
    );
    ada.post(&format!("{again}/register"), &[])
        .await
        .assert_status_see_other();
}
