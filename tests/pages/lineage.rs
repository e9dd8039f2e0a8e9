//! Narrowing a claim in the browser: the form, its preview, and what both claims say of each other.

use crate::support::*;
use axum::http::StatusCode;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::spec::{MaskTime, Plan};
use sqlx::PgPool;

/// Registers the ready template at this length.
async fn registered(browser: &Browser, site: &Site, length: &str) {
    let page = browser
        .get(&format!(
            "/experiments/new?claim={}",
            site.claim("C2").await
        ))
        .await
        .text();
    let form = fields(page.split("data-editor").nth(1).expect("the editor"));
    let toml = form
        .iter()
        .find(|(name, _)| name == "toml")
        .expect("a text")
        .1
        .clone();
    let toml = toml.replace("length = 30", &format!("length = {length}"));
    let path = location(&browser.propose(site, &[("toml", &toml)]).await);
    browser
        .post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();
}

/// Trains what waits: fixed masks are better on short sequences, fresh ones on long ones.
async fn by_length(site: &Site) {
    let end = |plan: &Plan| {
        let state = plan.setup.dropout.state.as_ref().expect("a site");
        let good = (state.time == MaskTime::Fixed) == (plan.setup.task.length < 60);
        let error = if good { 0.02 } else { 0.1 } * (1.0 + f64::from(plan.seed % 10) * 1e-3);
        site.success(plan, error)
    };
    train(&site.pool, end).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_fallen_claim_is_repaired_from_where_it_survived(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen("C2").await;
    let ada = site.signed_in("ada", Role::Member).await;
    let mona = site.signed_in("mona", Role::Moderator).await;
    let claim = format!("/claims/{}", site.claim("C2").await);
    for length in ["20", "30", "80"] {
        registered(&ada, &site, length).await;
    }
    by_length(&site).await;
    // One that has not ended when the claim is narrowed.
    registered(&ada, &site, "25").await;
    let page = mona.get(&claim).await.text();
    assert!(
        page.contains("falsified by experiment 3, confirmed"),
        "{page}"
    );
    assert!(page.contains("narrow?from=survived"), "{page}");
    // Members read; moderators and who put the claim here narrow it.
    assert!(!ada.get(&claim).await.text().contains("/narrow"));
    let form = format!("{claim}/narrow?from=survived");
    ada.get(&form).await.assert_status_forbidden();
    ada.post(&format!("{claim}/narrow"), &[("action", "narrow")])
        .await
        .assert_status_forbidden();
    site.browser().get(&form).await.assert_status_see_other();

    let page = mona.get(&form).await;
    page.assert_status_ok();
    let page = page.text();
    let filled = fields(page.split("<h1").nth(1).expect("the form"));
    let get = |name: &str| {
        let found = filled.iter().find(|(field, _)| field == name);
        found.map_or("", |(_, value)| value.as_str())
    };
    assert_eq!((get("length_least"), get("length_most")), ("20", "30"));
    assert!(
        get("sentence").starts_with("With time steps 20 to 30: "),
        "{}",
        get("sentence")
    );
    assert!(
        get("reason").contains("2 experiments support it"),
        "{}",
        get("reason")
    );
    assert!(page.contains("2 experiments support it there"), "{page}");

    let (sentence, reason) = (get("sentence").to_owned(), get("reason").to_owned());
    let typed = |most: &'static str, action: &'static str| {
        vec![
            ("sentence", sentence.as_str()),
            ("reason", reason.as_str()),
            ("length_most", most),
            ("action", action),
        ]
    };
    // What falsified it cannot stay inside, by preview or by deed.
    for action in ["preview", "narrow"] {
        let refused = mona
            .post(&format!("{claim}/narrow"), &typed("90", action))
            .await;
        refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        let page = refused.text();
        assert!(
            page.contains("falsified the earlier claim within this scope"),
            "{page}"
        );
        assert!(page.contains("value=\"90\""), "what was typed stays");
    }
    let preview = mona
        .post(&format!("{claim}/narrow"), &typed("30", "preview"))
        .await;
    preview.assert_status_ok();
    let page = preview.text();
    for words in [
        "Still apply: 2",
        "Out of scope: 2",
        "at most 30 time steps, not about 80",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let revision = location(
        &mona
            .post(&format!("{claim}/narrow"), &typed("30", "narrow"))
            .await,
    );
    let page = ada.get(&revision).await.text();
    for words in [
        "untested",
        "It narrows a claim that was <strong>falsified</strong>",
        "Narrows <a href=\"",
        "falsified by experiment 3, confirmed",
        "What became of the experiments on C2",
        "Still apply: 2",
        "Must be rerun: 1",
        "propose it again",
        "at most 30",
        "Why: C2 fell",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let page = ada.get(&claim).await.text();
    assert!(
        page.contains(&format!("Narrowed by <a href=\"{revision}\">C2a: ")),
        "{page}"
    );
    assert!(
        page.contains("falsified by experiment 3, confirmed"),
        "it stays as it is"
    );
    let page = ada.get("/works/recurrent-dropout").await.text();
    assert!(page.contains("narrows <a href="), "{page}");
    // Narrowed once more, it still says from what it comes.
    let more = [
        ("sentence", "Only on the shortest ones."),
        ("reason", "r"),
        ("length_most", "25"),
        ("action", "narrow"),
    ];
    let last = location(&mona.post(&format!("{revision}/narrow"), &more).await);
    let page = ada.get(&last).await.text();
    assert!(
        page.contains("It narrows a claim that was <strong>falsified</strong>"),
        "{page}"
    );
    assert!(page.contains("which narrows <a href"), "{page}");
}

/// Who narrows a claim in advance reads on the narrower one's page by what it fell, and with which claim.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_claim_that_fell_with_a_wider_one_says_so(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen("C2").await;
    let ada = site.signed_in("ada", Role::Member).await;
    let mona = site.signed_in("mona", Role::Moderator).await;
    let claim = format!("/claims/{}", site.claim("C2").await);
    let form = [
        ("sentence", "Up to 90 steps."),
        ("reason", "r"),
        ("length_most", "90"),
        ("action", "narrow"),
    ];
    let narrower = location(&mona.post(&format!("{claim}/narrow"), &form).await);
    // What another claim says already is told beside the field.
    let twin = mona.post(&format!("{claim}/narrow"), &form).await;
    twin.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert!(twin.text().contains("That is claim C2a already."));
    registered(&ada, &site, "80").await;
    by_length(&site).await;
    let page = ada.get(&narrower).await.text();
    for words in [
        &format!("It fell with <a href=\"{claim}\">C2</a>"),
        "href=\"/experiments/1\">experiment 1</a> falsified that one",
        "falsified by experiment 1, confirmed",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("does not move this one"), "{page}");
    let badge = ada.get(&format!("{narrower}/badge.svg")).await.text();
    assert!(badge.contains("falsified"), "{badge}");
    let list = ada.get("/claims?standing=falsified").await.text();
    assert!(list.contains(&narrower), "{list}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn whatever_is_typed_is_answered_in_words(pool: PgPool) {
    let site = Site::new(pool).await;
    let mona = site.signed_in("mona", Role::Moderator).await;
    let path = format!("/claims/{}/narrow", site.claim("C2").await);
    mona.get(&path).await.assert_status_ok();
    mona.get("/claims/99999/narrow")
        .await
        .assert_status_not_found();
    let page = mona.get(&format!("{path}?from=survived")).await.text();
    assert!(page.contains("nothing to start from"), "{page}");
    for (field, value, words) in [
        ("tasks", "chess", "Choose tasks of the list"),
        ("tasks", "adding", "does not speak about adding"),
        ("cells", "<b>", "Choose cells of the list"),
        ("data", "../../etc", "data set"),
        ("hidden_least", "many", "is not a number"),
        ("hidden_least", "-1", "is not a number"),
        ("length_most", "99999999999999999999", "is not a number"),
        ("rate_least", "NaN", "A bound is a number"),
        ("rate_most", "-inf", "No experiment can lie there"),
        ("sentence", "a\u{202e}b", "cannot be seen"),
        ("reason", "", "Give a reason"),
        (
            "length_most",
            "",
            "leave something out of at least one field",
        ),
    ] {
        let mut form = vec![
            ("sentence", "A narrower one."),
            ("reason", "r"),
            ("action", "narrow"),
        ];
        form.retain(|(name, _)| *name != field);
        form.push((field, value));
        let answer = mona.post(&path, &form).await;
        answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        let page = answer.text();
        assert!(page.contains(words), "{field}={value}: {page}");
        assert!(!page.contains("<b>"), "escaped");
    }
    let claims = sqlx::query_scalar!("select count(*) from claim where revises is not null")
        .fetch_one(&site.pool)
        .await
        .expect("asks");
    assert_eq!(claims, Some(0));
}
