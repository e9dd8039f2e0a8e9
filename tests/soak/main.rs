//! A board of real programs under random faults: `soak.py` breaks it, lets it settle and audits it (`audit.sql`); then
//! every verdict is computed again from the stored results.
//!
//! `SOAK_SECONDS=1800 make test ARGS="--test soak"` is the long one; `SOAK_SEED` repeats the order of the faults.

use breakmywork::postgres::{Options, Postgres};
use breakmywork_protocol::db;
use breakmywork_protocol::result::RunResult;
use breakmywork_protocol::spec::Spec;
use breakmywork_protocol::verdict::{self, End, RunOutcome, Verdict};
use sqlx::{PgPool, Row};
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
    let wrong = wrong_verdicts(&db::pool(postgres.url(), 2)?).await;
    postgres.stop().await;
    assert_eq!(wrong?, Vec::<String>::new(), "see {}", path.display());
    Ok(std::fs::remove_dir_all(path)?)
}

/// The verdicts that the stored results do not give again.
async fn wrong_verdicts(pool: &PgPool) -> Result<Vec<String>> {
    let rows = sqlx::query(
        "select e.id, e.spec, v.detail from verdict v join experiment e on e.id = v.experiment_id
         -- What a person stopped has that person's word for its verdict.
         where e.stopped_at is null
         order by e.concluded_at, e.id",
    )
    .fetch_all(pool)
    .await?;
    let mut wrong = Vec::new();
    for row in rows {
        let id: i64 = row.get("id");
        let stored: Verdict = serde_json::from_value(row.get("detail"))?;
        let spec = Spec::from_stored(&row.get("spec")).map_err(|problem| problem.to_string())?;
        let again = verdict::decide(&spec, &outcomes(pool, id).await?, stored.level);
        if serde_json::to_value(&again)? != serde_json::to_value(&stored)? {
            wrong.push(format!("experiment {id}: {stored:?}, again {again:?}"));
        }
    }
    Ok(wrong)
}

/// How the newest run of each arm and seed ended.
async fn outcomes(pool: &PgPool, experiment: i64) -> Result<Vec<RunOutcome>> {
    let rows = sqlx::query(
        "select arm, seed, state, failure, error, result from run
         where experiment_id = $1 and not exists (select from run later where later.retry_of = run.id) order by id",
    )
    .bind(experiment)
    .fetch_all(pool)
    .await?;
    let mut outcomes = Vec::new();
    for row in rows {
        let (state, failure): (String, Option<String>) = (row.get("state"), row.get("failure"));
        let end = match (state.as_str(), failure.as_deref()) {
            ("succeeded", _) => {
                let result: RunResult = serde_json::from_value(row.get("result"))?;
                End::Finished(Box::new(result))
            }
            ("failed", Some("diverged")) => End::Diverged,
            ("failed", _) => {
                End::Missing(row.get::<Option<String>, _>("error").unwrap_or_default())
            }
            _ => End::Missing("it was cancelled".into()),
        };
        outcomes.push(RunOutcome {
            arm: row.get("arm"),
            seed: u32::try_from(row.get::<i64, _>("seed"))?,
            end,
        });
    }
    Ok(outcomes)
}
