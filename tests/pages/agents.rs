//! A person's agents on pages: made, given a token, told of, stopped.

use crate::support::Site;
use axum::http::StatusCode;
use breakmywork::auth::{account::Role, token};
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_person_makes_an_agent_and_its_token_and_takes_it_back(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let empty = ada.get("/account/agents").await.text();
    assert!(empty.contains("No agents."), "{empty}");

    // What is refused stands in the form again, with the reason.
    let refused = ada.post("/account/agents", &[("name", "scout")]).await;
    refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    let page = refused.text();
    assert!(
        page.contains("value=\"scout\"") && page.contains("ends in -agent"),
        "{page}"
    );

    // With nobody else's voice.
    site.account("mona", Role::Moderator).await;
    site.account("bob", Role::Member).await;
    for name in ["mona-agent", "bob-agent"] {
        let refused = ada.post("/account/agents", &[("name", name)]).await;
        refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text().contains("name of somebody else"), "{name}");
    }

    let made = ada
        .post("/account/agents", &[("name", " Scout-agent ")])
        .await;
    made.assert_status_see_other();
    let here = made.header("location");
    assert_eq!(here, "/account/agents/scout-agent");
    let page = ada.get("/account/agents/scout-agent").await.text();
    // Nothing is offered that an agent cannot have.
    assert!(
        page.contains("name=\"propose\"")
            && !page.contains("name=\"account\"")
            && !page.contains("forecast"),
        "{page}"
    );

    let at = "/account/agents/scout-agent/tokens";
    let more = ada
        .post(at, &[("label", "nightly"), ("account", "on")])
        .await;
    more.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    let page = more.text();
    assert!(
        page.contains("value=\"nightly\"") && page.contains("cannot have `account`"),
        "{page}"
    );
    let page = ada
        .post(at, &[("label", "nightly"), ("read", "on")])
        .await
        .text();
    let shown = page.split("id=\"fresh-token\">").nth(1).expect("a token");
    let secret = shown.split('<').next().expect("its end");
    let found = token::find(&site.pool, secret).await.expect("asks");
    let found = found.expect("it works");
    assert_eq!((found.name.as_str(), found.is_agent), ("scout-agent", true));
    let listed = ada.get("/account/agents").await.text();
    assert!(
        listed.contains("<td data-name=\"Tokens in use\" class=\"number\">1</td>"),
        "{listed}"
    );
    assert!(ada.get("/account").await.text().contains("1 so far"));

    // Its page says whose it is, to everybody; what is below the account, to its sponsor alone.
    let page = site.browser().get("/people/scout-agent").await.text();
    assert!(
        page.contains("A program, which acts for <a href=\"/people/ada\">ada</a>"),
        "{page}"
    );
    let eve = site.signed_in("eve", Role::Admin).await;
    let revoke = format!("{at}/{}/revoke", found.token);
    eve.get("/account/agents/scout-agent")
        .await
        .assert_status_not_found();
    eve.post(&revoke, &[]).await.assert_status_not_found();
    let people = eve.get("/admin/people").await.text();
    assert!(
        people.contains("agent of <a href=\"/people/ada\">ada</a>"),
        "{people}"
    );
    ada.post(&revoke, &[]).await.assert_status_see_other();
    assert!(
        token::find(&site.pool, secret)
            .await
            .expect("asks")
            .is_none()
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn nobody_signs_in_as_an_agent_or_signs_up_like_one(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    ada.post("/account/agents", &[("name", "scout-agent")])
        .await
        .assert_status_see_other();
    for password in ["none", "", "a long good password"] {
        let form = [("name", "scout-agent"), ("password", password)];
        let refused = site.browser().post("/sign-in", &form).await;
        refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    }
    for name in ["other-agent", "other_agent", "agent", "4gent"] {
        let form = [("name", name), ("password", "a long good password")];
        let refused = site.browser().post("/sign-up", &form).await;
        refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    }
}
