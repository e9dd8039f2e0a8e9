//! `breakmywork user`: accounts.

use super::database::{Database, DatabaseArgs};
use super::password::PasswordArgs;
use crate::auth::account::{Role, check_name};
use crate::auth::{password, session};
use crate::db::accounts::{self, Account};
use anyhow::{Context, anyhow};

/// Makes and changes accounts.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Makes an account; prints its password unless --password-stdin gives one.
    Create {
        /// Public name: lower-case letters, digits, - and _.
        name: String,
        /// What it may do: member, moderator or admin.
        #[arg(long, default_value_t = Role::Member)]
        role: Role,
        #[command(flatten)]
        password: PasswordArgs,
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Sets another password, and signs the person out everywhere.
    Password {
        /// Whose.
        name: String,
        #[command(flatten)]
        password: PasswordArgs,
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Sets what an account may do.
    Role {
        /// Whose.
        name: String,
        /// member, moderator or admin.
        role: Role,
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

/// Does it.
pub(super) async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Create {
            name,
            role,
            password,
            database,
        } => {
            check_name(&name).map_err(|reason| anyhow!(reason))?;
            let new = password.get(&name)?;
            let database = database.open().await?;
            let done = create(&database, &name, role, &new).await;
            database.close().await;
            done?;
            password.show(&new)?;
        }
        Command::Password {
            name,
            password,
            database,
        } => {
            let new = password.get(&name)?;
            let database = database.open().await?;
            let done = change(&database, &name, &new).await;
            database.close().await;
            done?;
            password.show(&new)?;
        }
        Command::Role {
            name,
            role,
            database,
        } => {
            let database = database.open().await?;
            let done = set_role(&database, &name, role).await;
            database.close().await;
            done?;
        }
    }
    Ok(())
}

async fn create(database: &Database, name: &str, role: Role, new: &str) -> anyhow::Result<()> {
    accounts::create(&database.pool, name, &password::hash_now(new)?, role)
        .await?
        .with_context(|| format!("The name {name} is taken. Choose another one."))?;
    Ok(())
}

async fn change(database: &Database, name: &str, new: &str) -> anyhow::Result<()> {
    let account = find(database, name).await?;
    accounts::set_password(&database.pool, account.id, &password::hash_now(new)?).await?;
    session::end_all(&database.pool, account.id).await?;
    Ok(())
}

async fn set_role(database: &Database, name: &str, role: Role) -> anyhow::Result<()> {
    let account = find(database, name).await?;
    accounts::set_role(&database.pool, account.id, role).await?;
    Ok(())
}

/// The account of that name.
pub(super) async fn find(database: &Database, name: &str) -> anyhow::Result<Account> {
    accounts::find(&database.pool, name)
        .await?
        .with_context(|| {
            format!("There is no account {name}. Make it with `breakmywork user create {name}`.")
        })
}
