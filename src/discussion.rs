//! Posting a comment: what form and REST have in common.

use crate::db::comments;
use crate::error::{Error, Result};
use breakmywork_protocol::id::{AccountId, CommentId, ThreadId};
use sqlx::PgConnection;

/// Comments of one person within a minute: a person cannot write more, a script should not.
const PER_MINUTE: i64 = 20;

/// Posts `author`'s comment to a thread.
///
/// # Errors
/// Empty or too long (pointer `/body`), too many within a minute, or no such thread.
pub async fn post(
    tx: &mut PgConnection,
    thread: ThreadId,
    author: AccountId,
    body: &str,
) -> Result<CommentId> {
    let body = checked(body).map_err(|detail| Error::field("/body", detail))?;
    if comments::recent(&mut *tx, author).await? >= PER_MINUTE {
        return Err(Error::TooMany {
            detail: format!(
                "You posted {PER_MINUTE} comments within a minute. Wait a minute, then post this one."
            ),
            retry_after: 60,
        });
    }
    comments::create(tx, thread, author, body)
        .await?
        .ok_or_else(|| Error::missing("thread", thread))
}

/// The text as it is stored, or what is wrong with it.
///
/// # Errors
/// A sentence for the person who wrote it.
pub fn checked(body: &str) -> Result<&str, String> {
    let body = body.trim();
    if body.is_empty() {
        return Err("Write something first.".into());
    }
    let length = body.chars().count();
    if length > comments::LONGEST {
        return Err(format!(
            "A comment has at most {} characters; this one has {length}. Shorten it, or post it in parts.",
            comments::LONGEST
        ));
    }
    if body.contains('\0') {
        return Err("A comment must not contain a NUL character.".into());
    }
    Ok(body)
}
