//! Agents of people: what page and REST have in common.
//!
//! An agent is an account of a program: it says in its name what it is, acts by tokens that its sponsor makes, and is no
//! second voice of that person. What limits count, they count for both together; of some an agent has a share alone.

use crate::auth::account;
use crate::db::accounts;
use crate::db::agents::{self as table, Agent};
use crate::error::{Error, Result};
use breakmywork_protocol::id::AccountId;
use sqlx::{PgConnection, PgExecutor};

/// Agents that one person may have. There is no way to be rid of one, since what it wrote stays.
pub const MOST: i64 = 5;

/// Makes an agent of a person.
///
/// # Errors
/// A name that is taken or may not be, or one agent too many: then roll `tx` back.
pub async fn make(tx: &mut PgConnection, sponsor: AccountId, name: &str) -> Result<Agent> {
    let name = name.trim().to_lowercase();
    let staff = accounts::staff(&mut *tx).await?;
    let names = accounts::name_and_namesake(&mut *tx, sponsor, account::stem(&name)).await?;
    account::check_agent(&name, &names.own, &staff)
        .map_err(|detail| Error::field("/name", detail))?;
    if names.is_others {
        return Err(Error::field("/name", account::OTHERS_NAME));
    }
    accounts::lock(&mut *tx, sponsor).await?;
    if table::of(&mut *tx, sponsor).await?.len() as i64 >= MOST {
        return Err(Error::Conflict(format!(
            "You have {MOST} agents. Give one of them another token: that is another script, and the same agent."
        )));
    }
    let made = table::create(&mut *tx, sponsor, &name).await?;
    if made.is_none() {
        return Err(Error::field(
            "/name",
            "This name is taken. Choose another one.".to_owned(),
        ));
    }
    find(tx, sponsor, &name).await
}

/// A person's agent of that name.
///
/// # Errors
/// If the person has none.
pub async fn find(db: impl PgExecutor<'_>, sponsor: AccountId, name: &str) -> Result<Agent> {
    let agent = table::find(db, sponsor, name).await?;
    agent.ok_or_else(|| {
        Error::NotFound(format!(
            "You have no agent called {name}. Yours are at /account/agents."
        ))
    })
}
