//! `breakmywork migrate`: the schema.

use super::database::DatabaseArgs;
use anyhow::Context;
use breakmywork_protocol::db;
use sqlx::PgPool;
use std::io::Write;

/// Brings the database's schema up to date, or takes the last step back.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Undo the latest migration. What it added is lost.
    #[arg(long)]
    revert: bool,
}

/// Migrates, and says what was done.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let database = args.database.start(2, true).await?;
    let done = migrate(&database.pool, args.revert).await;
    database.close().await;
    done
}

async fn migrate(pool: &PgPool, revert: bool) -> anyhow::Result<()> {
    let before = applied(pool).await?;
    if revert {
        let target = before.iter().rev().nth(1).copied().unwrap_or(0);
        db::MIGRATOR
            .undo(pool, target)
            .await
            .context("Cannot undo the latest migration")?;
    } else {
        db::migrate(pool)
            .await
            .context("Cannot migrate the database")?;
    }
    let after = applied(pool).await?;
    let mut out = std::io::stdout();
    for version in after.iter().filter(|version| !before.contains(version)) {
        writeln!(out, "applied {version}")?;
    }
    for version in before.iter().filter(|version| !after.contains(version)) {
        writeln!(out, "reverted {version}")?;
    }
    if before == after {
        writeln!(out, "nothing to do")?;
    }
    Ok(())
}

/// The versions that the database has, oldest first.
async fn applied(pool: &PgPool) -> sqlx::Result<Vec<i64>> {
    let kept: bool = sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null")
        .fetch_one(pool)
        .await?;
    if !kept {
        return Ok(Vec::new());
    }
    sqlx::query_scalar("select version from _sqlx_migrations where success order by version")
        .fetch_all(pool)
        .await
}
