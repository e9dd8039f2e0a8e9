//! Editing and deleting one's own comment.

use super::Written;
use crate::db::comments::versions::{self, Own};
use crate::db::pins;
use crate::error::{Error, Result};
use breakmywork_protocol::id::{AccountId, CommentId};
use sqlx::PgConnection;

/// What came of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edited {
    /// It is stored, or said that already.
    Stored,
    /// Somebody stored another version since: this is what it says now.
    Stale {
        /// Its number.
        version: i32,
        /// Its text.
        body: String,
    },
}

/// Reads a comment that its author wants to change.
///
/// # Errors
/// If it is not there, not theirs, or not to be changed any more.
pub async fn own(tx: &mut PgConnection, comment: CommentId, author: AccountId) -> Result<Own> {
    let own = versions::own(tx, comment)
        .await?
        .ok_or_else(|| Error::missing("comment", comment))?;
    if own.author != Some(author) {
        return Err(Error::Forbidden(
            "Only its author may change a comment.".to_owned(),
        ));
    }
    let kept = if own.deleted {
        "You have deleted this comment."
    } else if own.hidden {
        "A moderator has hidden this comment, so it stays as it is."
    } else {
        return Ok(own);
    };
    Err(Error::Conflict(kept.to_owned()))
}

/// Stores a new text of a comment that was at `version` when its author began.
///
/// # Errors
/// As [`own`], if its discussion is locked, or it was edited too often.
pub async fn edit(
    tx: &mut PgConnection,
    comment: CommentId,
    author: AccountId,
    version: i32,
    written: &Written,
) -> Result<Edited> {
    let own = own(&mut *tx, comment, author).await?;
    super::moderation::open(&mut *tx, own.thread).await?;
    if own.body == written.text() {
        return Ok(Edited::Stored);
    }
    if own.version != version {
        return Ok(Edited::Stale {
            version: own.version,
            body: own.body,
        });
    }
    if own.version >= versions::MOST {
        return Err(Error::Conflict(format!(
            "This comment was written {} times, which is the most. Answer it instead.",
            versions::MOST
        )));
    }
    versions::edit(&mut *tx, comment, written.text(), written.html()).await?;
    pins::keep(tx, comment, written.pins()).await?;
    Ok(Edited::Stored)
}

/// Takes a comment's text away, for good. Done twice, it is done.
///
/// # Errors
/// If it is not there, not theirs, or hidden.
pub async fn delete(tx: &mut PgConnection, comment: CommentId, author: AccountId) -> Result<()> {
    match own(&mut *tx, comment, author).await {
        Ok(_) => Ok(versions::delete(tx, comment).await?),
        Err(Error::Conflict(reason)) => match versions::own(tx, comment).await? {
            Some(own) if own.deleted => Ok(()),
            _ => Err(Error::Conflict(reason)),
        },
        Err(other) => Err(other),
    }
}
