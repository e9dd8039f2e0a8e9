//! Proposals that moderators hide: nothing of one is told to anybody but its author and moderators, and what is registered stays.

use crate::following::comment;
use crate::sealed::{SECRET, addresses, readers, toml};
use crate::support::{Browser, Site, location};
use axum::http::StatusCode;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use serde_json::Value;
use sqlx::PgPool;

/// A proposal that says [`SECRET`] wherever it can.
async fn proposed(browser: &Browser, site: &Site) -> String {
    let toml = toml(browser, site).await;
    let fields = [
        ("toml", toml.as_str()),
        ("prediction", "The claim implies zanzibar here."),
        ("rationale", "Because of *zanzibar*."),
    ];
    location(&browser.propose(site, &fields).await)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn nobody_but_its_author_and_moderators_is_told_of_it(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let readers = readers(&site).await;
    let reader = |name: &str| {
        let found = readers.iter().find(|(who, _)| *who == name);
        &found.expect("a reader").1
    };
    // One that is open, to compare with and to be found beside.
    let open = ada.registered(&site).await;
    let path = proposed(&ada, &site).await;
    // Told of by an inbox, a feed, and what somebody follows.
    let follow = format!("{path}/follow");
    location(&reader("a member").post(&follow, &[("level", "all")]).await);
    comment(reader("a moderator"), &site, &path, "What is this?").await;
    let where_it_is = [
        path.clone(),
        format!("{path}/embed"),
        format!("{path}/feed.atom"),
        format!("/api/v1{path}"),
        "/experiments".to_owned(),
        "/api/v1/experiments".to_owned(),
        "/search?q=zanzibar&kind=experiments".to_owned(),
        format!("/claims/{}", site.claim("C2").await),
        "/people/ada".to_owned(),
        "/inbox".to_owned(),
        "/inbox/following".to_owned(),
        "/api/v1/inbox".to_owned(),
    ];
    for address in &where_it_is {
        let page = reader("a member").get(address).await.text();
        let is_told = page.contains(SECRET) || page.contains("experiment 2");
        // A script reads inboxes with a token.
        assert!(is_told || address.starts_with("/api/v1/inbox"), "{address}");
    }
    let hide = format!("{path}/hide");
    let reason = [("reason", "an insult")];
    let member = reader("a member").post(&hide, &reason).await;
    member.assert_status_forbidden();
    let moderator = reader("a moderator");
    let without = moderator.post(&hide, &[("reason", " ")]).await;
    without.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(location(&moderator.post(&hide, &reason).await), path);
    let again = moderator.post(&hide, &reason).await;
    again.assert_status(StatusCode::CONFLICT);
    let mut everywhere = addresses(&site, &path).await;
    everywhere.extend(where_it_is);
    let of_it = format!("{path}\"");
    for who in ["a stranger", "a member", "a script of a member"] {
        for address in &everywhere {
            let page = reader(who).get(address).await.text();
            // A search says again what was looked for.
            let told = match address.contains(SECRET) {
                true => page.contains(&of_it),
                false => page.contains(SECRET),
            };
            assert!(!told, "{who} reads at {address}: {page}");
        }
    }
    // In no list, and of nobody's interest.
    let member = reader("a member");
    for address in [
        "/experiments",
        "/",
        "/people/ada",
        "/inbox",
        "/inbox/following",
    ] {
        let page = member.get(address).await.text();
        assert!(!page.contains(&of_it), "{address}: {page}");
    }
    for part in ["/embed", "/feed.atom"] {
        let answer = member.get(&format!("{path}{part}")).await;
        answer.assert_status_not_found();
    }
    let claim = format!("/claims/{}", site.claim("C2").await);
    assert!(!member.get(&claim).await.text().contains(&of_it));
    // Nor is it counted: beside it there is one.
    let told: Value = member.get(&format!("/api/v1{claim}")).await.json();
    assert_eq!(told["tally"]["experiments"], 1);
    let works = member.get("/works").await.text();
    assert!(
        works.contains(" 1 experiment<") || works.contains(">1 experiment<"),
        "{works}"
    );
    // What everybody reads instead.
    let page = member.get(&path).await;
    page.assert_status_ok();
    let page = page.text();
    for words in [
        "Hidden proposal",
        "Hidden by mona: an insult",
        "/people/ada",
        "What is this?",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let log = site.browser().get("/moderation").await.text();
    assert!(
        log.contains("experiment 2</a> hidden by mona: an insult"),
        "{log}"
    );
    // Who still reads it.
    for who in ["a moderator", "an admin", "a script of a moderator"] {
        let address = match who.contains("script") {
            true => format!("/api/v1{path}"),
            false => path.clone(),
        };
        assert!(reader(who).get(&address).await.text().contains(SECRET));
    }
    assert!(ada.get(&path).await.text().contains(SECRET));
    // What is registered is evidence.
    let evidence = moderator.post(&format!("{open}/hide"), &reason).await;
    evidence.assert_status(StatusCode::CONFLICT);
    assert!(evidence.text().contains("evidence, and stays"));
    // Shown again, it is where it was.
    let shown = moderator.post(&format!("{path}/unhide"), &reason).await;
    assert_eq!(location(&shown), path);
    for address in [
        "/experiments",
        "/search?q=zanzibar&kind=experiments",
        "/inbox",
    ] {
        let page = member.get(address).await.text();
        assert!(
            page.contains(SECRET) || page.contains("experiment 2"),
            "{address}"
        );
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn its_author_cannot_change_or_register_it_and_appeals_once(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let eve = site.signed_in("eve", Role::Member).await;
    let mona = site.signed_in("mona", Role::Moderator).await;
    let path = proposed(&ada, &site).await;
    let edit = format!("{path}/edit");
    let form = crate::support::fields(
        ada.get(&edit)
            .await
            .text()
            .split("data-editor")
            .nth(1)
            .expect("the editor"),
    );
    let [hide, unhide, appeal, decline, register] =
        ["hide", "unhide", "appeal", "appeal/decline", "register"]
            .map(|act| format!("{path}/{act}"));
    location(&mona.post(&hide, &[("reason", "an insult")]).await);
    // An open form is no way round, and what was typed is not lost.
    let mut typed: Vec<(&str, &str)> = form
        .iter()
        .filter(|(name, _)| name != "prediction")
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    typed.extend([("prediction", "Nobody minds quokkas."), ("action", "save")]);
    let refused = ada.post(&edit, &typed).await;
    refused.assert_status(StatusCode::CONFLICT);
    let refused = refused.text();
    assert!(refused.contains("quokkas") && refused.contains("hidden by a moderator meanwhile"));
    ada.get(&edit).await.assert_status(StatusCode::CONFLICT);
    let refused = ada.post(&register, &[]).await;
    refused.assert_status(StatusCode::CONFLICT);
    let page = ada.get(&path).await.text();
    assert!(!page.contains(&register) && page.contains(&format!("action=\"{appeal}\"")));
    let past_the_program = sqlx::query(
        "update experiment set state = 'registered', registered_at = now(), spec_canonical = '{}', spec_sha256 = repeat('0', 64)
         where id = 1",
    )
    .execute(&site.pool)
    .await;
    let error = past_the_program.expect_err("a constraint").to_string();
    assert!(
        error.contains("experiment_hidden_is_no_evidence"),
        "{error}"
    );
    // Appeals.
    let words = [("words", "It is a place")];
    let other = eve.post(&appeal, &words).await;
    other.assert_status_forbidden();
    assert_eq!(location(&ada.post(&appeal, &words).await), path);
    let twice = ada.post(&appeal, &words).await;
    twice.assert_status(StatusCode::CONFLICT);
    let log = site.browser().get("/moderation").await.text();
    assert!(
        log.contains("Proposal 1</a> by ada, hidden by mona (an insult): It is a place"),
        "{log}"
    );
    location(&mona.post(&decline, &[("reason", "not here")]).await);
    let told = eve.get(&path).await.text();
    assert!(
        told.contains("ada appeals: It is a place") && told.contains("It stays hidden: not here")
    );
    // Withdrawn, it stays hidden, and can be shown.
    location(&ada.post(&format!("{path}/withdraw"), &[]).await);
    assert!(!eve.get(&path).await.text().contains(SECRET));
    location(&mona.post(&unhide, &[("reason", "a place it is")]).await);
    assert!(eve.get(&path).await.text().contains(SECRET));
    // What was withdrawn can be hidden, too; what is sealed nobody can object to.
    location(&mona.post(&hide, &[("reason", "after all")]).await);
    let sealed = ada
        .propose(&site, &[("seal_days", "3"), ("prediction", "Sealed.")])
        .await;
    let sealed = location(&sealed);
    let refused = mona
        .post(&format!("{sealed}/hide"), &[("reason", "x")])
        .await;
    refused.assert_status(StatusCode::CONFLICT);
}
