//! Following experiments, claims and works: what pages and REST have in common.

use crate::db::{
    accounts,
    follows::{self, Level, Subject},
};
use crate::error::{Error, Result};
use breakmywork_protocol::id::AccountId;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

/// Things that one account follows by choice.
const MOST: i64 = 5_000;

/// What somebody wants: to follow in one way, or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// To be told of everything.
    All,
    /// Of verdicts, and of what becomes of the claim.
    Verdicts,
    /// Of nothing, whatever else is followed.
    Muted,
    /// To follow no longer.
    None,
}

impl Wish {
    fn level(self) -> Option<Level> {
        match self {
            Self::All => Some(Level::All),
            Self::Verdicts => Some(Level::Verdicts),
            Self::Muted => Some(Level::Muted),
            Self::None => None,
        }
    }
}

/// Follows something as wished, or no longer.
///
/// # Errors
/// No such thing, or too many are followed.
pub async fn follow(
    tx: &mut PgConnection,
    account: AccountId,
    subject: Subject,
    wish: Wish,
) -> Result<()> {
    let Some(level) = wish.level() else {
        return Ok(follows::remove(tx, account, subject).await?);
    };
    if !follows::exists(&mut *tx, subject).await? {
        return Err(match subject {
            Subject::Experiment(id) => Error::missing("experiment", id),
            Subject::Claim(id) => Error::missing("claim", id),
            Subject::Work(id) => Error::missing("work", id),
        });
    }
    accounts::lock(tx, account).await?;
    if !follows::set(tx, account, subject, level, MOST).await? {
        return Err(Error::Conflict(format!(
            "You follow {MOST} things. Stop following some, then follow this one."
        )));
    }
    Ok(())
}
