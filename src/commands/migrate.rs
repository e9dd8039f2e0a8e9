//! `breakmywork migrate`: the schema.

use super::database::DatabaseArgs;
use anyhow::{Context, bail};
use breakmywork_protocol::db;
use sqlx::PgPool;
use std::io::{BufRead, IsTerminal, Write};

/// Brings the database's schema up to date, or takes the last step back.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Undo the latest migration. What it added is lost, so this asks first.
    #[arg(long)]
    revert: bool,
    /// Undo it without asking.
    #[arg(long, requires = "revert")]
    yes: bool,
}

/// Migrates, and says what was done.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let database = args.database.start(2, true).await?;
    let done = migrate(&database.pool, &args).await;
    database.close().await;
    done
}

async fn migrate(pool: &PgPool, args: &Args) -> anyhow::Result<()> {
    let before = versions(pool).await?;
    if args.revert {
        revert(pool, &before, args.yes).await?;
    } else {
        db::migrate(pool)
            .await
            .context("Cannot migrate the database")?;
    }
    let after = versions(pool).await?;
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

async fn revert(pool: &PgPool, applied: &[i64], yes: bool) -> anyhow::Result<()> {
    let Some((latest, rest)) = applied.split_last() else {
        return Ok(());
    };
    if !yes && !agrees(*latest)? {
        bail!("Nothing was undone.");
    }
    let target = rest.last().copied().unwrap_or(0);
    db::revert(pool, target)
        .await
        .context("Cannot undo the latest migration")
}

/// Asks the person at the terminal; without one there is nobody to ask.
fn agrees(version: i64) -> anyhow::Result<bool> {
    let name = db::MIGRATOR
        .iter()
        .find(|migration| migration.version == version)
        .map_or("", |migration| &*migration.description);
    let loss = format!(
        "Undoing migration {version} ({name}) deletes the tables and columns that it added, with everything in them."
    );
    if !std::io::stdin().is_terminal() {
        bail!("{loss} Make a backup, then say --yes.");
    }
    let mut out = std::io::stdout();
    write!(
        out,
        "{loss} There is no way back but a backup. Type yes to go on: "
    )?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

/// The versions that the database has, oldest first.
async fn versions(pool: &PgPool) -> sqlx::Result<Vec<i64>> {
    let applied = db::applied(pool).await?;
    Ok(applied.into_iter().map(|(version, _)| version).collect())
}
