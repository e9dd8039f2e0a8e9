//! What hostile owners, receivers and names could do by way of webhooks.

use super::receiver::{Receiver, Request, Say};
use super::*;
use breakmywork::webhooks::limits::AN_HOUR;
use breakmywork::webhooks::names::Names;
use breakmywork_protocol::id::AccountId;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Instant;

/// Leads every name to one address, as a resolver of the owner's would.
#[derive(Debug)]
struct Leads(&'static str);

impl Names for Leads {
    fn addresses(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![SocketAddr::new(
            self.0.parse().expect("an address"),
            port,
        )])
    }
}

/// Adds a webhook past the forms.
async fn planted(site: &Site, account: AccountId, url: &str, host: &str) -> i64 {
    sqlx::query_scalar("insert into webhook (account_id, url, host, what, secret) values ($1, $2, $3, 'all', sha256('s')) returning id")
        .bind(account)
        .bind(url)
        .bind(host)
        .fetch_one(&site.pool)
        .await
        .expect("adds")
}

async fn pinged(site: &Site, webhook: i64) {
    sqlx::query("insert into webhook_delivery (webhook_id, kind) values ($1, 'ping')")
        .bind(webhook)
        .execute(&site.pool)
        .await
        .expect("queues");
}

/// What was wrong with the last delivery.
async fn wrong(site: &Site) -> String {
    sqlx::query_scalar(
        "select coalesce(tries->-1->>'error', '') from webhook_delivery order by id desc limit 1",
    )
    .fetch_one(&site.pool)
    .await
    .expect("asks")
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn private_addresses_are_refused_when_they_are_written(pool: PgPool) {
    let (site, _) = with(pool, Webhooks::Public).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let id = site.account("script", Role::Member).await;
    let token = site.token(id, &[Scope::Account]).await;
    let script = site.browser().bearing(&token);
    for url in [
        "",
        "http://example.org/",
        "https://localhost/",
        "https://127.0.0.1:8443/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://0x7f000001/",
        "https://127.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/",
        "https://me:secret@example.org/",
        "https://example.org:25/",
        "https://example.org/\0",
    ] {
        let form = [("url", url), ("what", "all")];
        let page = ada.post("/account/webhooks", &form).await;
        page.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.text().contains("url-error"), "{url}");
        let answer = script
            .post_json("/api/v1/webhooks", &json!({"url": url}))
            .await;
        answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        let answer: Value = answer.json();
        assert_eq!(answer["errors"][0]["pointer"], "/url", "{url}");
    }
    // Nor by changing one.
    let (path, _) = added(&ada, "https://example.org/", "all").await;
    let form = [("url", "https://localhost/")];
    let page = ada.post(&path, &form).await;
    page.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text().contains("value=\"https://localhost/\""));
    assert!(
        ada.get(&path)
            .await
            .text()
            .contains("value=\"https://example.org/\"")
    );
    assert_eq!(states(&site).await, []);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn nothing_is_sent_to_where_a_name_leads_into_the_servers_network(pool: PgPool) {
    let (site, sender) = with(pool, Webhooks::Public).await;
    let ada = site.account("ada", Role::Member).await;
    let inside = TcpListener::bind("127.0.0.1:0").expect("a port");
    inside.set_nonblocking(true).expect("sets");
    let port = inside.local_addr().expect("an address").port();
    let was_asked =
        || !matches!(inside.accept(), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
    // By the system's resolver, whatever is in the table: numbers in every form, and this machine's name.
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ] {
        let url = format!("https://{host}:{port}/");
        let webhook = planted(&site, ada, &url, host).await;
        pinged(&site, webhook).await;
        send(&site, &sender).await;
        assert!(!was_asked(), "{host}");
        let told = wrong(&site).await;
        assert!(
            told.contains("not public") || told.contains("not known"),
            "{host}: {told}"
        );
    }
    // By a resolver of somebody who has a name.
    for address in [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "fd00::1",
    ] {
        let through =
            Sender::new(&site.state.settings, Arc::new(Leads(address))).expect("has webhooks");
        let url = format!("https://hooks.example.org:{port}/");
        let webhook = planted(&site, ada, &url, "hooks.example.org").await;
        pinged(&site, webhook).await;
        send(&site, &through).await;
        assert!(!was_asked(), "{address}");
        assert!(wrong(&site).await.contains("not public"), "{address}");
    }
    // Nothing goes in the clear, whatever is in the table.
    let webhook = planted(
        &site,
        ada,
        &format!("http://127.0.0.1:{port}/"),
        "127.0.0.1",
    )
    .await;
    pinged(&site, webhook).await;
    send(&site, &sender).await;
    assert!(!was_asked() && !wrong(&site).await.is_empty());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_redirection_is_not_followed(pool: PgPool) {
    let (receiver, inside) = (Receiver::start().await, Receiver::start().await);
    let (site, sender) = site(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let (path, _) = added(&ada, &receiver.url(), "all").await;
    for status in [301, 302, 303, 307, 308] {
        receiver.will_say([Say::To(status, inside.url())]);
        ada.post(&format!("{path}/test"), &[])
            .await
            .assert_status_see_other();
        send(&site, &sender).await;
        assert_eq!(receiver.got().len(), 1);
        assert!(inside.got().is_empty(), "{status}");
        assert!(wrong(&site).await.contains("redirections are not followed"));
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn nobody_else_sees_changes_or_fires_a_webhook(pool: PgPool) {
    let receiver = Receiver::start().await;
    let (site, sender) = site(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let (path, _) = added(&ada, &receiver.url(), "all").await;
    ada.post(&format!("{path}/test"), &[])
        .await
        .assert_status_see_other();
    send(&site, &sender).await;
    receiver.only();
    let boss = site.signed_in("boss", Role::Admin).await;
    let eve = site.signed_in("eve", Role::Member).await;
    let (own, _) = added(&eve, "http://127.0.0.1:9/", "all").await;
    let id = site.account("script", Role::Admin).await;
    let token = site.token(id, &Scope::ALL).await;
    let script = site.browser().bearing(&token);
    for reader in [&boss, &eve] {
        reader.get(&path).await.assert_status_not_found();
        for act in ["", "/rotate", "/test", "/remove", "/deliveries/1/again"] {
            let form = [("url", "http://127.0.0.1:9/")];
            let answer = reader.post(&format!("{path}{act}"), &form).await;
            answer.assert_status_not_found();
        }
    }
    // By way of one's own, neither.
    let answer = eve.post(&format!("{own}/deliveries/1/again"), &[]).await;
    answer.assert_status_not_found();
    let rest = path.replace("/account", "/api/v1");
    for address in [rest.clone(), format!("{rest}/deliveries")] {
        script.get(&address).await.assert_status_not_found();
    }
    for act in ["/rotate", "/test", "/deliveries/1/again"] {
        let answer = script.post_json(&format!("{rest}{act}"), &json!({})).await;
        answer.assert_status_not_found();
    }
    let changed = script.patch_json(&rest, &json!({"paused": true})).await;
    changed.assert_status_not_found();
    script.delete(&rest).await.assert_status_not_found();
    let form = [("url", receiver.url())];
    let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
    let answer = eve.post_from_elsewhere("/account/webhooks", &form).await;
    answer.assert_status_forbidden();
    send(&site, &sender).await;
    assert!(receiver.got().is_empty());
    let page = ada.get(&path).await.text();
    assert!(page.contains(&receiver.url()) && page.contains("in use") || page.contains("Pause"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn of_what_is_sealed_or_hidden_no_word_is_sent(pool: PgPool) {
    let receiver = Receiver::start().await;
    let (site, sender) = site(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let eve = site.signed_in("eve", Role::Member).await;
    let mona = site.signed_in("mona", Role::Moderator).await;
    added(&eve, &receiver.url(), "all").await;
    let fields = [("title", "The zanzibar plan"), ("seal_days", "30")];
    let sealed = location(&ada.propose(&site, &fields).await);
    ada.post(&format!("{sealed}/register"), &[])
        .await
        .assert_status_see_other();
    let follow = |path: String| {
        let eve = &eve;
        async move {
            let answer = eve
                .post(&format!("{path}/follow"), &[("level", "all")])
                .await;
            answer.assert_status_see_other();
        }
    };
    follow(sealed.clone()).await;
    comment(&ada, &site, &sealed, "Wait for zanzibar.").await;
    send(&site, &sender).await;
    let told = receiver.only();
    assert_eq!(told.text(), "ada commented on experiment 1");
    assert_eq!(told.json()["experiment"]["title"], "Sealed experiment");
    let words = |request: &Request| String::from_utf8(request.body.clone()).expect("text");
    assert!(!words(&told).contains("zanzibar"), "{}", words(&told));
    // What is hidden, or deleted, before it was sent is not sent.
    let open = ada
        .propose(&site, &[("title", "An open zanzibar"), ("seeds", "7")])
        .await;
    let open = location(&open);
    follow(open.clone()).await;
    comment(&ada, &site, &open, "One.").await;
    mona.post(&format!("{open}/hide"), &[("reason", "an insult")])
        .await
        .assert_status_see_other();
    let claim = format!("/claims/{}", site.claim("C2").await);
    follow(claim.clone()).await;
    for act in ["hide", "delete"] {
        comment(&ada, &site, &claim, act).await;
        let id: i64 = sqlx::query_scalar("select max(id) from comment")
            .fetch_one(&site.pool)
            .await
            .expect("a number");
        let who = if act == "hide" { &mona } else { &ada };
        who.post(&format!("/comments/{id}/{act}"), &[("reason", "rude")])
            .await
            .assert_status_see_other();
    }
    send(&site, &sender).await;
    assert!(receiver.got().is_empty());
    let reasons: Vec<String> =
        sqlx::query_scalar("select reason from webhook_delivery where state = 'dropped'")
            .fetch_all(&site.pool)
            .await
            .expect("asks");
    assert_eq!(reasons, ["it is not to be seen any more"; 3]);
    // Of an account that is disabled nothing is sent, either.
    comment(&ada, &site, &claim, "Two.").await;
    sqlx::query("update account set disabled_at = now(), disabled_reason = 'x' where name = 'eve'")
        .execute(&site.pool)
        .await
        .expect("disables");
    send(&site, &sender).await;
    assert!(receiver.got().is_empty());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn three_accounts_with_five_webhooks_each_flood_nobody(pool: PgPool) {
    let receiver = Receiver::start().await;
    let (site, sender) = site(pool).await;
    for name in ["mallory", "mallet", "malcolm"] {
        let id = site.account(name, Role::Member).await;
        for _ in 0..5 {
            planted(&site, id, &receiver.url(), "127.0.0.1").await;
        }
    }
    // As many as an hour of pings would be, had none to wait for the one before.
    sqlx::query(
        "insert into webhook_delivery (webhook_id, kind, state)
         select id, 'ping', 'sent' from webhook, generate_series(1, 20)",
    )
    .execute(&site.pool)
    .await
    .expect("queues");
    let hour = Instant::now();
    let mut sent = 0;
    for _ in 0..20 {
        sqlx::query(
            "update webhook_delivery set state = 'waiting' where id in (
               select min(id) from webhook_delivery where state = 'sent' and tries = '[]' group by webhook_id)
             and not exists (select from webhook_delivery w where w.webhook_id = webhook_delivery.webhook_id and w.state = 'waiting')",
        )
        .execute(&site.pool)
        .await
        .expect("queues");
        send(&site, &sender).await;
        sent += receiver.got().len();
    }
    assert!(hour.elapsed() < Duration::from_secs(3_600));
    assert_eq!(sent, AN_HOUR as usize);
    let waiting: i64 = sqlx::query_scalar(
        "select count(*) from webhook where next_at between now() + interval '50 minutes' and now() + interval '61 minutes'",
    )
    .fetch_one(&site.pool)
    .await
    .expect("counts");
    assert_eq!(waiting, 15, "all wait for the hour to end");
    // The same address by another name gets no more, another address does.
    let bob = site.account("bob", Role::Member).await;
    let webhook = planted(&site, bob, &receiver.url(), "bob.example.org").await;
    pinged(&site, webhook).await;
    send(&site, &sender).await;
    assert!(receiver.got().is_empty());
    let refused = receiver.url().replace("127.0.0.1", "127.0.0.2");
    let webhook = planted(&site, bob, &refused, "127.0.0.2").await;
    pinged(&site, webhook).await;
    send(&site, &sender).await;
    assert!(wrong(&site).await.contains("nothing listens there"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_slow_receiver_holds_up_nobody_else(pool: PgPool) {
    let (slow, quick) = (Receiver::start().await, Receiver::start().await);
    let (site, sender) = site(pool).await;
    // Three hostile accounts, each webhook under a name of its own.
    for name in ["mallory", "mallet", "malcolm"] {
        let id = site.account(name, Role::Member).await;
        for number in 0..5 {
            let host = format!("{name}{number}.example.org");
            let webhook = planted(&site, id, &slow.url(), &host).await;
            pinged(&site, webhook).await;
        }
    }
    slow.will_say(vec![Say::Nothing(Duration::from_secs(8)); 15]);
    let bob = site.account("bob", Role::Member).await;
    let webhook = planted(&site, bob, &quick.url(), "bob.example.org").await;
    pinged(&site, webhook).await;
    let (state, through) = (site.state.clone(), sender.clone());
    let sending = tokio::spawn(async move { send_due(&state, &through).await });
    let begun = Instant::now();
    let (mut answered, mut waiting) = (0, 0);
    while answered < 1 || waiting < 6 {
        assert!(begun.elapsed() < Duration::from_secs(7), "held up");
        tokio::time::sleep(Duration::from_millis(20)).await;
        answered += quick.got().len();
        waiting += slow.got().len();
    }
    assert_eq!(waiting, 6, "two of each account at once");
    sending.abort();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_board_without_webhooks_has_none(pool: PgPool) {
    let settings = Settings {
        webhooks: Webhooks::Off,
        ..Settings::default()
    };
    assert!(Sender::new(&settings, Arc::new(System)).is_none());
    let site = Site::with(pool, settings).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let page = ada.get("/account/webhooks").await.text();
    assert!(page.contains("its operator has turned them off"));
    let form = [("url", "https://example.org/"), ("what", "all")];
    let answer = ada.post("/account/webhooks", &form).await;
    answer.assert_status(StatusCode::CONFLICT);
    let id = site.account("script", Role::Member).await;
    let token = site.token(id, &[Scope::Read, Scope::Account]).await;
    let script = site.browser().bearing(&token);
    let new = json!({"url": "https://example.org/"});
    let answer = script.post_json("/api/v1/webhooks", &new).await;
    answer.assert_status(StatusCode::CONFLICT);
    let all: Value = script.get("/api/v1/webhooks").await.json();
    assert_eq!(all["items"], json!([]));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_log_is_bounded_and_what_waited_too_long_is_dropped(pool: PgPool) {
    let (site, _) = site(pool).await;
    let ada = site.account("ada", Role::Member).await;
    let busy = planted(&site, ada, "http://127.0.0.1:9/", "127.0.0.1").await;
    let quiet = planted(&site, ada, "http://127.0.0.1:9/", "127.0.0.1").await;
    sqlx::query(
        "insert into webhook_delivery (webhook_id, kind, state, created_at, next_at)
         select $1, 'ping', 'sent', now(), now() from generate_series(1, 150)
         union all select $2, 'ping', 'failed', now() - interval '31 days', now()
         union all select $2, 'ping', 'waiting', now(), now() - interval '4 days'
         union all select $2, 'ping', 'sent', now() - interval '29 days', now()",
    )
    .bind(busy)
    .bind(quiet)
    .execute(&site.pool)
    .await
    .expect("is there");
    log::forget_old(&site.pool).await.expect("forgets");
    let left: Vec<(i64, String, i64)> = sqlx::query_as(
        "select webhook_id, state, count(*) from webhook_delivery group by 1, 2 order by 1, 2",
    )
    .fetch_all(&site.pool)
    .await
    .expect("asks");
    assert_eq!(
        left,
        [
            (busy, "sent".to_owned(), log::KEPT),
            (quiet, "dropped".to_owned(), 1),
            (quiet, "sent".to_owned(), 1)
        ]
    );
}
