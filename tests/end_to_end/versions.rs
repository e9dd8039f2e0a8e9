//! Programs and a database of different releases: each says so at its start, with the command that mends it.

use crate::support::{Result, breakmywork, data_dir};
use breakmywork::postgres::{Options, Postgres};
use breakmywork_protocol::db;
use std::path::Path;

/// What the command said on standard error, and whether it ended well.
fn said(data_dir: &Path, command: &[&str]) -> Result<(bool, String)> {
    let output = breakmywork(data_dir, command).output()?;
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok((output.status.success(), words))
}

/// The same of `serve`, which takes an address instead of a data directory.
fn serve(url: &str) -> Result<(bool, String)> {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_breakmywork"))
        .args(["serve", "--port", "0", "--database-url", url])
        .output()?;
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok((output.status.success(), words))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_release_is_named_by_every_command() -> Result {
    let (_folder, data_dir) = data_dir()?;
    let postgres = Postgres::start(&data_dir, Options::default()).await?;
    let pool = db::pool(postgres.url(), 2)?;

    // Nothing there yet.
    for (done, words) in [
        serve(postgres.url())?,
        said(&data_dir, &["token", "create", "--user", "ada"])?,
    ] {
        assert!(!done);
        assert!(words.contains("Run `breakmywork migrate`"), "{words}");
    }
    let (done, words) = said(&data_dir, &["migrate"])?;
    assert!(done, "{words}");
    assert!(!words.contains("create table"), "SQL is no news: {words}");
    db::schema_fits(&pool).await?;
    let (done, words) = said(&data_dir, &["migrate", "--log", "info"])?;
    assert!(done && !words.contains("already exists"), "{words}");

    // Nobody is asked, so nothing is destroyed.
    let (done, words) = said(&data_dir, &["migrate", "--revert"])?;
    assert!(!done && words.contains("--yes"), "{words}");
    db::schema_fits(&pool).await?;
    let (done, words) = said(&data_dir, &["migrate", "--revert", "--yes"])?;
    assert!(done, "{words}");
    let (done, words) = serve(postgres.url())?;
    assert!(!done && words.contains("(1 of its"), "{words}");
    let (done, words) = said(&data_dir, &["migrate"])?;
    assert!(done, "{words}");

    sqlx::query("insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (20990101000000, 'later', true, '', 0)")
        .execute(&pool)
        .await?;
    for (done, words) in [
        serve(postgres.url())?,
        said(&data_dir, &["token", "create", "--user", "ada"])?,
        said(&data_dir, &["migrate"])?,
        said(&data_dir, &["migrate", "--revert", "--yes"])?,
    ] {
        assert!(!done);
        assert!(words.contains("newer than this program"), "{words}");
        assert!(words.contains("`breakmywork migrate --revert`"), "{words}");
    }
    pool.close().await;
    postgres.stop().await;
    Ok(())
}
