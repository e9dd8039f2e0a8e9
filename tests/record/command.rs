//! `breakmywork verify`, as it is typed.

use crate::board::Board;
use breakmywork_protocol::db::MIGRATOR;
use serde_json::Value;
use sqlx::{ConnectOptions, PgPool};
use std::process::{Command, Output};

/// Runs the command on the database of a test.
fn verify(pool: &PgPool, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_breakmywork"))
        .arg("verify")
        .args(arguments)
        .env(
            "DATABASE_URL",
            pool.connect_options().to_url_lossy().as_str(),
        )
        .output()
        .expect("runs")
}

fn lines(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(str::to_owned).collect()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn it_says_what_was_checked_and_exits_with_what_was_found(pool: PgPool) {
    let board = Board::new(pool.clone()).await;
    let ada = board.account("ada").await;
    board.registered(ada).await;
    let early = board.head().await;
    board.run_all().await;
    let late = board.head().await;

    let well = verify(
        &pool,
        &["--head", &early.to_string(), "--head", &late.to_string()],
    );
    assert!(well.status.success(), "{well:?}");
    let words = lines(&well);
    assert!(
        words[0].contains("1 registration, 1 conclusion in"),
        "{words:?}"
    );
    assert!(
        words[1].contains(&late.to_string()) && words[1].contains("2 heads noted elsewhere"),
        "{words:?}"
    );
    assert_eq!(words.last().map(String::as_str), Some("Everything agrees."));

    // What a log holds, and a head that is none of this record's.
    let log = tempfile::NamedTempFile::new().expect("a file");
    let other = "ab".repeat(32);
    std::fs::write(
        log.path(),
        format!("INFO the record ends with {early}\nINFO the record ends with 3:{other}\n"),
    )
    .expect("writes");
    let path = log.path().to_str().expect("text");
    let wrong = verify(&pool, &["--heads-in", path]);
    assert_eq!(wrong.status.code(), Some(1), "{wrong:?}");
    assert!(
        lines(&wrong)[0].starts_with("rewritten: entry 3 "),
        "{wrong:?}"
    );

    board
        .as_owner(
            "update run set result = jsonb_set(result, '{metrics,test_mse}', '0.5') where id = 2",
        )
        .await;
    let json = verify(&pool, &["--json"]);
    assert_eq!(json.status.code(), Some(1), "{json:?}");
    let objects: Vec<Value> = lines(&json)
        .iter()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let (summary, findings) = objects.split_last().expect("a summary");
    assert_eq!(
        (&summary["event"], &summary["findings"]),
        (&"summary".into(), &findings.len().into())
    );
    let kinds: Vec<&Value> = findings.iter().map(|finding| &finding["what"]).collect();
    assert_eq!(kinds, ["run_changed", "not_reproduced"]);
    assert!(
        findings.iter().all(|finding| finding["advice"].is_string()),
        "{findings:?}"
    );

    for (arguments, says) in [
        (["--head", "7:short"], "64 hexadecimal digits"),
        (["--heads-in", "/nowhere"], "Cannot read /nowhere"),
        (["--heads-in", "/dev/null"], "No head stands in /dev/null"),
    ] {
        let refused = verify(&pool, &arguments);
        let words = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && words.contains(says), "{words}");
    }
}
