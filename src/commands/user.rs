//! `breakmywork user`: accounts.

use super::database::{Database, DatabaseArgs};
use super::password::PasswordArgs;
use crate::auth::account::{Role, check_name};
use crate::auth::invitation::{self, NewInvitation};
use crate::auth::{password, session};
use crate::db::accounts::{self, Account, Tokens};
use crate::db::second_factors;
use crate::error::Error;
use crate::reason;
use crate::volunteers;
use anyhow::{Context, anyhow, ensure};
use breakmywork_protocol::id::InvitationId;
use std::io::Write;

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
    /// Prints a link with which one person signs up, once, where sign-up is open to invited people alone.
    Invite {
        /// Whom it is for; admins read it.
        #[arg(long)]
        note: String,
        /// Days until it ends, 1 to 90.
        #[arg(long, default_value_t = invitation::DAYS)]
        days: i32,
        /// Address of the board, without a trailing slash, for the link.
        #[arg(
            long,
            env = "BREAKMYWORK_PUBLIC_URL",
            default_value = "http://127.0.0.1:8080"
        )]
        public_url: String,
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Lists the invitations that can be used still: their numbers, ends, by whom, for whom.
    Invitations {
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Takes invitations back: nobody signs up with them any more.
    Uninvite {
        /// Their numbers, as `user invitations` prints them.
        #[arg(required = true, value_name = "NUMBER")]
        invitations: Vec<InvitationId>,
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Sets another password, signs the person out everywhere, revokes all API tokens and disconnects other sites.
    Password {
        /// Whose.
        name: String,
        /// Leaves the API tokens, and the other sites to sign in with, as they are.
        #[arg(long)]
        keep_tokens: bool,
        #[command(flatten)]
        password: PasswordArgs,
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Turns the second factor off of somebody who has lost both the app and the codes on paper, and signs them out everywhere.
    SecondFactorOff {
        /// Whose.
        name: String,
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Sets what an account may do; the person has to sign in anew.
    Role {
        /// Whose.
        name: String,
        /// member, moderator or admin.
        role: Role,
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Ends an account's sessions and API tokens at once; nobody can sign in to it. What it wrote stays.
    Disable {
        /// Whose.
        name: String,
        /// Why; the person reads it when signing in.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Lets the person sign in again.
    Enable {
        /// Whose.
        name: String,
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Admits a member as a volunteer, whose machines train runs; what they report counts once a second host got the same.
    Volunteer {
        /// Who.
        name: String,
        /// Takes the admission back.
        #[arg(long, requires = "reason")]
        off: bool,
        /// Why it is taken back; on record.
        #[arg(long, requires = "off")]
        reason: Option<String>,
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
        Command::Invite {
            note,
            days,
            public_url,
            database,
        } => {
            let database = database.open().await?;
            let made = invite(&database, &note, days).await;
            database.close().await;
            let path = invitation::path(&made?);
            writeln!(
                std::io::stdout(),
                "{}{path}",
                public_url.trim_end_matches('/')
            )?;
        }
        Command::Invitations { database } => {
            let database = database.open().await?;
            // There are never more than fit on a screen or two.
            let open = invitation::open(&database.pool, None, i64::MAX).await;
            database.close().await;
            print(&open?)?;
        }
        Command::Uninvite {
            invitations,
            database,
        } => {
            let database = database.open().await?;
            let done = uninvite(&database, &invitations).await;
            database.close().await;
            done?;
        }
        Command::Password {
            name,
            keep_tokens,
            password,
            database,
        } => {
            let new = password.get(&name)?;
            let tokens = match keep_tokens {
                true => Tokens::Kept,
                false => Tokens::Revoked,
            };
            let database = database.open().await?;
            let done = change(&database, &name, &new, tokens).await;
            database.close().await;
            done?;
            password.show(&new)?;
        }
        Command::SecondFactorOff { name, database } => {
            let database = database.open().await?;
            let done = second_factor_off(&database, &name).await;
            database.close().await;
            done?;
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
        Command::Disable {
            name,
            reason,
            database,
        } => {
            let reason = reason::checked(&reason).map_err(|_| {
                anyhow!("Give --reason in one line of 1 to 300 characters; the person reads it.")
            })?;
            let database = database.open().await?;
            let done = disable(&database, &name, &reason).await;
            database.close().await;
            done?;
        }
        Command::Enable { name, database } => {
            let database = database.open().await?;
            let done = enable(&database, &name).await;
            database.close().await;
            done?;
        }
        Command::Volunteer {
            name,
            off: _,
            reason,
            database,
        } => {
            let reason = reason
                .map(|reason| reason::checked(&reason))
                .transpose()
                .map_err(|_| anyhow!("Give --reason in one line of 1 to 300 characters."))?;
            let database = database.open().await?;
            let done = volunteer(&database, &name, reason.as_deref()).await;
            database.close().await;
            done?;
        }
    }
    Ok(())
}

async fn create(database: &Database, name: &str, role: Role, new: &str) -> anyhow::Result<()> {
    let mut tx = database.pool.begin().await?;
    let account = accounts::create(&mut *tx, name, &password::hash_now(new)?, role)
        .await?
        .with_context(|| format!("The name {name} is taken. Choose another one."))?;
    if role.is_moderator() {
        accounts::set_role(&mut tx, account, role).await?;
    }
    Ok(tx.commit().await?)
}

async fn invite(database: &Database, note: &str, days: i32) -> anyhow::Result<String> {
    let new = NewInvitation::checked(note, days).map_err(|problems| {
        let details: Vec<String> = problems.into_iter().map(|problem| problem.detail).collect();
        anyhow!(details.join(" "))
    })?;
    let mut tx = database.pool.begin().await?;
    let made = invitation::create(&mut tx, &new, None)
        .await?
        .with_context(invitation::too_many)?;
    tx.commit().await?;
    Ok(made.code)
}

fn print(invitations: &[invitation::Row]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for invitation in invitations {
        writeln!(
            out,
            "{}\tends {}\tby {}\t{}",
            invitation.id,
            invitation.expires_at.format("%F"),
            invitation.made_by.as_deref().unwrap_or("the operator"),
            invitation.note
        )?;
    }
    Ok(())
}

async fn uninvite(database: &Database, invitations: &[InvitationId]) -> anyhow::Result<()> {
    let mut tx = database.pool.begin().await?;
    for &id in invitations {
        ensure!(
            invitation::revoke(&mut *tx, id).await?,
            "There is no open invitation with number {id}. `breakmywork user invitations` prints those that are."
        );
    }
    Ok(tx.commit().await?)
}

async fn second_factor_off(database: &Database, name: &str) -> anyhow::Result<()> {
    let account = find_person(database, name).await?;
    let mut tx = database.pool.begin().await?;
    let done = second_factors::remove(&mut tx, account.id).await?;
    ensure!(done, "{name} has no second factor.");
    session::end_all(&mut *tx, account.id).await?;
    Ok(tx.commit().await?)
}

async fn change(database: &Database, name: &str, new: &str, tokens: Tokens) -> anyhow::Result<()> {
    let account = find_person(database, name).await?;
    let hash = password::hash_now(new)?;
    let mut tx = database.pool.begin().await?;
    accounts::set_password(&mut tx, account.id, &hash, tokens).await?;
    Ok(tx.commit().await?)
}

async fn set_role(database: &Database, name: &str, role: Role) -> anyhow::Result<()> {
    let account = find_person(database, name).await?;
    let mut tx = database.pool.begin().await?;
    accounts::set_role(&mut tx, account.id, role).await?;
    Ok(tx.commit().await?)
}

async fn disable(database: &Database, name: &str, reason: &str) -> anyhow::Result<()> {
    let account = find(database, name).await?;
    let mut tx = database.pool.begin().await?;
    let done = accounts::disable(&mut tx, account.id, None, reason).await?;
    ensure!(done, "The account {name} is disabled already.");
    Ok(tx.commit().await?)
}

async fn enable(database: &Database, name: &str) -> anyhow::Result<()> {
    let account = find(database, name).await?;
    let mut tx = database.pool.begin().await?;
    let done = accounts::enable(&mut tx, account.id, None).await?;
    ensure!(done, "The account {name} is not disabled.");
    Ok(tx.commit().await?)
}

/// Admits a volunteer, or takes that back for a reason.
async fn volunteer(database: &Database, name: &str, back_for: Option<&str>) -> anyhow::Result<()> {
    find(database, name).await?;
    let mut tx = database.pool.begin().await?;
    let done = match back_for {
        None => volunteers::admit(&mut tx, name, None).await,
        Some(reason) => volunteers::dismiss(&mut tx, name, None, reason).await,
    };
    match done {
        Ok(()) => Ok(tx.commit().await?),
        Err(Error::Conflict(why)) => Err(anyhow!(why)),
        Err(error) => Err(error.into()),
    }
}

/// The account of that name, if it is a person's.
async fn find_person(database: &Database, name: &str) -> anyhow::Result<Account> {
    let account = find(database, name).await?;
    ensure!(
        account.sponsor.is_none(),
        "{name} is an agent: it signs in nowhere, and its role stays member. `breakmywork token` makes and revokes its tokens."
    );
    Ok(account)
}

/// The account of that name.
pub(super) async fn find(database: &Database, name: &str) -> anyhow::Result<Account> {
    accounts::find(&database.pool, name)
        .await?
        .with_context(|| {
            format!("There is no account {name}. Make it with `breakmywork user create {name}`.")
        })
}
