//! Signing in by another site, against a real provider of OpenID Connect (Python's oidc-provider-mock).

use crate::support::*;
use axum::http::StatusCode;
use axum_test::TestResponse;
use breakmywork::{
    auth::{account::Role, provider::Providers},
    config::{Settings, SignUp},
    state::AppState,
};
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

const UNPROCESSABLE: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

/// A running provider; ended with the test.
struct Provider {
    child: Child,
    address: String,
}

impl Provider {
    fn start() -> Self {
        let python = concat!(env!("CARGO_TARGET_TMPDIR"), "/python/bin/python");
        let mut child = Command::new(python)
            .arg("tests/data/openid_provider.py")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("scripts/python has run");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut port = String::new();
        output.read_line(&mut port).expect("a port");
        let address = format!("http://127.0.0.1:{}", port.trim());
        Self { child, address }
    }

    /// Tells it what it says of somebody.
    fn knows(&self, subject: &str, claims: &str) {
        let request = ureq::put(format!("{}/users/{subject}", self.address));
        let request = request.header("content-type", "application/json");
        request.send(claims).expect("it takes that");
    }

    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A board's providers: `test` by OpenID Connect and `github`, both at that address.
fn providers(address: &str) -> Providers {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("secret"), "s3cret\n").expect("writes");
    let file = format!(
        "[test]\nname = \"Test site\"\nissuer = \"{address}\"\nclient_id = \"board\"\nclient_secret_file = \"secret\"\n
         [github]\nkind = \"github\"\nname = \"GitHub\"\nissuer = \"{address}\"\nclient_id = \"board\"\nclient_secret_file = \"secret\"\n"
    );
    Providers::parse(&file, folder.path()).expect("reads")
}

async fn site(pool: PgPool, provider: &Provider, change: impl FnOnce(&mut Settings)) -> Site {
    Site::with(pool, settings(provider, change)).await
}

fn settings(provider: &Provider, change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = Settings {
        sign_in_with: providers(&provider.address),
        ..Settings::default()
    };
    change(&mut settings);
    settings
}

/// The same board, started with other settings.
fn other_settings(
    site: &Site,
    provider: &Provider,
    change: impl FnOnce(&mut Settings),
) -> AppState {
    let settings = settings(provider, change);
    AppState::new(site.pool.clone(), settings, Default::default())
}

/// Where the page leads that sends a browser to a provider.
fn leads_to(page: &TestResponse) -> String {
    page.assert_status_ok();
    let page = page.text();
    let address = page.split("content=\"0;url=").nth(1).expect("it leads on");
    let address = address.split('"').next().expect("its end");
    address.replace("&#38;", "&").replace("&amp;", "&")
}

/// Agrees there as somebody, and returns the path by which the browser comes back.
fn agree(address: &str, form: [(&str, &str); 1]) -> String {
    let config = ureq::Agent::config_builder()
        .max_redirects(0)
        .max_redirects_will_error(false)
        .build();
    let agent = ureq::Agent::new_with_config(config);
    let answer = agent.post(address).send_form(form).expect("an answer");
    let back = answer.headers()["location"].to_str().expect("an address");
    let back: axum::http::Uri = back.parse().expect("an address");
    back.path_and_query().expect("a path").to_string()
}

/// Sets out from the form for signing in; returns the address to which the browser is sent.
async fn set_out(browser: &Browser, provider: &str) -> String {
    let form = [("next", "/queue")];
    let path = format!("/sign-in/with/{provider}");
    leads_to(&browser.post(&path, &form).await)
}

/// Goes there as somebody, and returns the path by which the browser comes back.
async fn way(browser: &Browser, subject: &str) -> String {
    let address = set_out(browser, "test").await;
    agree(&address, [("sub", subject)])
}

/// A browser where somebody new is signed in by what the provider says.
async fn newcomer(site: &Site, subject: &str) -> Browser {
    let browser = site.browser();
    let back = way(&browser, subject).await;
    assert_eq!(location(&browser.get(&back).await), "/sign-up/with");
    let chosen = browser.post("/sign-up/with", &[("name", subject)]).await;
    assert_eq!(location(&chosen), "/queue");
    browser
}

async fn is_signed_in(browser: &Browser) -> bool {
    browser.get("/account").await.status_code() == StatusCode::OK
}

async fn run(site: &Site, sql: &'static str) {
    sqlx::query(sql).execute(&site.pool).await.expect("runs");
}

async fn accounts(site: &Site) -> Vec<String> {
    sqlx::query_scalar(
        "select name from account where name in ('ada', 'eve', 'octo-cat') order by id",
    )
    .fetch_all(&site.pool)
    .await
    .expect("reads")
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn whoever_another_site_names_signs_up_once_and_in_ever_after(pool: PgPool) {
    let provider = Provider::start();
    let mail = r#""email": "one@example.org", "email_verified": true"#;
    provider.knows(
        "ada",
        &format!(r#"{{"preferred_username": "Ada L.", {mail}}}"#),
    );
    provider.knows("eve", &format!("{{{mail}}}"));
    let site = site(pool, &provider, |_| {}).await;
    let browser = site.browser();
    for page in ["/sign-in", "/sign-up"] {
        let page = browser.get(page).await.text();
        assert!(page.contains("Sign in with Test site"), "{page}");
    }
    let address = set_out(&browser, "test").await;
    for part in [
        "response_type=code",
        "code_challenge_method=S256",
        "code_challenge=",
        "nonce=",
        "state=",
        "scope=openid+profile&",
        "127.0.0.1%3A8080%2Fsign-in%2Fwith%2Ftest%2Fback",
    ] {
        assert!(format!("{address}&").contains(part), "{part}: {address}");
    }
    let back = agree(&address, [("sub", "ada")]);
    assert_eq!(location(&browser.get(&back).await), "/sign-up/with");
    assert!(!is_signed_in(&browser).await, "not before there is a name");
    let page = browser.get("/sign-up/with").await.text();
    assert!(page.contains("value=\"ada-l\""), "{page}");
    for name in ["admin", "adm1n", "scout-agent", "A b", ""] {
        let refused = browser.post("/sign-up/with", &[("name", name)]).await;
        refused.assert_status(UNPROCESSABLE);
    }
    let chosen = browser.post("/sign-up/with", &[("name", "ada")]).await;
    assert_eq!(location(&chosen), "/queue");
    assert!(is_signed_in(&browser).await);
    let again = browser.post("/sign-up/with", &[("name", "eve")]).await;
    again.assert_status_not_found();

    let phone = site.browser();
    let back = way(&phone, "ada").await;
    assert_eq!(location(&phone.get(&back).await), "/queue");
    let page = phone.get("/account").await.text();
    assert!(page.contains("/people/ada"), "{page}");
    // Another person with the same address for mail is another person.
    let other = site.browser();
    let back = way(&other, "eve").await;
    assert_eq!(location(&other.get(&back).await), "/sign-up/with");
    let taken = other.post("/sign-up/with", &[("name", "ada")]).await;
    taken.assert_status(UNPROCESSABLE);
    let chosen = other.post("/sign-up/with", &[("name", "eve")]).await;
    assert_eq!(location(&chosen), "/queue");
    assert_eq!(accounts(&site).await, ["ada", "eve"]);
    // What stands where others have a password is none.
    let stored: String = sqlx::query_scalar("select password_hash from account where name = 'ada'")
        .fetch_one(&site.pool)
        .await
        .expect("is there");
    for password in ["none", &stored, ""] {
        let form = [("name", "ada"), ("password", password)];
        let refused = site.browser().post("/sign-in", &form).await;
        refused.assert_status(UNPROCESSABLE);
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_comes_back_counts_once_in_that_browser_and_as_it_went(pool: PgPool) {
    let mut provider = Provider::start();
    let site = site(pool, &provider, |_| {}).await;
    newcomer(&site, "ada").await;
    let browser = site.browser();
    let back = way(&browser, "ada").await;
    // Another browser cannot use it, nor does that use it up; nor another provider's way back.
    let thief = site.browser();
    thief.get(&back).await.assert_status(UNPROCESSABLE);
    way(&thief, "eve").await;
    thief.get(&back).await.assert_status(UNPROCESSABLE);
    for wrong in [
        back.replace("state=", "state=0"),
        back.replace("/test/", "/github/"),
        back.split('?').next().expect("a path").to_owned(),
    ] {
        let refused = browser.get(&wrong).await;
        refused.assert_status(UNPROCESSABLE);
        assert!(refused.text().contains("Begin anew"), "{wrong}");
    }
    let nobody = browser.get(&back.replace("/test/", "/nobody/")).await;
    nobody.assert_status_not_found();
    assert!(!is_signed_in(&browser).await);
    assert_eq!(location(&browser.get(&back).await), "/queue");
    // Once.
    let cookie = browser.get(&back).await;
    cookie.assert_status(UNPROCESSABLE);
    for change in [
        "update provider_step set nonce = repeat('0', 64)",
        "update provider_step set verifier = repeat('0', 64)",
        "update provider_step set expires_at = now() - interval '1 second'",
    ] {
        let browser = site.browser();
        let back = way(&browser, "ada").await;
        run(&site, change).await;
        let refused = browser.get(&back).await;
        refused.assert_status(UNPROCESSABLE);
        assert!(!is_signed_in(&browser).await, "{change}");
        assert!(refused.text().contains("name=\"password\""), "{change}");
    }
    // Whoever does not agree comes back without a code.
    let browser = site.browser();
    let address = set_out(&browser, "test").await;
    let denied = agree(&address, [("action", "deny")]);
    assert!(denied.contains("error=access_denied"), "{denied}");
    let state = address.split("state=").nth(1).expect("a state");
    let state = state.split('&').next().expect("its end");
    let denied = format!("/sign-in/with/test/back?error=access_denied&state={state}");
    let refused = browser.get(&denied).await;
    refused.assert_status(StatusCode::FORBIDDEN);
    assert!(refused.text().contains("did not say who you are"));
    // Only paths of this site are gone on to, and no other site's page sends anybody.
    let form = [("next", "//evil.example")];
    let address = leads_to(&browser.post("/sign-in/with/test", &form).await);
    let back = agree(&address, [("sub", "ada")]);
    assert_eq!(location(&browser.get(&back).await), "/");
    let elsewhere = browser.post_from_elsewhere("/sign-in/with/test", &form);
    elsewhere.await.assert_status(StatusCode::FORBIDDEN);
    // It goes away in between.
    let back = way(&browser, "ada").await;
    provider.stop();
    let away = browser.get(&back).await;
    away.assert_status(StatusCode::SERVICE_UNAVAILABLE);
    let page = away.text();
    assert!(page.contains("Test site does not answer"), "{page}");
    assert!(page.contains("name=\"password\""), "{page}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_provider_that_is_away_or_another_one_is_said_so(pool: PgPool) {
    let provider = Provider::start();
    let mut site = site(pool, &provider, |settings| {
        settings.sign_in_with = providers("http://127.0.0.1:1");
        settings.public_url = "https://board.example.org".to_owned();
    })
    .await;
    for _ in 0..3 {
        let away = site.browser().post("/sign-in/with/test", &[]).await;
        away.assert_status(StatusCode::SERVICE_UNAVAILABLE);
        let page = away.text();
        assert!(page.contains("Test site does not answer"), "{page}");
        assert!(page.contains("name=\"password\""), "{page}");
    }
    // It calls itself something else.
    let address = format!("{}/", provider.address);
    site.state = other_settings(&site, &provider, |settings| {
        settings.sign_in_with = providers(&address);
        settings.public_url = "https://board.example.org".to_owned();
    });
    let refused = site.browser().post("/sign-in/with/test", &[]).await;
    refused.assert_status(UNPROCESSABLE);
    // Over https the cookie is bound to the host.
    let going = site.browser().post("/sign-in/with/github", &[]).await;
    let cookie = going.header("set-cookie");
    let cookie = cookie.to_str().expect("text");
    assert!(
        cookie.starts_with("__Host-breakmywork-provider="),
        "{cookie}"
    );
    assert!(
        cookie.ends_with("; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure"),
        "{cookie}"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_doors_of_the_board_are_the_same_ones(pool: PgPool) {
    let provider = Provider::start();
    let mut site = site(pool, &provider, |settings| {
        settings.sign_up = SignUp::Invite;
        settings.sign_ups_per_hour = 0;
    })
    .await;
    // An invitation is needed, and carried along.
    run(&site, "insert into invitation (code_hash, note, expires_at) select sha256(repeat(code, 64)::bytea), code, now() + interval '1 day' from (values ('a'), ('b')) given (code)").await;
    let browser = site.browser();
    let code = "a".repeat(64);
    let page = browser.get(&format!("/sign-up?invitation={code}")).await;
    let form = [("next", "/queue"), ("invitation", code.as_str())];
    assert!(
        page.text()
            .contains(&format!("name=\"invitation\" value=\"{code}\""))
    );
    let address = leads_to(&browser.post("/sign-in/with/test", &form).await);
    let back = agree(&address, [("sub", "ada")]);
    assert_eq!(location(&browser.get(&back).await), "/sign-up/with");
    let page = browser.get("/sign-up/with").await.text();
    assert!(page.contains(&format!("value=\"{code}\"")), "{page}");
    for wrong in ["", "0"] {
        let form = [("name", "ada"), ("invitation", wrong)];
        let refused = browser.post("/sign-up/with", &form).await;
        refused.assert_status(UNPROCESSABLE);
    }
    let form = [("name", "ada"), ("invitation", code.as_str())];
    assert_eq!(
        location(&browser.post("/sign-up/with", &form).await),
        "/queue"
    );
    // Sent eight times at once it makes one account.
    let eve = site.browser();
    let back = way(&eve, "eve").await;
    assert_eq!(location(&eve.get(&back).await), "/sign-up/with");
    let code = "b".repeat(64);
    let form = [("name", "eve"), ("invitation", code.as_str())];
    let at_once = (0..8).map(|_| eve.post("/sign-up/with", &form));
    let answers = futures_util::future::join_all(at_once).await;
    let made = answers.iter().filter(|answer| answer.status_code() == 303);
    assert_eq!(made.count(), 1);
    assert_eq!(accounts(&site).await, ["ada", "eve"]);
    // So many an hour come from one address.
    site.state = other_settings(&site, &provider, |settings| settings.sign_ups_per_hour = 1);
    newcomer(&site, "third").await;
    let fourth = site.browser();
    let back = way(&fourth, "fourth").await;
    fourth.get(&back).await.assert_status_see_other();
    let refused = fourth.post("/sign-up/with", &[("name", "fourth")]).await;
    refused.assert_status(StatusCode::TOO_MANY_REQUESTS);

    // Closed, it lets in whoever is connected, and nobody else.
    site.state = other_settings(&site, &provider, |settings| {
        settings.sign_up = SignUp::Closed;
    });
    assert!(
        !site
            .browser()
            .get("/sign-up")
            .await
            .text()
            .contains("Test site")
    );
    let stranger = site.browser();
    let back = way(&stranger, "stranger").await;
    let refused = stranger.get(&back).await;
    refused.assert_status(StatusCode::FORBIDDEN);
    assert!(refused.text().contains("sign-up is closed"));
    let browser = site.browser();
    let back = way(&browser, "ada").await;
    assert_eq!(location(&browser.get(&back).await), "/queue");

    // The second factor is asked for as after a password.
    run(&site, "insert into second_factor (account_id, secret, confirmed_at) select id, decode(repeat('ab', 20), 'hex'), now() from account where name = 'ada'").await;
    run(&site, "insert into recovery_code (account_id, code_hash) select id, sha256('0123456789abcdef0123') from account where name = 'ada'").await;
    let browser = site.browser();
    let back = way(&browser, "ada").await;
    let asked = browser.get(&back).await;
    asked.assert_status(StatusCode::UNAUTHORIZED);
    assert!(!is_signed_in(&browser).await);
    let page = asked.text();
    let step = page.split("name=\"step\" value=\"").nth(1).expect("a step")[..64].to_owned();
    let form = [
        ("step", step.as_str()),
        ("code", "0123456789abcdef0123"),
        ("next", "/queue"),
    ];
    assert_eq!(
        location(&browser.post("/sign-in/code", &form).await),
        "/queue"
    );
    assert!(is_signed_in(&browser).await);

    // And disabled is disabled.
    run(&site, "update account set disabled_at = now(), disabled_reason = 'Spam.' where name in ('ada', 'eve')").await;
    for subject in ["ada", "eve"] {
        let browser = site.browser();
        let back = way(&browser, subject).await;
        let refused = browser.get(&back).await;
        refused.assert_status(StatusCode::FORBIDDEN);
        assert!(refused.text().contains("Spam."), "{}", refused.text());
        assert!(!is_signed_in(&browser).await);
    }
}

/// Connects somebody's account, and returns what came of it.
async fn connect(browser: &Browser, provider: &str, current: &str, subject: &str) -> TestResponse {
    let form = [("provider", provider), ("current", current)];
    let address = leads_to(&browser.post("/account/identities", &form).await);
    browser.get(&agree(&address, [("sub", subject)])).await
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_account_is_connected_by_its_owner_alone(pool: PgPool) {
    let provider = Provider::start();
    let site = site(pool, &provider, |_| {}).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let at = "/account/identities";
    for (chosen, current) in [("test", "not that"), ("test", ""), ("nobody", PASSWORD)] {
        let form = [("provider", chosen), ("current", current)];
        ada.post(at, &form).await.assert_status(UNPROCESSABLE);
    }
    let connected = connect(&ada, "test", PASSWORD, "0000-0001").await;
    assert_eq!(location(&connected), at);
    let page = ada.get(at).await.text();
    assert!(
        page.contains("Test site") && page.contains("0000-0001"),
        "{page}"
    );
    assert!(ada.get("/account").await.text().contains("one so far"));
    let phone = site.browser();
    let back = way(&phone, "0000-0001").await;
    assert_eq!(location(&phone.get(&back).await), "/queue");
    assert!(phone.get("/account").await.text().contains("/people/ada"));
    // It is nobody else's then, and nobody comes back to another account.
    let eve = site.signed_in("eve", Role::Member).await;
    let taken = connect(&eve, "test", PASSWORD, "0000-0001").await;
    taken.assert_status(StatusCode::CONFLICT);
    let form = [("provider", "test"), ("current", PASSWORD)];
    let address = leads_to(&eve.post(at, &form).await);
    let back = agree(&address, [("sub", "0000-0002")]);
    let sign_in = [("name", "ada"), ("password", PASSWORD)];
    eve.post("/sign-in", &sign_in)
        .await
        .assert_status_see_other();
    eve.get(&back).await.assert_status(StatusCode::FORBIDDEN);
    let number: i64 = sqlx::query_scalar("select id from identity")
        .fetch_one(&site.pool)
        .await
        .expect("one");
    let remove = format!("{at}/{number}/remove");
    let mona = site.signed_in("mona", Role::Admin).await;
    mona.post(&remove, &[]).await.assert_status_not_found();
    // With a password it can go; a new one takes it along, unless it is to stay.
    assert_eq!(location(&ada.post(&remove, &[]).await), at);
    let connected = connect(&ada, "test", PASSWORD, "0000-0001").await;
    assert_eq!(location(&connected), at);
    let (one, two) = ("a new password of hers", "yet another password of hers");
    let mut form = vec![("current", PASSWORD), ("new", one), ("keep_tokens", "on")];
    ada.post("/account/password", &form)
        .await
        .assert_status_see_other();
    let page = ada.get(at).await.text();
    assert!(page.contains("0000-0001"), "{page}");
    form = vec![("current", one), ("new", two)];
    ada.post("/account/password", &form)
        .await
        .assert_status_see_other();
    let page = ada.get(at).await.text();
    assert!(page.contains("Nothing is connected"), "{page}");
    // Ten at most.
    run(&site, "insert into identity (account_id, issuer, subject, shown) select account.id, 'https://x.example', n::text, '' from account, generate_series(1, 10) n where name = 'ada'").await;
    let full = connect(&ada, "test", two, "0000-0001").await;
    full.assert_status(StatusCode::CONFLICT);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn whoever_has_no_password_gets_one_and_stays_in(pool: PgPool) {
    let provider = Provider::start();
    let site = site(pool, &provider, |_| {}).await;
    let ada = newcomer(&site, "ada").await;
    let page = ada.get("/account/identities").await.text();
    let remove = page
        .split("action=\"/account/identities/")
        .nth(1)
        .expect("one");
    let remove = remove.split('"').next().expect("its end");
    let remove = format!("/account/identities/{remove}");
    let last = ada.post(&remove, &[]).await;
    last.assert_status(StatusCode::CONFLICT);
    assert!(last.text().contains("Set a password"), "{}", last.text());
    // One of a provider that is gone is no way in.
    run(&site, "insert into identity (account_id, issuer, subject, shown) select id, 'https://gone.example', '1', '' from account where name = 'ada'").await;
    ada.post(&remove, &[])
        .await
        .assert_status(StatusCode::CONFLICT);
    // Whoever finds an open browser changes nothing.
    run(
        &site,
        "update session set created_at = now() - interval '11 minutes'",
    )
    .await;
    let password = "a long password of hers";
    let form = [("new", password)];
    let stale = ada.post("/account/password", &form).await;
    stale.assert_status(UNPROCESSABLE);
    assert!(stale.text().contains("sign in again"), "{}", stale.text());
    for (at, form) in [
        ("/account/second-factor", [("current", "")]),
        ("/account/identities", [("provider", "github")]),
    ] {
        ada.post(at, &form).await.assert_status(UNPROCESSABLE);
    }
    let back = way(&ada, "ada").await;
    assert_eq!(location(&ada.get(&back).await), "/queue");
    ada.post("/account/second-factor", &[])
        .await
        .assert_status_see_other();
    let weak = ada.post("/account/password", &[("new", "password")]).await;
    weak.assert_status(UNPROCESSABLE);
    let set = ada.post("/account/password", &form).await;
    assert_eq!(location(&set), "/account");
    // It is still connected, and need not be any more.
    let page = ada.get("/account/identities").await.text();
    assert!(page.contains("Test site"), "{page}");
    let sign_in = [("name", "ada"), ("password", password)];
    let browser = site.browser();
    browser
        .post("/sign-in", &sign_in)
        .await
        .assert_status_see_other();
    ada.post(&remove, &[]).await.assert_status_see_other();
    // And from now on it is asked for.
    let stranger = ada.post("/account/password", &[("new", "one more password")]);
    stranger.await.assert_status(UNPROCESSABLE);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn github_says_who_somebody_is_without_signing_it(pool: PgPool) {
    let provider = Provider::start();
    let site = site(pool, &provider, |_| {}).await;
    let browser = site.browser();
    let address = set_out(&browser, "github").await;
    assert!(!address.contains("scope"), "{address}");
    let back = agree(&address, [("sub", "42")]);
    assert_eq!(location(&browser.get(&back).await), "/sign-up/with");
    let page = browser.get("/sign-up/with").await.text();
    assert!(page.contains("value=\"octo-cat\""), "{page}");
    let chosen = browser.post("/sign-up/with", &[("name", "octo-cat")]).await;
    assert_eq!(location(&chosen), "/queue");
    let phone = site.browser();
    let back = agree(&set_out(&phone, "github").await, [("sub", "42")]);
    assert_eq!(location(&phone.get(&back).await), "/queue");
    assert_eq!(accounts(&site).await, ["octo-cat"]);
    for change in [
        "update provider_step set verifier = repeat('0', 64)",
        "update provider_step set expires_at = now() - interval '1 second'",
    ] {
        let browser = site.browser();
        let back = agree(&set_out(&browser, "github").await, [("sub", "42")]);
        run(&site, change).await;
        browser.get(&back).await.assert_status(UNPROCESSABLE);
        assert!(!is_signed_in(&browser).await, "{change}");
    }
    // A code that nobody gave.
    let browser = site.browser();
    let back = agree(&set_out(&browser, "github").await, [("sub", "42")]);
    let refused = browser.get(&back.replace("code=", "code=0")).await;
    refused.assert_status(UNPROCESSABLE);
    assert!(!is_signed_in(&browser).await);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn one_address_sets_out_so_often_and_what_was_begun_is_removed(pool: PgPool) {
    let provider = Provider::start();
    let site = site(pool, &provider, |_| {}).await;
    let browser = site.browser();
    let mut sent = 0;
    while browser
        .post("/sign-in/with/github", &[])
        .await
        .status_code()
        == StatusCode::OK
    {
        sent += 1;
        assert!(sent <= 100);
    }
    assert_eq!(sent, 100);
    let back = browser
        .get("/sign-in/with/github/back?code=x&state=y")
        .await;
    back.assert_status(StatusCode::TOO_MANY_REQUESTS);
    run(
        &site,
        "update provider_step set expires_at = now() - interval '1 second'",
    )
    .await;
    breakmywork::db::identities::clean_up(&site.pool)
        .await
        .expect("cleans up");
    let left: i64 = sqlx::query_scalar("select count(*) from provider_step")
        .fetch_one(&site.pool)
        .await
        .expect("counts");
    assert_eq!(left, 0);
}
