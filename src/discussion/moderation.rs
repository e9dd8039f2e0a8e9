//! Discussions that moderators lock: what pages and REST have in common.

use crate::db::comments::{self, moderation as table};
use crate::error::{Error, Result};
use crate::reason;
use breakmywork_protocol::id::{AccountId, ThreadId};
use sqlx::PgConnection;

/// Locks a discussion, or opens it again.
///
/// # Errors
/// Without a reason, no such discussion, or it is so already.
pub async fn lock(
    tx: &mut PgConnection,
    thread: ThreadId,
    by: AccountId,
    why: &str,
    locked: bool,
) -> Result<()> {
    let why = reason::checked(why)?;
    let about = comments::subject(&mut *tx, thread)
        .await?
        .ok_or_else(|| Error::missing("thread", thread))?;
    let so = table::lock(tx, thread, about, by, &why, locked).await?;
    let against = match (so, locked) {
        (true, _) => return Ok(()),
        (false, true) => "This discussion is locked already.",
        (false, false) => "This discussion is not locked.",
    };
    Err(Error::Conflict(against.to_owned()))
}

/// Whether people may post to a discussion.
///
/// # Errors
/// If it is locked, with the reason.
pub async fn open(tx: &mut PgConnection, thread: ThreadId) -> Result<()> {
    match table::locked(tx, thread).await? {
        Some(lock) => Err(Error::Conflict(format!(
            "{} locked this discussion: {}. Results of experiments still arrive.",
            lock.by,
            lock.reason.trim_end_matches('.')
        ))),
        None => Ok(()),
    }
}
