//! Webhooks, against real receivers on ports of this machine.

mod hostile;
pub(crate) mod receiver;

use crate::following::comment;
use crate::front::{self, Authority};
use crate::support::*;
use axum::http::StatusCode;
use breakmywork::auth::{account::Role, token::Scope};
use breakmywork::config::{Settings, Webhooks};
use breakmywork::db::webhooks::log;
use breakmywork::webhooks::names::System;
use breakmywork::webhooks::{MOST_FAILURES, Sender, send_due};
use breakmywork_protocol::db::MIGRATOR;
use receiver::{Receiver, Say};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// A board that sends to any address.
async fn site(pool: PgPool) -> (Site, Sender) {
    with(pool, Webhooks::Any).await
}

async fn with(pool: PgPool, webhooks: Webhooks) -> (Site, Sender) {
    let settings = Settings {
        requests_per_minute: 0,
        public_url: "http://board.example.org".to_owned(),
        webhooks,
        ..Settings::default()
    };
    let sender = Sender::new(&settings, Arc::new(System)).expect("has webhooks");
    (Site::with(pool, settings).await, sender)
}

pub(crate) async fn send(site: &Site, sender: &Sender) {
    let sent = send_due(&site.state, sender).await;
    sent.expect("the database is there");
}

/// Adds a webhook on the page; its path and its secret.
pub(crate) async fn added(browser: &Browser, url: &str, what: &str) -> (String, String) {
    let form = [("url", url), ("what", what)];
    let answer = browser.post("/account/webhooks", &form).await;
    answer.assert_status_ok();
    let page = answer.text();
    let secret = secret(&page);
    let number = page.split("action=\"/account/webhooks/").nth(1);
    let number = number.and_then(|rest| rest.split('/').next());
    let path = format!("/account/webhooks/{}", number.expect("a form"));
    (path, secret)
}

pub(crate) fn secret(page: &str) -> String {
    let shown = page.split("id=\"fresh-secret\">").nth(1).expect("a secret");
    let secret = shown.split('<').next().expect("a secret");
    assert!(secret.starts_with("whsec_"), "{secret}");
    secret.to_owned()
}

/// All that is queued, sent or given up: state and how often it was sent, the first queued first.
async fn states(site: &Site) -> Vec<(String, i32)> {
    let query = "select state, jsonb_array_length(tries) from webhook_delivery order by id";
    let states = sqlx::query_as(query).fetch_all(&site.pool).await;
    states.expect("asks")
}

/// Lets what waits be due.
pub(crate) async fn pass_time(site: &Site) {
    let sql = "update webhook_delivery set next_at = now() where state = 'waiting'; update webhook set next_at = now()";
    sqlx::raw_sql(sql)
        .execute(&site.pool)
        .await
        .expect("passes");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_verdict_is_sent_signed_within_the_transaction_that_tells_it(pool: PgPool) {
    let receiver = Receiver::start().await;
    let (site, sender) = site(pool).await;
    site.widen("C2").await;
    let ada = site.signed_in("ada", Role::Member).await;
    let bob = site.signed_in("bob", Role::Member).await;
    let (_, key) = added(&ada, &receiver.url(), "verdicts").await;
    let page = ada.get("/account/webhooks").await.text();
    assert!(page.contains(&receiver.url()) && !page.contains("whsec_"));
    let path = ada.registered(&site).await;
    comment(&bob, &site, &path, "Why that margin?").await;
    site.train_all().await;
    send(&site, &sender).await;
    send(&site, &sender).await;
    let got = receiver.got();
    let texts: Vec<String> = got.iter().map(receiver::Request::text).collect();
    assert_eq!(
        texts,
        ["Supported: experiment 1 on claim C2",],
        "no comment, and nothing twice"
    );
    let result = &got[0];
    assert_eq!(result.header("content-type"), "application/json");
    assert!(result.header("user-agent").starts_with("BreakMyWork/"));
    assert_eq!(result.header("webhook-signature"), result.signature(&key));
    let body = result.json();
    let news: i64 = sqlx::query_scalar("select id from news where kind = 'result'")
        .fetch_one(&site.pool)
        .await
        .expect("a number");
    let claim = site.claim("C2").await;
    for (field, value) in [
        ("kind", json!("result")),
        ("news", json!(news)),
        ("outcome", json!("supported")),
        ("standing", json!(null)),
        ("board", json!("http://board.example.org/")),
        ("url", json!("http://board.example.org/experiments/1")),
        ("id", json!(result.header("webhook-id"))),
    ] {
        assert_eq!(body[field], value, "{field}: {body}");
    }
    assert_eq!(body["claim"]["id"], claim);
    assert_eq!(body["experiment"]["id"], 1);
    assert_eq!(states(&site).await, [("sent".to_owned(), 1)]);
}

/// Over TLS to whose certificate is of an authority that the operator named, and to nobody else's.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_receiver_is_believed_that_has_a_certificate_of_who_is_trusted(pool: PgPool) {
    let receiver = Receiver::start().await;
    let (trusted, other) = (front::trusted().front(receiver.port), Authority::new());
    let stranger = other.front(receiver.port);
    let (site, sender) = site(pool).await;
    site.widen("C2").await;
    let ada = site.signed_in("ada", Role::Member).await;
    for port in [trusted.port, stranger.port] {
        added(&ada, &format!("https://localhost:{port}/board"), "verdicts").await;
    }
    ada.registered(&site).await;
    site.train_all().await;
    send(&site, &sender).await;
    assert_eq!(
        receiver.got().len(),
        1,
        "who is not believed is told nothing"
    );
    let tries: Vec<Value> =
        sqlx::query_scalar("select tries from webhook_delivery order by webhook_id")
            .fetch_all(&site.pool)
            .await
            .expect("asks");
    assert!(tries[0].to_string().contains("204"), "{tries:?}");
    assert!(tries[1].to_string().contains("TLS failed"), "{tries:?}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn standings_and_everything_else_are_sent_to_who_wants_them(pool: PgPool) {
    let (some, all) = (Receiver::start().await, Receiver::start().await);
    let (site, sender) = site(pool).await;
    site.widen("C2").await;
    let ada = site.signed_in("ada", Role::Member).await;
    let bob = site.signed_in("bob", Role::Member).await;
    let claim = format!("/claims/{}", site.claim("C2").await);
    let following = ada
        .post(&format!("{claim}/follow"), &[("level", "all")])
        .await;
    following.assert_status_see_other();
    added(&ada, &some.url(), "verdicts").await;
    let (path, _) = added(&ada, &all.url(), "all").await;
    comment(&bob, &site, &claim, "Hello @ada, what of this?").await;
    ada.registered(&site).await;
    site.train_all().await;
    send(&site, &sender).await;
    let texts = |receiver: &Receiver| {
        let mut texts: Vec<String> = receiver.got().iter().map(receiver::Request::text).collect();
        texts.sort();
        texts
    };
    let verdicts = [
        "Claim C2 is now standing",
        "Supported: experiment 1 on claim C2",
    ];
    assert_eq!(texts(&some), verdicts);
    let (standing, result) = (verdicts[0], verdicts[1]);
    assert_eq!(
        texts(&all),
        [standing, result, "bob commented on claim C2"],
        "once, though bob names her and she follows"
    );
    // Nothing of one's own, and nothing while it rests; what waits is dropped.
    comment(&ada, &site, &claim, "I do not know.").await;
    comment(&bob, &site, &claim, "Nor do I.").await;
    ada.post(&path, &[("action", "pause")])
        .await
        .assert_status_see_other();
    comment(&bob, &site, &claim, "Nobody does.").await;
    send(&site, &sender).await;
    assert!(all.got().is_empty());
    let page = ada.get(&path).await.text();
    assert!(page.contains("Paused by you"), "{page}");
    assert!(page.contains("dropped: the webhook was paused"), "{page}");
    assert!(ada.get("/account").await.text().contains(&path));
    ada.post(&path, &[("action", "resume"), ("what", "verdicts")])
        .await
        .assert_status_see_other();
    comment(&bob, &site, &claim, "Really.").await;
    send(&site, &sender).await;
    assert!(all.got().is_empty(), "only verdicts from now on");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_not_taken_is_tried_again_later_and_the_log_has_each_try(pool: PgPool) {
    let receiver = Receiver::start().await;
    let (site, sender) = site(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let (path, _) = added(&ada, &receiver.url(), "verdicts").await;
    ada.registered(&site).await;
    site.train_all().await;
    receiver.will_say([Say::Status(500), Say::Status(302), Say::Status(404)]);
    for tries in 1..=3 {
        send(&site, &sender).await;
        // Only when its time has come.
        send(&site, &sender).await;
        assert_eq!(states(&site).await, [("waiting".to_owned(), tries)]);
        let wait: f64 = sqlx::query_scalar(
            "select extract(epoch from next_at - now())::float8 from webhook_delivery",
        )
        .fetch_one(&site.pool)
        .await
        .expect("asks");
        let planned = [10.0, 60.0, 600.0][tries as usize - 1];
        assert!((planned * 0.8..planned * 1.2).contains(&wait), "{wait}");
        pass_time(&site).await;
    }
    send(&site, &sender).await;
    assert_eq!(states(&site).await, [("sent".to_owned(), 4)]);
    let got = receiver.got();
    let names: Vec<&str> = got.iter().map(|one| one.header("webhook-id")).collect();
    assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
    let page = ada.get(&path).await.text();
    for words in [
        "500 in",
        "302 in",
        "404 in",
        "204 in",
        "redirections are not followed",
        "Supported: experiment 1",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    // Once more, by the same name.
    let again = format!("{path}/deliveries/1/again");
    ada.post(&again, &[]).await.assert_status_see_other();
    ada.post(&again, &[])
        .await
        .assert_status(StatusCode::CONFLICT);
    send(&site, &sender).await;
    assert_eq!(receiver.only().header("webhook-id"), names[0]);
    // Nobody listens: seven tries, and then it has failed.
    drop(receiver);
    ada.post(&again, &[]).await.assert_status_see_other();
    for _ in 0..9 {
        send(&site, &sender).await;
        pass_time(&site).await;
    }
    assert_eq!(states(&site).await, [("failed".to_owned(), 12)]);
    assert!(
        ada.get(&path)
            .await
            .text()
            .contains("nothing listens there")
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_receiver_that_is_gone_or_fails_and_fails_is_asked_no_more(pool: PgPool) {
    let receiver = Receiver::start().await;
    let (site, sender) = site(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let (path, _) = added(&ada, &receiver.url(), "all").await;
    ada.registered(&site).await;
    site.train_all().await;
    receiver.will_say([Say::Status(410)]);
    send(&site, &sender).await;
    pass_time(&site).await;
    send(&site, &sender).await;
    assert_eq!(receiver.got().len(), 1);
    let page = ada.get(&path).await.text();
    assert!(page.contains("Off: the receiver answered that it is gone"));
    // A test goes there all the same, once, and says whether it is back.
    ada.post(&format!("{path}/test"), &[])
        .await
        .assert_status_see_other();
    receiver.will_say([Say::Status(503)]);
    send(&site, &sender).await;
    pass_time(&site).await;
    send(&site, &sender).await;
    let ping = receiver.only();
    assert_eq!(ping.json()["kind"], "ping");
    assert_eq!(ping.json()["claim"], Value::Null);
    ada.post(&path, &[("action", "resume")])
        .await
        .assert_status_see_other();
    // The twentieth that fails in a row is the last; one that is taken begins anew.
    let failures = |number: i32| {
        let pool = site.pool.clone();
        async move {
            sqlx::query("update webhook set failures = $1")
                .bind(number)
                .execute(&pool)
                .await
                .expect("counts");
            sqlx::query(
                "update webhook_delivery set state = 'waiting', attempts = 6 where kind = 'news'",
            )
            .execute(&pool)
            .await
            .expect("queues");
        }
    };
    failures(MOST_FAILURES - 2).await;
    pass_time(&site).await;
    receiver.will_say([Say::Status(500)]);
    send(&site, &sender).await;
    let page = ada.get(&path).await.text();
    assert!(page.contains("Failed in a row</dt><dd>19<"), "{page}");
    failures(MOST_FAILURES - 1).await;
    pass_time(&site).await;
    receiver.will_say([Say::Status(500)]);
    send(&site, &sender).await;
    let page = ada.get(&path).await.text();
    assert!(
        page.contains("Paused: 20 deliveries in a row failed"),
        "{page}"
    );
    assert!(ada.get("/account").await.text().contains(&path));
    ada.post(&path, &[("action", "resume")])
        .await
        .assert_status_see_other();
    failures(MOST_FAILURES - 1).await;
    pass_time(&site).await;
    send(&site, &sender).await;
    assert!(!ada.get(&path).await.text().contains("Failed in a row"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn for_a_day_after_a_rotation_both_secrets_verify(pool: PgPool) {
    let receiver = Receiver::start().await;
    let (site, sender) = site(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let (path, old) = added(&ada, &receiver.url(), "verdicts").await;
    let page = ada.post(&format!("{path}/rotate"), &[]).await.text();
    let new = secret(&page);
    assert_ne!(old, new);
    assert!(!ada.get(&path).await.text().contains("whsec_"));
    let test = format!("{path}/test");
    ada.post(&test, &[]).await.assert_status_see_other();
    send(&site, &sender).await;
    let got = receiver.only();
    let signatures = format!("{} {}", got.signature(&new), got.signature(&old));
    assert_eq!(got.header("webhook-signature"), signatures);
    sqlx::query("update webhook set before_until = now() - interval '1 second'")
        .execute(&site.pool)
        .await
        .expect("passes");
    ada.post(&test, &[]).await.assert_status_see_other();
    send(&site, &sender).await;
    let got = receiver.only();
    assert_eq!(got.header("webhook-signature"), got.signature(&new));
    log::forget_old(&site.pool).await.expect("forgets");
    let kept: bool = sqlx::query_scalar("select secret_before is not null from webhook")
        .fetch_one(&site.pool)
        .await
        .expect("asks");
    assert!(!kept, "it is used no more");
}

/// The receiver of the document, as it stands there.
#[sqlx::test(migrator = "MIGRATOR")]
async fn the_receiver_of_the_document_takes_what_is_sent(pool: PgPool) {
    let page = include_str!("../../docs/webhooks.md");
    let source = page.split("```python\n").nth(1).expect("a program");
    let source = source.split("```").next().expect("its end");
    let (site, sender) = site(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let (path, key) = added(&ada, "http://127.0.0.1:1/", "verdicts").await;
    let mut python = Command::new("python3")
        .args(["-c", source])
        .env("WEBHOOK_SECRETS", format!("whsec_AAAA {key}"))
        .env("PORT", "0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("python3 runs");
    let mut lines = BufReader::new(python.stdout.take().expect("a pipe")).lines();
    let first = lines.next().expect("a line").expect("text");
    let port = first.rsplit(' ').next().expect("a port");
    let form = [
        ("url", format!("http://127.0.0.1:{port}/")),
        ("what", "verdicts".to_owned()),
    ];
    let form: Vec<(&str, &str)> = form
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    ada.post(&path, &form).await.assert_status_see_other();
    ada.registered(&site).await;
    site.train_all().await;
    send(&site, &sender).await;
    let told = lines.next().expect("a line").expect("text");
    assert_eq!(told, "Supported: experiment 1 on claim C2");
    // Signed with another secret it is refused.
    ada.post(&format!("{path}/rotate"), &[])
        .await
        .assert_status_ok();
    sqlx::query("update webhook set secret_before = null, before_until = null")
        .execute(&site.pool)
        .await
        .expect("forgets");
    ada.post(&format!("{path}/test"), &[])
        .await
        .assert_status_see_other();
    send(&site, &sender).await;
    python.kill().expect("ends");
    python.wait().expect("ends");
    let ping: i64 = sqlx::query_scalar(
        "select (tries->0->>'status')::bigint from webhook_delivery where kind = 'ping'",
    )
    .fetch_one(&site.pool)
    .await
    .expect("asks");
    assert_eq!(ping, 400);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_was_sent_and_not_noted_is_sent_again_by_the_same_name(pool: PgPool) {
    let receiver = Receiver::start().await;
    let (site, sender) = site(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    added(&ada, &receiver.url(), "verdicts").await;
    ada.registered(&site).await;
    site.train_all().await;
    receiver.will_say([Say::Nothing(Duration::from_secs(3))]);
    let (state, through) = (site.state.clone(), sender.clone());
    let dying = tokio::spawn(async move { send_due(&state, &through).await });
    let mut got = Vec::new();
    while got.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        got.extend(receiver.got());
    }
    // Another server leaves it alone, as long as the first may be alive.
    send(&site, &sender).await;
    dying.abort();
    assert!(dying.await.is_err(), "it has noted nothing");
    send(&site, &sender).await;
    assert!(receiver.got().is_empty());
    pass_time(&site).await;
    send(&site, &sender).await;
    let again = receiver.only();
    assert_eq!(again.header("webhook-id"), got[0].header("webhook-id"));
    assert_eq!(states(&site).await, [("sent".to_owned(), 1)]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn scripts_do_what_pages_do(pool: PgPool) {
    let receiver = Receiver::start().await;
    let (site, sender) = site(pool).await;
    let id = site.account("ada", Role::Member).await;
    let token = site.token(id, &[Scope::Read, Scope::Account]).await;
    let ada = site.browser().bearing(&token);
    let hooks = "/api/v1/webhooks";
    let refused = ada.post_json(hooks, &json!({"url": "http://a b/"})).await;
    refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.json::<Value>()["errors"][0]["pointer"], "/url");
    let new = json!({"url": receiver.url(), "what": "all"});
    let keyed = ada.post_json_once(hooks, &new, "one").await;
    keyed.assert_status(StatusCode::CREATED);
    let key = keyed.json::<Value>()["secret"].as_str().map(str::to_owned);
    let repeated = ada.post_json_once(hooks, &new, "one").await.json::<Value>();
    assert_eq!(repeated["secret"], Value::Null);
    assert_eq!(repeated["id"], keyed.json::<Value>()["id"]);
    let one = format!("{hooks}/{}", repeated["id"]);
    for _ in 0..4 {
        ada.post_json(hooks, &new)
            .await
            .assert_status(StatusCode::CREATED);
    }
    ada.post_json(hooks, &new)
        .await
        .assert_status(StatusCode::CONFLICT);
    let all: Value = ada.get(hooks).await.json();
    assert_eq!(all["items"].as_array().map(Vec::len), Some(5));
    assert!(!all.to_string().contains("whsec_"));
    let queued = ada.post_json(&format!("{one}/test"), &json!({})).await;
    queued.assert_status(StatusCode::CREATED);
    assert_eq!(queued.json::<Value>()["state"], "waiting");
    ada.post_json(&format!("{one}/test"), &json!({}))
        .await
        .assert_status(StatusCode::CONFLICT);
    send(&site, &sender).await;
    let got = receiver.only();
    let signature = got.signature(&key.expect("a secret"));
    assert_eq!(got.header("webhook-signature"), signature);
    ada.post_json(&format!("{one}/test"), &json!({})).await;
    let page = ada.get(&format!("{one}/deliveries?limit=1")).await;
    let link = page.header("link").to_str().expect("text").to_owned();
    let next = link
        .trim_start_matches('<')
        .split('>')
        .next()
        .expect("an address");
    let older: Value = ada.get(next).await.json();
    assert_eq!(older["items"][0]["tries"][0]["status"], 204, "{older}");
    assert_eq!(older["items"][0]["message"], got.header("webhook-id"));
    assert_eq!(older["next"], Value::Null);
    let changed = ada
        .patch_json(&one, &json!({"what": "verdicts", "paused": true}))
        .await;
    assert_eq!(changed.json::<Value>()["paused"], "owner");
    let changed = ada.patch_json(&one, &json!({"paused": false})).await;
    assert_eq!(changed.json::<Value>()["paused"], Value::Null);
    assert_eq!(changed.json::<Value>()["what"], "verdicts");
    // Without the scope nothing of it.
    let weak = site.token(id, &[Scope::Read, Scope::Follow]).await;
    let weak = site.browser().bearing(&weak);
    weak.get(hooks).await.assert_status(StatusCode::FORBIDDEN);
    weak.post_json(hooks, &new)
        .await
        .assert_status(StatusCode::FORBIDDEN);
}
