//! A board of real programs under random faults: `soak.py` breaks it, lets it settle and audits it (`audit.sql`); then
//! the record is checked, and with it every verdict is computed again from the stored results.
//!
//! `SOAK_SECONDS=1800 make test ARGS="--test soak"` is the long one; `SOAK_SEED` repeats the order of the faults.

use breakmywork::postgres::{Options, Postgres};
use breakmywork_protocol::db;
use breakmywork_protocol::record;
use sqlx::PgPool;
use std::error::Error;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

#[tokio::test]
async fn a_board_survives_random_faults_and_its_verdicts_hold() -> Result {
    let folder = tempfile::Builder::new()
        .prefix("breakmywork-soak-")
        .tempdir()?;
    // The database's account passes through.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711))?;
    // Kept unless all is well: its logs say what happened.
    let path: PathBuf = folder.keep();
    let program = env!("CARGO_BIN_EXE_breakmywork");
    let status = Command::new("python3")
        .args(["-B", "tests/soak/soak.py"])
        .arg(&path)
        .arg(program)
        .arg(Path::new(program).with_file_name("breakmywork-worker"))
        .env_remove("DATABASE_URL")
        .status()?;
    assert!(status.success(), "{status}; see {}", path.display());

    let postgres = Postgres::start(&path.join("var"), Options::default()).await?;
    let wrong = wrong(&db::pool(postgres.url(), 3)?).await;
    postgres.stop().await;
    assert_eq!(wrong?, Vec::<String>::new(), "see {}", path.display());
    Ok(std::fs::remove_dir_all(path)?)
}

/// What the record and the tables, or a verdict and its runs, do not agree on.
async fn wrong(pool: &PgPool) -> Result<Vec<String>> {
    let options = record::verify::Options {
        noted: Vec::new(),
        readers: 2,
    };
    let mut wrong = Vec::new();
    let summary = record::verify::verify(pool, &options, |told| {
        if let record::verify::Told::Finding(finding) = told {
            wrong.push(finding.to_string());
        }
    })
    .await?;
    assert!(summary.recomputed > 0, "{summary:?}");
    Ok(wrong)
}
