//! Mail, against a real mail server (Python's aiosmtpd).

use crate::front::{self, Authority};
use crate::support::*;
use axum::http::StatusCode;
use breakmywork::{
    auth::account::Role,
    config::Settings,
    mail::{self, SmtpUrl, Transport},
};
use breakmywork_protocol::db::MIGRATOR;
use serde_json::Value;
use sqlx::PgPool;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A running mail server; ended with the test.
struct Server {
    child: Child,
    output: BufReader<ChildStdout>,
    url: String,
}

impl Server {
    /// One that refuses so many mails first.
    fn start(refusals: u32, code: u16) -> Self {
        // Debian's Python, which has Debian's package.
        let mut child = Command::new("/usr/bin/python3")
            .arg("tests/data/mail_server.py")
            .args([refusals.to_string(), code.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3-aiosmtpd is installed");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut port = String::new();
        output.read_line(&mut port).expect("a port");
        let url = format!("smtp://127.0.0.1:{}", port.trim());
        Self { child, output, url }
    }

    /// The next mail that it took.
    fn mail(&mut self) -> Mail {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a mail");
        Mail(serde_json::from_str(&line).expect("JSON"))
    }

    /// Ends it, and gives how many mails it took that nobody has asked for.
    fn stop(mut self) -> usize {
        self.child.kill().expect("ends");
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).expect("reads");
        rest.lines().count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Mail(Value);

impl Mail {
    fn header(&self, name: &str) -> String {
        let headers = self.0["headers"].as_array().expect("headers");
        let values: Vec<&str> = headers
            .iter()
            .filter(|header| header[0] == name)
            .filter_map(|header| header[1].as_str())
            .collect();
        assert_eq!(values.len(), 1, "{name}: {}", self.0);
        values[0].to_owned()
    }

    fn text(&self) -> &str {
        self.0["text"].as_str().expect("text")
    }

    /// The path of the link in it that begins so.
    fn link(&self, begin: &str) -> String {
        let at = self.text().find(begin).expect("a link");
        let rest = &self.text()[at..];
        rest.split_whitespace().next().expect("a link").to_owned()
    }
}

async fn site(pool: PgPool, url: &str) -> (Site, Transport) {
    let settings = Settings {
        public_url: "http://board.example.org".to_owned(),
        smtp_url: Some(SmtpUrl::parse(url).expect("an address")),
        mail_from: Some(
            "Break My Work <board@example.org>"
                .parse()
                .expect("a sender"),
        ),
        ..Settings::default()
    };
    let transport = mail::transport(&settings)
        .expect("reads")
        .expect("configured");
    (Site::with(pool, settings).await, transport)
}

/// From the first byte, to a server with a certificate of an authority that the operator named, and to no other.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_mail_server_is_believed_that_has_a_certificate_of_who_is_trusted(pool: PgPool) {
    let mut server = Server::start(0, 451);
    let port = server
        .url
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok());
    let port = port.expect("a port");
    let trusted = front::trusted().front(port);
    let (site, transport) = site(pool, &format!("smtps://localhost:{}", trusted.port)).await;
    let ada = site.signed_in("ada", Role::Member).await;
    wish(&ada, "ada@example.org", "verdicts").await;
    send(&site, &transport).await;
    let mail = server.mail();
    assert_eq!(mail.0["to"], serde_json::json!(["ada@example.org"]));

    let other = Authority::new();
    let stranger = other.front(port);
    let url = SmtpUrl::parse(&format!("smtps://localhost:{}", stranger.port)).expect("an address");
    let transport = url.transport("board.example.org").expect("reads");
    let refused = transport.test_connection().await.expect_err("not believed");
    assert!(
        format!("{refused:?}").contains("UnknownIssuer"),
        "{refused:?}"
    );
}

async fn send(site: &Site, transport: &Transport) {
    mail::send_due(&site.state, transport)
        .await
        .expect("the database is there");
}

async fn wish(browser: &Browser, address: &str, wish: &str) {
    let form = [("address", address), ("wish", wish)];
    let answer = browser.post("/account/mail", &form).await;
    assert_eq!(location(&answer), "/account#mail");
}

/// Gives an address and follows the link that is mailed there.
async fn confirmed(
    browser: &Browser,
    site: &Site,
    server: &mut Server,
    transport: &Transport,
    address: &str,
    wanted: &str,
) {
    wish(browser, address, wanted).await;
    send(site, transport).await;
    let link = server.mail().link("/mail/confirm/");
    // Whoever has the link needs no session.
    let stranger = site.browser();
    let asks = stranger.get(&link).await;
    assert!(asks.text().contains(address));
    stranger.post(&link, &[]).await.assert_status_ok();
}

async fn states(site: &Site) -> Vec<(String, i16)> {
    sqlx::query_as("select state, attempts from mail where kind <> 'confirmation' order by id")
        .fetch_all(&site.pool)
        .await
        .expect("asks")
}

async fn pass_time(site: &Site) {
    sqlx::raw_sql(
        "update mail set next_at = next_at - interval '7 hours';
         update mailbox set digest_at = digest_at - interval '25 hours'",
    )
    .execute(&site.pool)
    .await
    .expect("passes");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_verdict_is_one_mail_with_its_sentence_in_the_subject(pool: PgPool) {
    let mut server = Server::start(0, 0);
    let (site, transport) = site(pool, &server.url).await;
    let ada = site.signed_in("ada", Role::Member).await;
    wish(&ada, "ada@example.org", "verdicts").await;
    send(&site, &transport).await;
    let asked = server.mail();
    assert_eq!(asked.0["to"], serde_json::json!(["ada@example.org"]));
    assert_eq!(
        asked.header("subject"),
        "Confirm your address for Break My Work"
    );
    let page = ada.get("/account").await.text();
    assert!(page.contains("ada@example.org is not confirmed yet"));
    // Until it is confirmed nothing else goes there.
    ada.registered(&site).await;
    site.train_all().await;
    assert!(states(&site).await.is_empty());
    let link = asked.link("/mail/confirm/");
    site.browser().get(&link).await.assert_status_ok();
    assert!(
        ada.get("/account")
            .await
            .text()
            .contains("is not confirmed yet"),
        "looking confirms nothing"
    );
    ada.post(&link, &[]).await.assert_status_ok();
    ada.post(&link, &[])
        .await
        .assert_status(StatusCode::NOT_FOUND);
    assert!(
        ada.get("/account")
            .await
            .text()
            .contains("ada@example.org is confirmed.")
    );

    let fields = [("title", "Another one"), ("seeds", "7")];
    let path = location(&ada.propose(&site, &fields).await);
    ada.post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();
    site.train_all().await;
    send(&site, &transport).await;
    send(&site, &transport).await;
    let told = server.mail();
    assert_eq!(told.0["from"], "board@example.org");
    assert_eq!(told.0["defects"], serde_json::json!([]));
    assert_eq!(told.header("from"), "Break My Work <board@example.org>");
    assert_eq!(told.header("to"), "ada <ada@example.org>");
    let subject = told.header("subject");
    assert!(
        subject.starts_with("Supported: experiment 2 on claim C2. “fixed state mask” is better"),
        "{subject}"
    );
    assert!(
        told.text()
            .contains(&format!("http://board.example.org{path}\n")),
        "{}",
        told.text()
    );
    assert!(told.text().contains("On claim C2: "), "{}", told.text());
    assert_eq!(
        told.header("list-unsubscribe-post"),
        "List-Unsubscribe=One-Click"
    );
    assert_eq!(states(&site).await, [("sent".to_owned(), 1)]);

    // One click of a mail program, which has neither a session nor an origin.
    let url = told.header("list-unsubscribe");
    let path = url
        .trim_matches(['<', '>'])
        .strip_prefix("http://board.example.org")
        .expect("of this board")
        .to_owned();
    assert!(told.text().contains(&path), "{}", told.text());
    let program = site.browser();
    let asks = program.get(&path).await.text();
    assert!(asks.contains("Send no more mail"), "{asks}");
    program
        .post_plain(&path, &[("List-Unsubscribe", "One-Click")])
        .await
        .assert_status_ok();
    ada.propose(&site, &[("title", "A third one"), ("seeds", "9")])
        .await;
    let third = "/experiments/3";
    ada.post(&format!("{third}/register"), &[])
        .await
        .assert_status_see_other();
    site.train_all().await;
    send(&site, &transport).await;
    assert_eq!(states(&site).await.len(), 1);
    program
        .get("/unsubscribe/none")
        .await
        .assert_status(StatusCode::NOT_FOUND);
    assert_eq!(server.stop(), 0, "nothing was sent twice");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_refused_for_now_is_tried_again_later_and_what_is_refused_for_good_is_not(
    pool: PgPool,
) {
    let mut server = Server::start(0, 0);
    let (mut site, transport) = site(pool, &server.url).await;
    let ada = site.signed_in("ada", Role::Member).await;
    confirmed(
        &ada,
        &site,
        &mut server,
        &transport,
        "ada@example.org",
        "verdicts",
    )
    .await;
    ada.registered(&site).await;
    site.train_all().await;
    drop(server);
    // Nobody answers: nothing counts as tried.
    send(&site, &transport).await;
    assert_eq!(states(&site).await, [("waiting".to_owned(), 0)]);
    // It is refused twice, then taken; each time later.
    let mut server = Server::start(2, 451);
    let transport = through(&mut site, &server);
    for attempt in [1, 2] {
        send(&site, &transport).await;
        send(&site, &transport).await;
        assert_eq!(states(&site).await, [("waiting".to_owned(), attempt)]);
        pass_time(&site).await;
    }
    send(&site, &transport).await;
    assert_eq!(states(&site).await, [("sent".to_owned(), 3)]);
    server.mail();
    assert_eq!(server.stop(), 0);

    let server = Server::start(9, 550);
    let transport = through(&mut site, &server);
    sqlx::query("update mail set state = 'waiting' where kind = 'verdict'")
        .execute(&site.pool)
        .await
        .expect("queues");
    send(&site, &transport).await;
    pass_time(&site).await;
    send(&site, &transport).await;
    assert_eq!(states(&site).await, [("failed".to_owned(), 4)]);

    // A server that was stopped in the middle has sent it, as far as anybody knows.
    sqlx::query("update mail set state = 'sending', next_at = now() - interval '1 hour' where kind = 'verdict'")
        .execute(&site.pool)
        .await
        .expect("stops");
    send(&site, &transport).await;
    assert_eq!(states(&site).await, [("lost".to_owned(), 4)]);
}

/// The same site with another mail server.
fn through(site: &mut Site, server: &Server) -> Transport {
    let settings = Settings {
        smtp_url: Some(SmtpUrl::parse(&server.url).expect("an address")),
        ..(*site.state.settings).clone()
    };
    let transport = mail::transport(&settings)
        .expect("reads")
        .expect("configured");
    site.state.settings = settings.into();
    transport
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_digest_comes_once_a_day_if_there_is_anything(pool: PgPool) {
    let mut server = Server::start(0, 0);
    let (site, transport) = site(pool, &server.url).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let bob = site.signed_in("bob", Role::Member).await;
    confirmed(
        &ada,
        &site,
        &mut server,
        &transport,
        "ada@example.org",
        "digest",
    )
    .await;
    let path = ada.registered(&site).await;
    pass_time(&site).await;
    send(&site, &transport).await;
    assert!(states(&site).await.is_empty(), "nothing is new");
    crate::following::comment(&bob, &site, &path, "Why?").await;
    site.train_all().await;
    send(&site, &transport).await;
    assert!(states(&site).await.is_empty(), "there was one within a day");
    pass_time(&site).await;
    send(&site, &transport).await;
    send(&site, &transport).await;
    let told = server.mail();
    assert_eq!(told.header("subject"), "2 news of what you follow");
    for line in [
        "bob commented on experiment 1",
        "Supported: experiment 1 on claim C2",
    ] {
        assert!(told.text().contains(line), "{}", told.text());
    }
    assert_eq!(states(&site).await, [("sent".to_owned(), 1)]);
    assert_eq!(server.stop(), 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn nothing_that_people_type_becomes_a_header(pool: PgPool) {
    let mut server = Server::start(0, 0);
    let (site, transport) = site(pool, &server.url).await;
    let ada = site.signed_in("ada", Role::Member).await;
    for bad in [
        "ada@example.org\r\nBcc: eve@example.org",
        "ada@example.org, eve@example.org",
        "nobody",
    ] {
        let form = [("address", bad), ("wish", "verdicts")];
        let refused = ada.post("/account/mail", &form).await;
        refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text().contains("This is no mail address."), "{bad}");
    }
    confirmed(
        &ada,
        &site,
        &mut server,
        &transport,
        "ada@example.org",
        "verdicts",
    )
    .await;
    ada.registered(&site).await;
    // Past every check of the program.
    sqlx::raw_sql(
        "alter table experiment disable trigger user;
         update experiment set title = E'x\\r\\nBcc: eve@example.org\\r\\n\\r\\nHello';
         alter table claim disable trigger user;
         update claim set sentence = E'y\\nBcc: eve@example.org'",
    )
    .execute(&site.pool)
    .await
    .expect("changes");
    site.train_all().await;
    sqlx::raw_sql("update comment set body = E'**Falsified.** a\\rBcc: eve@example.org\\r\\n\\r\\nHello' where kind = 'result'")
        .execute(&site.pool)
        .await
        .expect("changes");
    send(&site, &transport).await;
    let told = server.mail();
    assert_eq!(told.0["to"], serde_json::json!(["ada@example.org"]));
    let names: Vec<&str> = told.0["headers"]
        .as_array()
        .expect("headers")
        .iter()
        .filter_map(|header| header[0].as_str())
        .collect();
    assert!(!names.contains(&"bcc"), "{names:?}");
    assert!(
        told.header("subject").contains("Bcc: eve@example.org"),
        "{}",
        told.0
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn nobody_is_asked_to_confirm_over_and_over(pool: PgPool) {
    let server = Server::start(0, 0);
    let (site, _) = site(pool, &server.url).await;
    for (name, status) in [("one", 303), ("two", 303), ("three", 303), ("four", 429)] {
        let browser = site.signed_in(name, Role::Member).await;
        let form = [("address", "victim@example.org"), ("wish", "verdicts")];
        let answer = browser.post("/account/mail", &form).await;
        assert_eq!(answer.status_code().as_u16(), status, "{name}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_board_without_a_mail_server_says_so(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    assert!(
        ada.get("/account")
            .await
            .text()
            .contains("This board sends no mail.")
    );
    let form = [("address", "ada@example.org"), ("wish", "verdicts")];
    let answer = ada.post("/account/mail", &form).await;
    answer.assert_status(StatusCode::CONFLICT);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_forgotten_password_is_set_anew_by_whoever_reads_the_accounts_mail(pool: PgPool) {
    let mut server = Server::start(0, 0);
    let (site, transport) = site(pool, &server.url).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let bob = site.signed_in("bob", Role::Member).await;
    confirmed(
        &ada,
        &site,
        &mut server,
        &transport,
        "ada@example.org",
        "none",
    )
    .await;
    // Bob has given an address that he has not confirmed; nobody is called eve.
    wish(&bob, "bob@example.org", "verdicts").await;
    send(&site, &transport).await;
    server.mail();
    let stranger = site.browser();
    let asks = stranger.get("/sign-in").await.text();
    assert!(asks.contains("href=\"/sign-in/forgotten\""));
    let mut answers = Vec::new();
    for name in ["ada", "bob", "eve", "' or 1", " Ada "] {
        let answer = stranger.post("/sign-in/forgotten", &[("name", name)]).await;
        answer.assert_status_ok();
        answers.push(answer.text());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    send(&site, &transport).await;
    let (first, told) = (server.mail(), server.mail());
    assert_eq!(told.0["to"], serde_json::json!(["ada@example.org"]));
    assert_eq!(told.header("subject"), "A new password for Break My Work");
    let link = |mail: &Mail| mail.link("/sign-in/new-password/");
    let (first, link) = (link(&first), link(&told));

    // The later link alone is good, and nothing happens by looking, nor by a password that will not do.
    stranger
        .get(&first)
        .await
        .assert_status(StatusCode::NOT_FOUND);
    assert!(
        stranger
            .get(&link)
            .await
            .text()
            .contains("New password for ada")
    );
    let refused = stranger.post(&link, &[("new", "12345678")]).await;
    refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!refused.text().contains("12345678"));
    ada.get("/account").await.assert_status_ok();

    let new = "nineteen quiet herons";
    let set = stranger.post(&link, &[("new", new)]).await;
    assert_eq!(location(&set), "/sign-in");
    assert!(location(&ada.get("/account").await).starts_with("/sign-in"));
    let again = stranger.post(&link, &[("new", new)]).await;
    again.assert_status(StatusCode::NOT_FOUND);
    assert!(!again.text().contains(new), "a password is not shown");
    let form = [("name", "ada"), ("password", new)];
    stranger
        .post("/sign-in", &form)
        .await
        .assert_status_see_other();
    assert_eq!(server.stop(), 0, "neither bob nor eve got any");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_link_for_a_new_password_ends_with_time_a_disabled_account_and_another_address(
    pool: PgPool,
) {
    let mut server = Server::start(0, 0);
    let (site, transport) = site(pool, &server.url).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let address = "ada@example.org";
    confirmed(&ada, &site, &mut server, &transport, address, "none").await;
    let stranger = site.browser();
    let mut links = Vec::new();
    for after in [
        "update password_reset set expires_at = now()",
        "update account set disabled_at = now(), disabled_reason = 'Left' where name = 'ada'",
    ] {
        stranger
            .post("/sign-in/forgotten", &[("name", "ada")])
            .await
            .assert_status_ok();
        send(&site, &transport).await;
        let link = server.mail().link("/sign-in/new-password/");
        stranger.get(&link).await.assert_status_ok();
        sqlx::raw_sql(after)
            .execute(&site.pool)
            .await
            .expect("ends");
        links.push(link);
    }
    for link in &links {
        let refused = stranger
            .post(link, &[("new", "nineteen quiet herons")])
            .await;
        refused.assert_status(StatusCode::NOT_FOUND);
    }
    let enabled =
        "update account set disabled_at = null, disabled_reason = null where name = 'ada'";
    sqlx::raw_sql(enabled)
        .execute(&site.pool)
        .await
        .expect("is back");
    stranger.get(&links[1]).await.assert_status_ok();
    wish(&ada, "lovelace@example.org", "none").await;
    stranger
        .get(&links[1])
        .await
        .assert_status(StatusCode::NOT_FOUND);

    // Five mails a day, whoever asks, and ten requests an hour from one place.
    sqlx::raw_sql("update mailbox set confirmed_at = now()")
        .execute(&site.pool)
        .await
        .expect("confirms");
    for _ in 0..8 {
        stranger
            .post("/sign-in/forgotten", &[("name", "ada")])
            .await
            .assert_status_ok();
    }
    let queued: i64 = sqlx::query_scalar("select count(*) from mail where kind = 'reset'")
        .fetch_one(&site.pool)
        .await
        .expect("counts");
    assert_eq!(queued, 5);
    stranger
        .post("/sign-in/forgotten", &[("name", "ada")])
        .await
        .assert_status(StatusCode::TOO_MANY_REQUESTS);
}
