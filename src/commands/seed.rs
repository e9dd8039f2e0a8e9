//! `breakmywork seed`: the content that every installation starts with.

use super::database::DatabaseArgs;
use crate::seed;
use std::io::Write;

/// Adds the works, claims and templates that every installation starts with, where they are missing.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Seeds.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let database = args.database.open().await?;
    let done = seed::apply(&database.pool).await;
    database.close().await;
    writeln!(std::io::stdout(), "added {} claims", done?)?;
    Ok(())
}
