//! What other sites show of the board: badges and cards. The same for everybody, framed by anybody, and nothing else is.

use crate::support::*;
use axum::http::StatusCode;
use axum_test::TestResponse;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use serde_json::Value;
use sqlx::PgPool;

fn header(answer: &TestResponse, name: &str) -> String {
    answer.maybe_header(name).map_or_else(String::new, |value| {
        value.to_str().expect("text").to_owned()
    })
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_badge_says_where_the_claim_stands(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen("C2").await;
    let claim = site.claim("C2").await;
    let ada = site.signed_in("ada", Role::Member).await;
    let address = format!("/claims/{claim}/badge");

    let untested = ada.get(&format!("{address}.svg")).await;
    untested.assert_status_ok();
    assert_eq!(header(&untested, "content-type"), "image/svg+xml");
    assert_eq!(header(&untested, "cache-control"), "public, max-age=300");
    assert_eq!(
        header(&untested, "cross-origin-resource-policy"),
        "cross-origin"
    );
    assert_eq!(header(&untested, "set-cookie"), "");
    assert!(
        untested.text().contains("claim C2: ○ untested"),
        "{}",
        untested.text()
    );

    ada.registered(&site).await;
    site.train_all().await;
    let survived = ada.get(&format!("{address}.svg")).await.text();
    assert!(
        survived.contains("● standing after 1 attempt"),
        "{survived}"
    );
    let shield: Value = ada.get(&format!("{address}.json")).await.json();
    assert_eq!(shield["schemaVersion"], 1);
    assert_eq!(shield["label"], "claim C2");
    assert_eq!(shield["color"], "#00664a");
    assert!(
        shield["message"]
            .as_str()
            .is_some_and(|said| survived.contains(said)),
        "{shield}"
    );
    assert!(shield.get("isError").is_none(), "{shield}");

    // What only the badge may be shown as: the page stays in no frame.
    let page = ada.get(&format!("/claims/{claim}")).await;
    assert_eq!(header(&page, "x-frame-options"), "DENY");
    assert_eq!(header(&page, "cross-origin-resource-policy"), "same-origin");
    assert!(
        page.text().contains(&format!("{address}.svg)](")),
        "the line to copy"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_badge_of_nothing_says_so_as_a_badge(pool: PgPool) {
    let site = Site::new(pool).await;
    let browser = site.browser();
    let svg = browser.get("/claims/999/badge.svg").await;
    svg.assert_status(StatusCode::NOT_FOUND);
    assert_eq!(header(&svg, "content-type"), "image/svg+xml");
    assert_eq!(header(&svg, "cache-control"), "", "it may come yet");
    assert!(svg.text().contains("not on this board"), "{}", svg.text());
    let json = browser.get("/claims/999/badge.json").await;
    json.assert_status(StatusCode::NOT_FOUND);
    assert_eq!(json.json::<Value>()["isError"], true);
    let card = browser.get("/experiments/999/embed").await;
    card.assert_status(StatusCode::NOT_FOUND);
    assert!(header(&card, "content-security-policy").contains("frame-ancestors *"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_card_may_be_framed_by_anybody_and_does_nothing_else(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let hostile = "</h1><script>alert(1)</script>\"onload=";
    let path = location(&ada.propose(&site, &[("title", hostile)]).await);
    let address = format!("{path}/embed");

    let proposed = ada.get(&address).await;
    proposed.assert_status_ok();
    let csp = header(&proposed, "content-security-policy");
    assert_eq!(
        csp,
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors *"
    );
    for name in ["x-frame-options", "set-cookie", "vary"] {
        let found = header(&proposed, name);
        assert!(
            !found.contains("DENY") && !found.contains("cookie"),
            "{name}: {found}"
        );
    }
    let text = proposed.text();
    assert!(
        text.contains("proposed") && !text.contains("<script"),
        "{text}"
    );
    assert_eq!(
        text,
        site.browser().get(&address).await.text(),
        "nobody is known"
    );

    let registered = ada.post(&format!("{path}/register"), &[]).await;
    registered.assert_status_see_other();
    assert!(
        ada.get(&address)
            .await
            .text()
            .contains("0 of 16 runs have ended")
    );
    site.train_all().await;
    let ended = ada.get(&address).await.text();
    for shown in [
        "supported",
        "positive is as the claim predicts",
        "<svg",
        "Criterion fixed",
    ] {
        assert!(ended.contains(shown), "{shown}: {ended}");
    }
    assert!(
        !ended.contains("href=\"/experiments"),
        "links leave the frame: {ended}"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn pages_tell_other_sites_what_they_are_about(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = ada.registered(&site).await;
    site.train_all().await;
    let page = ada.get(&path).await.text();
    for (property, content) in [
        ("og:title", ""),
        ("og:description", "supported. "),
        ("og:url", &format!("http://127.0.0.1:8080{path}\"")),
    ] {
        let wanted = format!("<meta property=\"{property}\" content=\"{content}");
        assert!(page.contains(&wanted), "{wanted}");
    }
}

/// Width and height that a PNG says it has.
fn size(png: &[u8]) -> (u32, u32) {
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().expect("four bytes"));
    (number(16), number(20))
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_link_is_shown_with_a_picture_that_follows_the_verdict(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen("C2").await;
    let ada = site.signed_in("ada", Role::Member).await;
    let hostile = "\"><script>alert(1)</script> 同じ 🎉";
    let path = location(&ada.propose(&site, &[("title", hostile)]).await);
    let claim = format!("/claims/{}", site.claim("C2").await);
    let mut before = Vec::new();
    for page in [&path, &claim] {
        let address = format!("{page}/picture.png");
        let head = ada.get(page).await.text();
        let head = head.split("</head>").next().expect("a head");
        for (property, content) in [
            ("og:image", format!("http://127.0.0.1:8080{address}")),
            ("og:image:width", "1200".to_owned()),
            ("og:image:height", "630".to_owned()),
        ] {
            let tag = format!("<meta property=\"{property}\" content=\"{content}\">");
            assert!(head.contains(&tag), "{tag} in {head}");
        }
        assert!(head.contains("og:image:alt") && !head.contains("alert(1)</script>"));
        let picture = site.browser().get(&address).await;
        picture.assert_status_ok();
        assert_eq!(header(&picture, "content-type"), "image/png");
        assert_eq!(header(&picture, "cache-control"), "public, max-age=300");
        assert_eq!(
            header(&picture, "cross-origin-resource-policy"),
            "cross-origin"
        );
        assert_eq!(header(&picture, "set-cookie"), "");
        assert_eq!(size(picture.as_bytes()), (1200, 630));
        let known = ada.get_knowing(&address, &header(&picture, "etag")).await;
        known.assert_status(StatusCode::NOT_MODIFIED);
        before.push((address, picture.as_bytes().to_vec()));
    }
    ada.post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();
    site.train_all().await;
    for (address, before) in before {
        let after = site.browser().get(&address).await;
        assert_ne!(after.as_bytes().to_vec(), before, "{address} has a verdict");
    }
    for missing in ["/claims/999/picture.png", "/experiments/999/picture.png"] {
        ada.get(missing).await.assert_status_not_found();
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_picture_of_a_sealed_experiment_tells_nothing(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let fields = [("title", "The zanzibar plan"), ("seal_days", "30")];
    let path = location(&ada.propose(&site, &fields).await);
    ada.post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();
    let address = format!("{path}/picture.png");
    let sealed = ada.get(&address).await;
    sealed.assert_status_ok();
    // Another plan under the same number.
    sqlx::raw_sql(
        "alter table experiment disable trigger user; update experiment set title = 'Another'",
    )
    .execute(&site.pool)
    .await
    .expect("updates");
    assert_eq!(ada.get(&address).await.as_bytes(), sealed.as_bytes());
}
