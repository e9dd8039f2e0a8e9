//! Secrets that the database keeps sealed: none stands there, all work, keys change, and a key is lost.

use crate::second_factor::{give, step, time_passes};
use crate::support::{Browser, PASSWORD, Site};
use crate::webhooks::receiver::Receiver;
use crate::webhooks::{added, pass_time, secret, send};
use breakmywork::auth::account::Role;
use breakmywork::config::{Settings, Webhooks};
use breakmywork::sealing::Keys;
use breakmywork::sealing::at_rest::{self, Standing};
use breakmywork::webhooks::Sender;
use breakmywork::webhooks::names::System;
use breakmywork_protocol::db::MIGRATOR;
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool};
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use totp_rs::Builder;

/// A file's text, and the keys in it: one of each digit, repeated.
fn lines(digits: &str) -> String {
    let lines = digits
        .chars()
        .map(|digit| format!("{}\n", digit.to_string().repeat(64)));
    lines.collect()
}

fn keys(digits: &str) -> Keys {
    match digits {
        "" => Keys::default(),
        digits => Keys::parse(&lines(digits)).expect("keys"),
    }
}

/// A server of the board, with these keys, and what sends its webhooks.
async fn board(pool: &PgPool, digits: &str) -> (Site, Sender) {
    let settings = Settings {
        requests_per_minute: 0,
        webhooks: Webhooks::Any,
        secret_keys: keys(digits),
        ..Settings::default()
    };
    let sender = Sender::new(&settings, Arc::new(System)).expect("has webhooks");
    (Site::with(pool.clone(), settings).await, sender)
}

/// What ada has: the app's secret, codes on paper, a webhook and its two secrets.
struct Ada {
    browser: Browser,
    app: Vec<u8>,
    paper: Vec<String>,
    webhook: String,
    old: String,
    new: String,
}

/// The bytes of base32, with dashes between.
fn base32(text: &str) -> Vec<u8> {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut bits = (0_u64, 0_u32);
    let mut bytes = Vec::new();
    for letter in text.chars().filter(|letter| *letter != '-') {
        let value = LETTERS.find(letter).expect("a letter of base32") as u64;
        bits = (bits.0 << 5 | value, bits.1 + 5);
        if bits.1 >= 8 {
            bits.1 -= 8;
            bytes.push((bits.0 >> bits.1 & 0xff) as u8);
        }
    }
    bytes
}

fn code(app: &[u8]) -> String {
    let totp = Builder::new().with_secret(app.to_vec()).build();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("later");
    totp.expect("good").generate(now.as_secs()).to_string()
}

impl Ada {
    /// Sets up a second factor and a webhook, and changes the webhook's secret.
    async fn new(site: &Site, receiver: &Receiver) -> Self {
        let browser = site.signed_in("ada", Role::Member).await;
        let at = "/account/second-factor";
        browser
            .post(at, &[("current", PASSWORD)])
            .await
            .assert_status_see_other();
        let page = browser.get(at).await.text();
        let shown = page
            .split(|char: char| !char.is_ascii_alphanumeric() && char != '-')
            .find(|word| word.len() == 39 && word.matches('-').count() == 7)
            .expect("the app's secret");
        let app = base32(shown);
        assert_eq!(app.len(), 20);
        let confirm = "/account/second-factor/confirm";
        let page = browser.post(confirm, &[("code", &code(&app))]).await.text();
        let codes = page.split("tabindex=\"0\">").nth(1).expect("codes");
        let codes = codes.split("</pre>").next().expect("their end");
        let paper = codes.split_whitespace().map(str::to_owned).collect();
        let (webhook, old) = added(&browser, &receiver.url(), "verdicts").await;
        let page = browser.post(&format!("{webhook}/rotate"), &[]).await.text();
        Self {
            browser,
            app,
            paper,
            webhook,
            old,
            new: secret(&page),
        }
    }

    /// Her secrets as they would stand in the database in clear.
    fn clear(&self) -> Vec<String> {
        let key = |shown: &str| {
            let bytes = Command::new("python3")
                .args([
                    "-c",
                    "import base64, sys; print(base64.b64decode(sys.argv[1][6:]).hex())",
                    shown,
                ])
                .output()
                .expect("python3 runs");
            String::from_utf8(bytes.stdout)
                .expect("text")
                .trim()
                .to_owned()
        };
        let app = self.app.iter().map(|byte| format!("{byte:02x}")).collect();
        let clear = vec![app, key(&self.old), key(&self.new)];
        assert!(clear.iter().all(|hex| hex.len() >= 40), "{clear:?}");
        clear
    }

    /// She signs in with a code, and a request is signed with both secrets, by a server with these keys.
    async fn is_served(&self, pool: &PgPool, digits: &str, receiver: &Receiver) {
        let (site, sender) = board(pool, digits).await;
        time_passes(&site).await;
        let browser = site.browser();
        let form = step(&browser).await;
        assert_eq!(
            give(&browser, &form, &code(&self.app)).await,
            303,
            "{digits}"
        );
        browser.get("/account").await.assert_status_ok();
        let test = format!("{}/test", self.webhook);
        browser.post(&test, &[]).await.assert_status_see_other();
        pass_time(&site).await;
        send(&site, &sender).await;
        let got = receiver.only();
        let both = format!("{} {}", got.signature(&self.new), got.signature(&self.old));
        assert_eq!(got.header("webhook-signature"), both, "{digits}");
    }
}

/// Every row of every table as text, in which bytes are hexadecimal.
async fn dump(pool: &PgPool) -> String {
    let tables: Vec<String> =
        sqlx::query_scalar("select tablename::text from pg_tables where schemaname = 'public'")
            .fetch_all(pool)
            .await
            .expect("lists");
    let mut dump = String::new();
    for table in tables {
        let query = format!("select coalesce(string_agg(t::text, ' '), '') from \"{table}\" t");
        let rows: String = sqlx::query_scalar(AssertSqlSafe(query))
            .fetch_one(pool)
            .await
            .expect("reads");
        dump.push_str(&rows);
    }
    dump
}

/// Three secrets, all of them so.
async fn all_are(pool: &PgPool, digit: &str) {
    let standing = at_rest::standing(pool).await.expect("counts");
    let expected = Standing([(keys(digit).ids().next(), 3)].into());
    assert_eq!(standing, expected, "{digit}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn no_secret_stands_in_the_database_and_all_of_them_work(pool: PgPool) {
    let receiver = Receiver::start().await;
    let (site, _) = board(&pool, "a").await;
    let ada = Ada::new(&site, &receiver).await;
    let rows = dump(&pool).await;
    for clear in ada.clear() {
        assert!(!rows.contains(&clear), "{clear}");
    }
    all_are(&pool, "a").await;
    ada.is_served(&pool, "a", &receiver).await;
    // What is not sealed would have been found.
    at_rest::unseal(&pool, &keys("a")).await.expect("unseals");
    let rows = dump(&pool).await;
    for clear in ada.clear() {
        assert!(rows.contains(&clear), "{clear}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn secrets_of_before_are_sealed_at_the_start_and_again_with_each_new_key(pool: PgPool) {
    let receiver = Receiver::start().await;
    let (site, _) = board(&pool, "").await;
    let ada = Ada::new(&site, &receiver).await;
    all_are(&pool, "").await;
    at_rest::start(&pool, &keys("a")).await.expect("starts");
    all_are(&pool, "a").await;
    ada.is_served(&pool, "a", &receiver).await;
    // A server that has the new key, too, and seals with the old one still, opens what others seal already.
    at_rest::start(&pool, &keys("ba")).await.expect("starts");
    all_are(&pool, "b").await;
    ada.is_served(&pool, "ab", &receiver).await;
    at_rest::start(&pool, &keys("b"))
        .await
        .expect("the old key can go");
    ada.is_served(&pool, "b", &receiver).await;
    // Several servers start at once.
    let new = keys("cb");
    let starts = (0..4).map(|_| at_rest::start(&pool, &new));
    for started in futures_util::future::join_all(starts).await {
        started.expect("starts");
    }
    all_are(&pool, "c").await;
    ada.is_served(&pool, "c", &receiver).await;
    let unsealed = at_rest::unseal(&pool, &keys("c")).await;
    assert_eq!(unsealed.expect("unseals"), 3);
    all_are(&pool, "").await;
    ada.is_served(&pool, "", &receiver).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn more_secrets_than_are_read_at_once_are_all_sealed(pool: PgPool) {
    sqlx::raw_sql(
        "insert into account (name, password_hash) select 'member' || n, 'x' from generate_series(1, 1203) n;
         insert into second_factor (account_id, secret)
         select id, substring(sha256(name::bytea) from 1 for 20) from account where name like 'member%';",
    )
    .execute(&pool)
    .await
    .expect("inserts");
    let keys = keys("a");
    at_rest::start(&pool, &keys).await.expect("starts");
    let standing = at_rest::standing(&pool).await.expect("counts");
    assert_eq!(standing, Standing([(keys.ids().next(), 1203)].into()));
}

/// A key file that a command takes.
fn key_file(folder: &tempfile::TempDir, digits: &str) -> String {
    let path: PathBuf = folder.path().join(format!("key-{digits}"));
    fs::write(&path, lines(digits)).expect("writes");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("changes");
    path.to_str().expect("text").to_owned()
}

/// A command on the database of the test.
fn command(pool: &PgPool, arguments: &[&str]) -> Output {
    let url = pool.connect_options().to_url_lossy().to_string();
    Command::new(env!("CARGO_BIN_EXE_breakmywork"))
        .args(arguments)
        .env("DATABASE_URL", url)
        .env("RUST_LOG", "warn")
        .output()
        .expect("it runs")
}

fn said(output: &Output) -> (bool, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let ok = output.status.success();
    (ok, text(&output.stdout), text(&output.stderr))
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_board_whose_key_is_lost_says_so_and_can_go_on(pool: PgPool) {
    let receiver = Receiver::start().await;
    let (site, _) = board(&pool, "a").await;
    let ada = Ada::new(&site, &receiver).await;
    // One that stands in clear: it stays so until all can be opened.
    let (clear, _) = board(&pool, "").await;
    let bob = clear.signed_in("bob", Role::Member).await;
    added(&bob, &receiver.url(), "verdicts").await;
    let before = dump(&pool).await;

    let folder = tempfile::tempdir().expect("a folder");
    let file = key_file(&folder, "b");
    let lost = keys("a").ids().next().expect("a name").to_string();
    let other = keys("b").ids().next().expect("a name").to_string();
    let serve = ["serve", "--port", "0"];
    let with = ["--secret-key-file", &file];
    for command_line in [&serve[..], &[&serve[..], &with].concat()] {
        let (ok, _, why) = said(&command(&pool, command_line));
        assert!(!ok && why.contains(&format!("{lost} (of 3)")), "{why}");
        assert!(why.contains("breakmywork secrets forget"), "{why}");
        assert!(why.contains("breakmywork user second-factor-off"), "{why}");
    }
    let (ok, table, _) = said(&command(
        &pool,
        &[&["secrets", "status"][..], &with].concat(),
    ));
    let expected = format!("{other}\tseals\t0\n{lost}\tmissing\t3\nin clear\t\t1\n");
    assert!(ok && table == expected, "{table}");
    let forget = [&["secrets", "forget"][..], &with].concat();
    let (ok, list, why) = said(&command(&pool, &forget));
    assert!(!ok && why.contains("--yes"), "{why}");
    assert!(list.contains("the second factor of ada\n"), "{list}");
    assert!(
        list.contains(" of ada\n") && !list.contains("bob"),
        "{list}"
    );
    assert_eq!(list.lines().count(), 3, "{list}");
    assert_eq!(dump(&pool).await, before, "nothing was changed");

    let (ok, gone, why) = said(&command(&pool, &[&forget[..], &["--yes"]].concat()));
    assert!(ok && gone == list, "{gone} {why}");
    let nothing = said(&command(&pool, &[&forget[..], &["--yes"]].concat()));
    assert_eq!((nothing.0, nothing.1.as_str()), (true, "nothing to do\n"));
    at_rest::start(&pool, &keys("b")).await.expect("starts");
    let (site, sender) = board(&pool, "b").await;
    // Nobody is let in with less: the app's codes are good no more, those on paper are.
    time_passes(&site).await;
    let browser = site.browser();
    let form = step(&browser).await;
    assert_eq!(give(&browser, &form, &code(&ada.app)).await, 422);
    assert_eq!(give(&browser, &form, &ada.paper[0]).await, 303);
    let test = format!("{}/test", ada.webhook);
    browser.post(&test, &[]).await.assert_status_see_other();
    send(&site, &sender).await;
    let got = receiver.only();
    for known in [&ada.old, &ada.new] {
        assert!(
            !got.header("webhook-signature")
                .contains(&got.signature(known))
        );
    }
    let page = browser.post(&format!("{}/rotate", ada.webhook), &[]).await;
    let fresh = secret(&page.text());
    browser.post(&test, &[]).await.assert_status_see_other();
    pass_time(&site).await;
    send(&site, &sender).await;
    let got = receiver.only();
    assert!(
        got.header("webhook-signature")
            .starts_with(&got.signature(&fresh))
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_command_line_makes_a_key_and_says_what_is_wrong_with_one(pool: PgPool) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("made");
    let name = file.to_str().expect("text");
    let (ok, made, why) = said(&command(&pool, &["secrets", "make-key", name]));
    assert!(ok && made.starts_with("made\t"), "{made} {why}");
    let text = fs::read_to_string(&file).expect("reads");
    let (_, again, _) = said(&command(&pool, &["secrets", "make-key", name]));
    assert_eq!(again, made.replace("made", "there already"));
    assert_eq!(fs::read_to_string(&file).expect("reads"), text);
    fs::set_permissions(&file, Permissions::from_mode(0o644)).expect("changes");
    let refused = command(&pool, &["serve", "--port", "0", "--secret-key-file", name]);
    let (ok, _, why) = said(&refused);
    assert!(!ok && why.contains(&format!("chmod 600 {name}")), "{why}");
    // Without any, a server starts, and says what to do.
    let url = pool.connect_options().to_url_lossy().to_string();
    let mut serve = Command::new(env!("CARGO_BIN_EXE_breakmywork"))
        .args(["serve", "--port", "0"])
        .env("DATABASE_URL", url)
        .env("RUST_LOG", "info")
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut log = BufReader::new(serve.stderr.take().expect("a log"));
    let mut told = String::new();
    while !told.contains("serving http://") {
        let read = log.read_line(&mut told).expect("text");
        assert!(read > 0, "it ended before it served: {told}");
    }
    serve.kill().expect("ends");
    serve.wait().expect("ends");
    let words = "secrets of second factors and webhooks stand in the database in clear";
    assert_eq!(told.matches(words).count(), 1, "{told}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_secret_in_another_row_opens_nothing_and_holds_up_nobody(pool: PgPool) {
    let receiver = Receiver::start().await;
    let (site, sender) = board(&pool, "a").await;
    let ada = Ada::new(&site, &receiver).await;
    let bob = site.signed_in("bob", Role::Member).await;
    let (webhook, key) = added(&bob, &receiver.url(), "verdicts").await;
    sqlx::raw_sql(
        "update webhook set secret = (select secret from webhook other where other.account_id <> webhook.account_id)
         where account_id = (select id from account where name = 'ada');
         insert into second_factor (account_id, secret, confirmed_at)
         select id, (select secret from second_factor), now() from account where name = 'bob';",
    )
    .execute(&pool)
    .await
    .expect("moves");
    let browser = site.browser();
    let form = [("name", "bob"), ("password", PASSWORD)];
    let page = browser.post("/sign-in", &form).await.text();
    let carried = page.split("name=\"step\" value=\"").nth(1).expect("a step");
    // Whoever knows ada's app and moved her secret does not sign in as bob.
    let given = give(&browser, &carried[..64], &code(&ada.app)).await;
    assert_eq!(given, 500);
    for (browser, webhook) in [(&ada.browser, &ada.webhook), (&bob, &webhook)] {
        let test = format!("{webhook}/test");
        browser.post(&test, &[]).await.assert_status_see_other();
    }
    send(&site, &sender).await;
    let got = receiver.only();
    assert_eq!(
        got.header("webhook-signature"),
        got.signature(&key),
        "bob's alone is sent"
    );
    let waits: i64 = sqlx::query_scalar(
        "select count(*) from webhook_delivery where state = 'waiting' and attempts = 0",
    )
    .fetch_one(&pool)
    .await
    .expect("counts");
    assert_eq!(waits, 1, "ada's waits to be signed");
}
