//! What Mozilla's HTTP Observatory would give each page, computed by its rules.
//!
//! Rules and modifiers: <https://developer.mozilla.org/en-US/observatory/docs/tests_and_scoring> and the scanner itself,
//! `src/grader/charts.js` and `src/analyzer/tests/` of <https://github.com/mdn/mdn-http-observatory>, as of November 2026.
//! A scan starts at 100; penalties come off; from 90 on bonuses are added. 100 is an A+. Left out is what a proxy in front
//! does: the redirection from http, and preloading.

use crate::support::{PASSWORD, Site};
use axum::http::HeaderMap;
use breakmywork::{auth::account::Role, config::Settings};
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;
use std::collections::BTreeMap;

/// What a test of the scan finds, and what that is worth.
const TABLE: [(&str, i32); 32] = [
    ("csp-implemented-with-no-unsafe-default-src-none", 10),
    ("csp-implemented-with-no-unsafe", 5),
    ("csp-implemented-with-unsafe-inline-in-style-src-only", 0),
    ("csp-implemented-with-unsafe-eval", -10),
    ("csp-implemented-with-unsafe-inline", -20),
    ("csp-implemented-with-insecure-scheme", -20),
    ("csp-not-implemented", -25),
    ("cookies-secure-with-httponly-sessions-and-samesite", 5),
    ("cookies-secure-with-httponly-sessions", 0),
    ("cookies-not-found", 0),
    (
        "cookies-session-without-secure-flag-but-protected-by-hsts",
        -10,
    ),
    ("cookies-samesite-flag-invalid", -20),
    ("cookies-session-without-httponly-flag", -30),
    ("cookies-session-without-secure-flag", -40),
    ("cross-origin-resource-sharing-not-implemented", 0),
    (
        "cross-origin-resource-sharing-implemented-with-public-access",
        0,
    ),
    (
        "cross-origin-resource-sharing-implemented-with-universal-access",
        -50,
    ),
    ("referrer-policy-private", 5),
    ("referrer-policy-not-implemented", 0),
    ("referrer-policy-unsafe", -5),
    ("hsts-implemented-max-age-at-least-six-months", 0),
    ("hsts-implemented-max-age-less-than-six-months", -10),
    ("hsts-not-implemented", -20),
    (
        "sri-not-implemented-but-all-scripts-loaded-from-secure-origin",
        0,
    ),
    (
        "sri-not-implemented-and-external-scripts-not-loaded-securely",
        -50,
    ),
    ("x-content-type-options-nosniff", 0),
    ("x-content-type-options-not-implemented", -5),
    ("x-frame-options-implemented-via-csp", 5),
    ("x-frame-options-sameorigin-or-deny", 0),
    ("x-frame-options-not-implemented", -20),
    (
        "cross-origin-resource-policy-implemented-with-same-origin",
        10,
    ),
    ("cross-origin-resource-policy-not-implemented", 0),
];

/// The directives of a policy.
fn directives(policy: &str) -> BTreeMap<&str, Vec<&str>> {
    policy
        .split(';')
        .filter_map(|directive| {
            let mut words = directive.split_whitespace();
            Some((words.next()?, words.collect()))
        })
        .collect()
}

fn broad(sources: &[&str]) -> bool {
    let all = ["ftp:", "http:", "https:", "*", "http://*", "https://*"];
    sources.iter().any(|source| all.contains(source))
}

fn csp(policy: Option<&str>) -> &'static str {
    let Some(policy) = policy.map(directives).filter(|policy| !policy.is_empty()) else {
        return "csp-not-implemented";
    };
    let of = |name: &str| {
        let own = policy.get(name).or_else(|| policy.get("default-src"));
        own.cloned().unwrap_or_else(|| vec!["*"])
    };
    let (script, object, style) = (of("script-src"), of("object-src"), of("style-src"));
    let inline = |sources: &[&str]| {
        sources.contains(&"'unsafe-inline'") || sources.contains(&"data:") || broad(sources)
    };
    let insecure = |source: &&str| source.starts_with("http:") || source.starts_with("ftp:");
    if inline(&script) || broad(&object) {
        return "csp-implemented-with-unsafe-inline";
    }
    if policy.values().flatten().any(insecure) {
        return "csp-implemented-with-insecure-scheme";
    }
    if script.contains(&"'unsafe-eval'") || style.contains(&"'unsafe-eval'") {
        return "csp-implemented-with-unsafe-eval";
    }
    if inline(&style) {
        return "csp-implemented-with-unsafe-inline-in-style-src-only";
    }
    // The page of the rules asks for the action of forms, too; the scanner does not.
    let forms = policy.get("form-action").cloned().unwrap_or_default();
    let none = policy
        .get("default-src")
        .is_some_and(|all| *all == ["'none'"]);
    match none && (forms == ["'self'"] || forms == ["'none'"]) {
        true => "csp-implemented-with-no-unsafe-default-src-none",
        false => "csp-implemented-with-no-unsafe",
    }
}

/// All of our cookies sign somebody in, or say that a browser did.
fn cookies(headers: &HeaderMap, hsts: bool) -> &'static str {
    let mut worst = "cookies-not-found";
    for cookie in headers.get_all("set-cookie") {
        let cookie = cookie.to_str().expect("text");
        let has = |attribute: &str| {
            cookie
                .split(';')
                .skip(1)
                .any(|part| part.trim().eq_ignore_ascii_case(attribute))
        };
        let found = match () {
            () if !has("secure") && hsts => {
                "cookies-session-without-secure-flag-but-protected-by-hsts"
            }
            () if !has("secure") => "cookies-session-without-secure-flag",
            () if !has("httponly") => "cookies-session-without-httponly-flag",
            () if has("samesite=none") => "cookies-samesite-flag-invalid",
            () if has("samesite=lax") || has("samesite=strict") => {
                "cookies-secure-with-httponly-sessions-and-samesite"
            }
            () => "cookies-secure-with-httponly-sessions",
        };
        if worst == "cookies-not-found" || worth(found) < worth(worst) {
            worst = found;
        }
    }
    worst
}

fn worth(found: &str) -> i32 {
    let known = TABLE.iter().find(|(name, _)| *name == found);
    known
        .unwrap_or_else(|| panic!("{found} is not in the table"))
        .1
}

/// What each test of the scan finds in an answer over https.
fn found(headers: &HeaderMap, page: &str) -> Vec<&'static str> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().expect("text"));
    let age = text("strict-transport-security").and_then(|value| {
        let age = value
            .split(';')
            .find_map(|part| part.trim().strip_prefix("max-age="))?;
        age.parse::<u64>().ok()
    });
    let policy = text("content-security-policy");
    let ancestors = policy
        .map(directives)
        .and_then(|policy| policy.get("frame-ancestors").cloned());
    let foreign = page
        .split("<script")
        .skip(1)
        .filter_map(|tag| {
            tag.split('>')
                .next()?
                .split("src=\"")
                .nth(1)?
                .split('"')
                .next()
        })
        .any(|address| !address.starts_with('/') || address.starts_with("//"));
    vec![
        csp(policy),
        cookies(headers, age.is_some()),
        match text("access-control-allow-origin") {
            None => "cross-origin-resource-sharing-not-implemented",
            Some("*") if text("access-control-allow-credentials").is_none() => {
                "cross-origin-resource-sharing-implemented-with-public-access"
            }
            Some(_) => "cross-origin-resource-sharing-implemented-with-universal-access",
        },
        match text("referrer-policy") {
            None => "referrer-policy-not-implemented",
            Some(
                "no-referrer" | "same-origin" | "strict-origin" | "strict-origin-when-cross-origin",
            ) => "referrer-policy-private",
            Some(_) => "referrer-policy-unsafe",
        },
        match age {
            None => "hsts-not-implemented",
            Some(15_768_000..) => "hsts-implemented-max-age-at-least-six-months",
            Some(_) => "hsts-implemented-max-age-less-than-six-months",
        },
        match foreign {
            true => "sri-not-implemented-and-external-scripts-not-loaded-securely",
            false => "sri-not-implemented-but-all-scripts-loaded-from-secure-origin",
        },
        match text("x-content-type-options") {
            Some("nosniff") => "x-content-type-options-nosniff",
            _ => "x-content-type-options-not-implemented",
        },
        match (ancestors, text("x-frame-options")) {
            (Some(sources), _) if !broad(&sources) => "x-frame-options-implemented-via-csp",
            (_, Some("DENY" | "SAMEORIGIN")) => "x-frame-options-sameorigin-or-deny",
            _ => "x-frame-options-not-implemented",
        },
        match text("cross-origin-resource-policy") {
            Some("same-origin") => "cross-origin-resource-policy-implemented-with-same-origin",
            _ => "cross-origin-resource-policy-not-implemented",
        },
    ]
}

/// Penalties first; bonuses only from 90 on.
fn score(found: &[&str]) -> i32 {
    let worths = found.iter().map(|found| worth(found));
    let (bonuses, penalties): (Vec<i32>, Vec<i32>) = worths.partition(|worth| *worth > 0);
    let base = 100 + penalties.iter().sum::<i32>();
    match base {
        90.. => base + bonuses.iter().sum::<i32>(),
        _ => base.max(0),
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_page_scores_an_a_plus(pool: PgPool) {
    let settings = Settings {
        public_url: "https://board.example.org".into(),
        ..Settings::default()
    };
    let site = Site::with(pool, settings).await;
    site.account("ada", Role::Member).await;
    let browser = site.browser();
    let claim = format!("/claims/{}", site.claim("C2").await);
    for path in [
        "/",
        "/works",
        "/experiments",
        "/queue",
        "/record",
        "/docs/api",
        "/sign-in",
        "/sign-up",
        "/nothing-here",
        "/api/v1/works",
        "/api/v1/nothing-here",
        "/healthz",
        "/robots.txt",
        &claim,
    ] {
        let answer = browser.get(path).await;
        let found = found(answer.headers(), &answer.text());
        // CSP 10, CORP 10, referrer 5, frames 5.
        let wanted = 130;
        assert_eq!(score(&found), wanted, "{path}: {found:?}");
    }
    // A feed is the same for everybody and may be read elsewhere: without the ten points for that.
    let feed = browser.get("/feed.atom").await;
    assert_eq!(score(&found(feed.headers(), "")), 120);
    // The scanner does not sign in; whoever does is as safe.
    let form = [("name", "ada"), ("password", PASSWORD)];
    let answer = browser.post("/sign-in", &form).await;
    answer.assert_status_see_other();
    let found = found(answer.headers(), "");
    assert!(found.contains(&"cookies-secure-with-httponly-sessions-and-samesite"));
    assert_eq!(score(&found), 135, "{found:?}");
}

#[test]
fn the_score_falls_with_what_is_missing() {
    assert_eq!(score(&found(&HeaderMap::new(), "")), 100 - 25 - 20 - 5 - 20);
    let with = |policy: &'static str| csp(Some(policy));
    for (policy, expected) in [
        (
            "default-src 'none'; form-action 'self'",
            "csp-implemented-with-no-unsafe-default-src-none",
        ),
        ("default-src 'none'", "csp-implemented-with-no-unsafe"),
        ("default-src 'self'", "csp-implemented-with-no-unsafe"),
        (
            "default-src 'self'; style-src 'unsafe-inline'",
            "csp-implemented-with-unsafe-inline-in-style-src-only",
        ),
        (
            "default-src 'self' 'unsafe-eval'",
            "csp-implemented-with-unsafe-eval",
        ),
        ("script-src 'self'", "csp-implemented-with-unsafe-inline"),
        ("default-src https:", "csp-implemented-with-unsafe-inline"),
        (
            "default-src 'self'; img-src http://a.example",
            "csp-implemented-with-insecure-scheme",
        ),
        ("", "csp-not-implemented"),
    ] {
        assert_eq!(with(policy), expected, "{policy}");
    }
    let script = "<script src=\"//cdn.example/a.js\"></script>";
    assert!(
        found(&HeaderMap::new(), script)
            .iter()
            .any(|found| worth(found) == -50)
    );
}
