//! One form stops nothing: whatever is posted, the answer is soon there, small, and the others are served beside it.

use crate::support::{Browser, Site};
use axum_test::TestResponse;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;
use std::time::{Duration, Instant};

/// Far above what an answer takes without optimisation on a busy machine, far below what unbounded work takes.
const SOON: Duration = Duration::from_secs(8);

/// Largest answer to a form of 256 kB.
const ANSWER_BYTES: usize = 1_600_000;

async fn bounded(browser: &Browser, name: &str, form: &[(&str, &str)]) -> TestResponse {
    let started = Instant::now();
    let answer = browser.post("/experiments/new", form).await;
    let took = started.elapsed();
    assert!(took < SOON, "{name} took {took:?}");
    let size = answer.as_bytes().len();
    assert!(size < ANSWER_BYTES, "{name} is answered with {size} bytes");
    assert!(
        !answer.status_code().is_server_error(),
        "{name}: {}",
        answer.status_code()
    );
    let problems = answer.text().matches("<p class=\"error\"><a href").count();
    assert!(problems <= 50, "{name} shows {problems} problems");
    answer
}

/// Texts of at most 64 kB, each of another kind.
fn hostile() -> Vec<(&'static str, String)> {
    let keys = |range: std::ops::Range<u32>| -> String {
        range.map(|key| format!("k{key}=1\n")).collect()
    };
    let base = "title = \"t\"\nseeds = 6\n[task]\nname = \"adding\"\nlength = 9\n";
    let training = "[training]\nsteps = 9\n";
    let arm = |number: u32| format!("[[arms]]\nname = \"{number}\"\n");
    let arms: String = (0..12).map(arm).collect();
    let site = "rate = 0.1, time = \"fixed\"";
    vec![
        ("unknown keys", keys(0..7_000)),
        (
            "unknown keys in a section",
            format!("{base}{}", keys(0..6_500)),
        ),
        (
            "unknown keys under twelve arms",
            format!("{base}{}{training}{arms}", keys(0..6_000)),
        ),
        (
            "unknown keys in each arm",
            (0..12)
                .map(|number| {
                    let keys: String = (0..500).map(|key| format!("k{key}=1\n")).collect();
                    format!("{}{keys}", arm(number))
                })
                .fold(format!("{base}{training}"), |text, arm| text + &arm),
        ),
        (
            "unknown sites",
            format!(
                "{base}{training}[[arms]]\nname = \"a\"\n{}",
                (0..1_300)
                    .map(|site_| format!("dropout.s{site_} = {{ {site} }}\n"))
                    .collect::<String>()
            ),
        ),
        ("six thousand arms", "[[arms]]\n".repeat(6_000)),
        (
            "arms that are no tables",
            format!("arms = [{}]", "1,".repeat(30_000)),
        ),
        (
            "empty arms in a line",
            format!("arms = [{}]", "{},".repeat(20_000)),
        ),
        (
            "seeds in a list",
            format!("seeds = [{}]", "1,".repeat(30_000)),
        ),
        (
            "seeds of every kind",
            format!("seeds = [{}]", "\"x\",1.5,".repeat(7_000)),
        ),
        (
            "a long title",
            format!("title = \"{}\"", "<\\\"&>".repeat(10_000)),
        ),
        ("a long key", format!("{} = 1", "k".repeat(60_000))),
        (
            "a long quoted key",
            format!("\"{}\" = 1", "~/".repeat(30_000)),
        ),
        (
            "a long value of a choice",
            format!("{base}[model]\ncell = \"{}\"", "l".repeat(60_000)),
        ),
        (
            "lists in lists",
            format!("a = {}{}", "[".repeat(30_000), "]".repeat(30_000)),
        ),
        (
            "tables in tables",
            format!("a = {}1{}", "{a=".repeat(15_000), "}".repeat(15_000)),
        ),
        ("dotted keys", format!("{}a = 1", "a.".repeat(30_000))),
        (
            "dotted keys as deep as can be, often",
            (0..380)
                .map(|line| format!("{}k{line} = 1\n", "a.".repeat(75)))
                .collect(),
        ),
        ("a deep section", format!("[{}a]", "a.".repeat(30_000))),
        ("nothing closed", "[[".repeat(30_000)),
        ("one line of commas", ",".repeat(64_000)),
        ("one open text", format!("a = \"{}", "x".repeat(64_000))),
        ("one number", format!("seeds = {}", "9".repeat(64_000))),
        ("lines alone", "\n".repeat(64_000)),
        ("comments alone", "#\n".repeat(32_000)),
        ("a key twice, often", "a = 1\n".repeat(10_000)),
        (
            "dates",
            (0..2_000)
                .map(|key| format!("d{key} = 2026-11-27T02:00:00Z\n"))
                .collect(),
        ),
    ]
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn hostile_specifications_are_answered_soon_and_briefly(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    for (name, toml) in hostile() {
        assert!(toml.len() <= 64 * 1024, "{name} has {} bytes", toml.len());
        for action in ["read", "apply", "save"] {
            let form = [("toml", toml.as_str()), ("action", action)];
            let answer = bounded(&ada, &format!("{name}, {action}"), &form).await;
            let kept = answer.text().matches("<textarea").count();
            assert!(kept >= 2, "{name}: the form is gone");
        }
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn hostile_fields_are_answered_soon_and_briefly(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let quotes = "\"".repeat(80_000);
    let ranges = "0-999 ".repeat(40_000);
    let longest = "k".repeat(240_000);
    for (name, field, value) in [
        ("ranges of seeds", "seeds", ranges.as_str()),
        ("a range of all seeds", "seeds", "0-9223372036854775807"),
        ("seeds one by one", "seeds", &"7 ".repeat(100_000)),
        ("quotes in a title", "title", &quotes),
        ("quotes in a rationale", "rationale", &quotes),
        ("quotes in a prediction", "prediction", &quotes),
        ("a text over 64 kB", "toml", &longest),
        ("a long choice", "task-name", &longest),
        ("a long mark", "sync", &longest),
        ("a long version", "version", &longest),
        ("a long action", "action", &longest),
        ("a long claim", "claim", &longest),
        ("a long amendment", "amends", &longest),
    ] {
        let toml = breakmywork::seed::TEMPLATES[0].toml;
        let mut form = vec![(field, value)];
        if field != "toml" {
            form.push(("toml", toml));
        }
        if field != "action" {
            form.push(("action", if field == "seeds" { "apply" } else { "save" }));
        }
        let answer = bounded(&ada, name, &form).await;
        if field == "seeds" {
            assert!(answer.text().contains("at most 40 are allowed"), "{name}");
        }
    }
    // Sixty thousand fields, and fifty arms of which each has a long name.
    let names: Vec<String> = (0..60_000).map(|number| number.to_string()).collect();
    let many: Vec<(&str, &str)> = names
        .iter()
        .take(40_000)
        .map(|name| (name.as_str(), ""))
        .collect();
    bounded(&ada, "many fields", &many).await;
    let arms: Vec<String> = (0..50).map(|arm| format!("arms-{arm}-name")).collect();
    let long = "n".repeat(4_000);
    let many: Vec<(&str, &str)> = arms
        .iter()
        .map(|arm| (arm.as_str(), long.as_str()))
        .collect();
    bounded(&ada, "many arms", &many).await;
}

/// While forms are composed, pages that need no such work are answered.
#[sqlx::test(migrator = "MIGRATOR")]
async fn others_are_served_while_forms_are_composed(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let toml: String = (0..7_000).map(|key| format!("k{key}=1\n")).collect();
    let form = [("toml", toml.as_str()), ("action", "read")];
    let posts =
        futures_util::future::join_all((0..20).map(|_| ada.post("/experiments/new", &form)));
    let visits = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..20 {
            let started = Instant::now();
            ada.get("/healthz").await.assert_status_ok();
            slowest = slowest.max(started.elapsed());
        }
        slowest
    };
    let (answers, slowest) = futures_util::future::join(posts, visits).await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.status_code().is_success())
    );
    assert!(slowest < Duration::from_secs(4), "{slowest:?}");
}
