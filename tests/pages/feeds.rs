//! Feeds, as a feed reader reads them (Python's feedparser).

use crate::following::comment;
use crate::support::*;
use axum::http::StatusCode;
use breakmywork::{auth::account::Role, config::Settings};
use breakmywork_protocol::db::MIGRATOR;
use serde_json::Value;
use sqlx::PgPool;
use std::io::Write;
use std::process::{Command, Stdio};

/// What a reader finds at an address.
async fn read(browser: &Browser, path: &str) -> Value {
    let answer = browser.get(path).await;
    answer.assert_status_ok();
    let kind = answer.header("content-type");
    assert_eq!(kind, "application/atom+xml; charset=utf-8");
    assert!(answer.maybe_header("set-cookie").is_none(), "{path}");
    // Debian's Python, which has Debian's package.
    let mut reader = Command::new("/usr/bin/python3")
        .arg("tests/data/read_feed.py")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3-feedparser is installed");
    let mut input = reader.stdin.take().expect("a pipe");
    input.write_all(answer.as_bytes()).expect("writes");
    drop(input);
    let output = reader.wait_with_output().expect("reads");
    let feed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(feed["version"], "atom10", "{path}");
    assert_eq!(feed["broken"], false, "{path}: {}", answer.text());
    feed
}

fn entries(feed: &Value) -> &[Value] {
    feed["entries"].as_array().expect("entries")
}

fn titles(feed: &Value) -> Vec<&str> {
    entries(feed)
        .iter()
        .map(|entry| entry["title"].as_str().expect("a title"))
        .collect()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_reader_follows_the_board_a_claim_and_an_experiment(pool: PgPool) {
    let settings = Settings {
        public_url: "https://break.example.org".to_owned(),
        ..Settings::default()
    };
    let site = Site::with(pool, settings).await;
    site.widen("C2").await;
    let reader = site.browser();
    let claim = format!("/claims/{}", site.claim("C2").await);
    let empty = read(&reader, "/feed.atom").await;
    assert!(entries(&empty).is_empty());
    assert!(
        empty["updated"]
            .as_str()
            .is_some_and(|at| at.ends_with('Z'))
    );

    let ada = site.signed_in("ada", Role::Member).await;
    let path = ada.registered(&site).await;
    comment(
        &ada,
        &site,
        &claim,
        "Is <script>alert(1)</script> *this* & ]]> kept?\u{b}",
    )
    .await;
    comment(&ada, &site, &path, "To the point.").await;
    site.train_all().await;

    let board = read(&reader, "/feed.atom").await;
    let verdict = &entries(&board)[0];
    assert_eq!(entries(&board).len(), 1);
    let title = verdict["title"].as_str().expect("a title");
    assert!(
        title.starts_with("Supported: experiment 1 on claim C2. "),
        "{title}"
    );
    assert_eq!(verdict["outcome"], serde_json::json!(["supported"]));
    assert_eq!(verdict["link"], "https://break.example.org/experiments/1");
    assert!(
        verdict["content"]
            .as_str()
            .is_some_and(|html| html.contains("<strong>Supported"))
    );
    assert_eq!(
        board["links"]["self"],
        "https://break.example.org/feed.atom"
    );
    assert_eq!(board["links"]["alternate"], "https://break.example.org/");

    let of_claim = read(&reader, &format!("{claim}/feed.atom")).await;
    let told = titles(&of_claim);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told[0].starts_with("Claim C2 is now standing. "),
        "{told:?}"
    );
    assert!(told[1].starts_with("Supported: "), "{told:?}");
    assert!(
        told[2].starts_with("ada commented on claim C2. "),
        "{told:?}"
    );
    let said = entries(&of_claim)[2]["content"].as_str().expect("HTML");
    assert!(
        said.contains("<em>this</em>") && !said.contains("<script"),
        "{said}"
    );

    let thread = read(&reader, &format!("{path}/feed.atom")).await;
    let told = titles(&thread);
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(entries(&thread)[1]["author"], "ada");
    let id = |feed: &Value, place: usize| entries(feed)[place]["id"].clone();
    assert_eq!(
        id(&thread, 0),
        id(&board, 0),
        "one thing has one name in all feeds"
    );
    let name = id(&board, 0);
    let name = name.as_str().expect("a name");
    assert!(
        name.starts_with("tag:break.example.org,20") && name.contains(":/news/"),
        "{name}"
    );

    for (page, feed) in [
        ("/", "/feed.atom"),
        (&claim, "/claims/"),
        (&path, "/experiments/1/feed.atom"),
    ] {
        let page = reader.get(page).await.text();
        let link = page
            .split("<link ")
            .find(|link| link.contains("application/atom+xml") && link.contains(feed));
        assert!(
            link.is_some_and(|link| link.contains("rel=\"alternate\"")),
            "{feed}"
        );
    }
    for missing in ["/claims/99/feed.atom", "/experiments/99/feed.atom"] {
        reader
            .get(missing)
            .await
            .assert_status(StatusCode::NOT_FOUND);
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_a_reader_has_already_is_not_sent_again(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = ada.registered(&site).await;
    let feed = format!("{path}/feed.atom");
    let first = ada.get(&feed).await;
    let etag = first.header("etag");
    let etag = etag.to_str().expect("plain").to_owned();
    let again = ada.get_knowing(&feed, &etag).await;
    again.assert_status(StatusCode::NOT_MODIFIED);
    assert!(again.as_bytes().is_empty());
    assert_eq!(again.header("etag"), etag.as_str());
    comment(&ada, &site, &path, "Something new.").await;
    let changed = ada.get_knowing(&feed, &etag).await;
    changed.assert_status_ok();
    assert_ne!(changed.header("etag"), etag.as_str());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_feed_tells_nothing_that_is_hidden_or_sealed(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let moderator = site.signed_in("mia", Role::Moderator).await;
    let fields = [("title", "The zanzibar plan"), ("seal_days", "30")];
    let path = location(&ada.propose(&site, &fields).await);
    ada.post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();
    comment(&ada, &site, &path, "Something rude.").await;
    let feed = format!("{path}/feed.atom");
    let sealed = read(&ada, &feed).await;
    assert_eq!(sealed["title"], "Experiment 1: Sealed experiment");
    assert_eq!(entries(&sealed).len(), 1);
    assert!(!sealed.to_string().contains("zanzibar"));
    moderator
        .post("/comments/1/hide", &[("reason", "rude")])
        .await
        .assert_status_see_other();
    let hidden = read(&ada, &feed).await;
    assert!(entries(&hidden).is_empty(), "{hidden}");
    site.train_all().await;
    let open = read(&ada, &feed).await;
    assert_eq!(entries(&open).len(), 2, "the opening and the result");
    assert!(open.to_string().contains("zanzibar"));
}
