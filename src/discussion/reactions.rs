//! What readers think of comments.

use crate::db::comments::reactions::{self as table, Reaction};
use crate::db::comments::versions;
use crate::error::{Error, Result};
use breakmywork_protocol::id::{AccountId, CommentId};
use sqlx::PgConnection;

/// Notes what somebody thinks of a comment, or takes it back. Done twice, it is done.
///
/// # Errors
/// If it is not there, one's own, a result, or not shown any more.
pub async fn react(
    tx: &mut PgConnection,
    id: CommentId,
    by: AccountId,
    reaction: Reaction,
    wanted: bool,
) -> Result<()> {
    if !wanted {
        return Ok(table::take_back(tx, id, by, reaction).await?);
    }
    let comment = versions::own(&mut *tx, id)
        .await?
        .ok_or_else(|| Error::missing("comment", id))?;
    let refused = match comment.author {
        None => "A result is not voted on. Answer it, or propose an experiment.",
        Some(author) if author == by => "This is your own comment.",
        Some(_) if comment.hidden || comment.deleted => "This comment is not shown any more.",
        Some(_) => return Ok(table::add(tx, id, by, reaction).await?),
    };
    Err(Error::Conflict(refused.to_owned()))
}
