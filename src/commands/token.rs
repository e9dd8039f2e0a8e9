//! `breakmywork token`: API tokens.

use super::database::{Database, DatabaseArgs};
use crate::auth::token::{self, Scope};
use std::io::Write;

/// Makes API tokens.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Makes a token and prints it, alone, the only time that anybody sees it.
    Create {
        /// On whose behalf the script acts.
        #[arg(long)]
        user: String,
        /// What the token allows: read, write (propose, register, comment), admin (the queue; needs the role).
        #[arg(long = "scope", value_delimiter = ',', default_values_t = [Scope::Read, Scope::Write])]
        scopes: Vec<Scope>,
        /// What it is called on the account page.
        #[arg(long, default_value = "command line")]
        label: String,
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

/// Does it.
pub(super) async fn run(command: Command) -> anyhow::Result<()> {
    let Command::Create {
        user,
        mut scopes,
        label,
        database,
    } = command;
    scopes.dedup();
    let database = database.open().await?;
    let made = create(&database, &user, &label, &scopes).await;
    database.close().await;
    writeln!(std::io::stdout(), "{}", made?)?;
    Ok(())
}

async fn create(
    database: &Database,
    user: &str,
    label: &str,
    scopes: &[Scope],
) -> anyhow::Result<String> {
    let account = super::user::find(database, user).await?;
    Ok(token::create(&database.pool, account.id, label, scopes).await?)
}
