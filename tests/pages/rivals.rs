//! Rival claims in the browser: the denial of a claim, and one experiment whose page says what each outcome means for both.

use crate::support::*;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_experiment_says_what_it_means_for_both_claims(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen("C2").await;
    let bob = site.signed_in("bob", Role::Member).await;
    let mona = site.signed_in("mona", Role::Moderator).await;
    let claim = format!("/claims/{}", site.claim("C2").await);
    assert!(!bob.get(&claim).await.text().contains("id=\"rivals\""));
    let page = mona.get(&claim).await.text();
    assert!(page.contains("Put its denial on the board") && page.contains("other one is no worse"));
    let form = [
        ("sentence", "Fresh masks do <b>no worse</b>."),
        ("reason", "To see both at once."),
    ];
    bob.post(&format!("{claim}/denial"), &form)
        .await
        .assert_status_forbidden();
    let answer = mona.post(&format!("{claim}/denial"), &form).await;
    let denial = location(&answer);
    let page = bob.get(&denial).await.text();
    assert!(page.contains("Fresh masks do &#60;b&#62;no worse"));
    assert!(page.contains("They deny each other, as mona said"));
    assert!(
        bob.get(&claim)
            .await
            .text()
            .contains(&format!("href=\"{denial}\""))
    );

    let path = location(&bob.propose(&site, &[]).await);
    assert!(
        bob.get(&path)
            .await
            .text()
            .contains("Test a rival of the claim, too")
    );
    let number = denial.rsplit('/').next().expect("a number").to_owned();
    for wrong in ["1", "999999"] {
        let refused = bob
            .post(&format!("{path}/rival"), &[("rival", wrong)])
            .await;
        refused.assert_status(axum::http::StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text().contains("id=\"rival-claim-error\""));
    }
    bob.post(&format!("{path}/rival"), &[("rival", &number)])
        .await
        .assert_status_see_other();
    // Before it runs: both claims, and what each outcome means for each.
    let page = bob.get(&path).await.text();
    let section = page.split("id=\"rival\"").nth(1).expect("the section");
    let section = section.split("</section>").next().expect("its end");
    assert!(section.contains("is proven to be above 0"), "{section}");
    assert!(section.contains("is proven to be above −0.1"), "{section}");
    assert!(section.contains("is fixed before the first run"));

    bob.post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();
    site.train_all().await;
    let page = bob.get(&path).await.text();
    let section = page.split("id=\"rival\"").nth(1).expect("the section");
    let section = section.split("</section>").next().expect("its end");
    assert!(
        section.contains("supported") && section.contains("falsified"),
        "{section}"
    );
    let twin = section
        .split("<a href=\"/experiments/")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a link");
    let page = bob.get(&format!("/experiments/{twin}")).await.text();
    assert!(page.contains("Its runs are those of"));
    assert!(page.contains("is worse than"));
    assert!(page.contains(&format!(
        "those of experiment {}, drawn by the board",
        path.rsplit('/').next().expect("a number")
    )));
}
