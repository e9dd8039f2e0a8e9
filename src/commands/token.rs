//! `breakmywork token`: API tokens.

use super::database::{Database, DatabaseArgs};
use crate::auth::token::{self, Holder, NewToken, Scope, TokenRow};
use crate::db::{accounts, volunteers};
use anyhow::{anyhow, ensure};
use breakmywork_protocol::id::TokenId;
use std::io::Write;

/// Makes, lists and revokes API tokens.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Makes a token and prints it, alone, the only time that anybody sees it.
    Create {
        /// On whose behalf the script acts.
        #[arg(long)]
        user: String,
        /// What the token allows: read, propose (works, claims, experiments, forecasts), discuss (comments, reactions),
        /// follow (what is followed, inbox, mail), moderate, admin (the queue, accounts, invitations, volunteers),
        /// work (a worker; all three need the role, or work an admission as a volunteer), account (tokens, sessions, agents,
        /// webhooks).
        #[arg(long = "scope", value_delimiter = ',', default_values_t = Scope::USUAL)]
        scopes: Vec<Scope>,
        /// Days until it ends, 1 to 365.
        #[arg(long, default_value_t = token::DAYS)]
        days: i32,
        /// What it is called on the account page.
        #[arg(long, default_value = "command line")]
        label: String,
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Prints somebody's tokens in use, one a line: number, scopes, when made and last used, when it
    /// ends, label.
    List {
        /// Whose.
        #[arg(long)]
        user: String,
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Revokes tokens: nothing can be done with them any more.
    Revoke {
        /// Whose.
        #[arg(long)]
        user: String,
        /// Numbers of tokens, as `token list` prints them.
        #[arg(
            required_unless_present = "all",
            conflicts_with = "all",
            value_name = "NUMBER"
        )]
        tokens: Vec<TokenId>,
        /// All that the person has.
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

/// Does it.
pub(super) async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Create {
            user,
            scopes,
            days,
            label,
            database,
        } => {
            let database = database.open().await?;
            let made = create(&database, &user, &label, &scopes, days).await;
            database.close().await;
            writeln!(std::io::stdout(), "{}", made?)?;
        }
        Command::List { user, database } => {
            let database = database.open().await?;
            let tokens = list(&database, &user).await;
            database.close().await;
            print(&tokens?)?;
        }
        Command::Revoke {
            user,
            tokens,
            all,
            database,
        } => {
            let database = database.open().await?;
            let done = revoke(&database, &user, &tokens, all).await;
            database.close().await;
            done?;
        }
    }
    Ok(())
}

async fn create(
    database: &Database,
    user: &str,
    label: &str,
    scopes: &[Scope],
    days: i32,
) -> anyhow::Result<String> {
    let account = super::user::find(database, user).await?;
    let holder = Holder {
        role: account.role,
        is_volunteer: volunteers::is_one(&database.pool, account.id).await?,
    };
    let new = NewToken::checked(label, scopes, days, holder).map_err(|problems| {
        let details: Vec<String> = problems.into_iter().map(|problem| problem.detail).collect();
        anyhow!(details.join(" "))
    })?;
    let mut tx = database.pool.begin().await?;
    accounts::lock(&mut tx, account.id).await?;
    ensure!(
        token::count(&mut *tx, account.id).await? < token::MOST,
        "{user} has {} tokens in use. Revoke one with `breakmywork token revoke --user {user} NUMBER`.",
        token::MOST
    );
    let made = token::create(&mut *tx, account.id, &new).await?;
    tx.commit().await?;
    Ok(made.secret)
}

async fn list(database: &Database, user: &str) -> anyhow::Result<Vec<TokenRow>> {
    let account = super::user::find(database, user).await?;
    // Nobody has more than `token::MOST`, but for those made before there was a limit.
    Ok(token::in_use(&database.pool, account.id, None, i64::MAX).await?)
}

fn print(tokens: &[TokenRow]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for token in tokens {
        let used = token
            .last_used_at
            .map_or_else(|| "never".to_owned(), |used| used.format("%F").to_string());
        let ends = token
            .expires_at
            .map_or_else(|| "never".to_owned(), |ends| ends.format("%F").to_string());
        writeln!(
            out,
            "{}\t{}\tmade {}\tused {used}\tends {ends}\t{}",
            token.id,
            token.scopes.join(","),
            token.created_at.format("%F"),
            token.label
        )?;
    }
    Ok(())
}

async fn revoke(
    database: &Database,
    user: &str,
    tokens: &[TokenId],
    all: bool,
) -> anyhow::Result<()> {
    let account = super::user::find(database, user).await?;
    let mut tx = database.pool.begin().await?;
    if all {
        token::revoke_all(&mut *tx, account.id).await?;
    }
    for &id in tokens {
        ensure!(
            token::revoke(&mut *tx, account.id, id).await?,
            "{user} has no token in use with number {id}. `breakmywork token list --user {user}` prints those in use."
        );
    }
    Ok(tx.commit().await?)
}
