//! What moderators do in discussions, and what those whom it concerns say: what pages and REST have in common.

use crate::db::comments::{self, moderation as table, versions};
use crate::error::{Error, Result};
use crate::reason;
use breakmywork_protocol::id::{AccountId, CommentId, ThreadId};
use breakmywork_protocol::visible;
use sqlx::PgConnection;

/// Longest appeal, in characters, as the table's constraint has it.
const APPEAL_CHARS: usize = 1_000;

fn done(done: bool, otherwise: &str) -> Result<()> {
    match done {
        true => Ok(()),
        false => Err(Error::Conflict(otherwise.to_owned())),
    }
}

async fn there(tx: &mut PgConnection, comment: CommentId) -> Result<()> {
    let thread = comments::thread_of(tx, comment).await?;
    thread
        .map(drop)
        .ok_or_else(|| Error::missing("comment", comment))
}

/// Hides a comment.
///
/// # Errors
/// Without a reason, or nothing to hide: then roll `tx` back. So with all of these.
pub async fn hide(tx: &mut PgConnection, id: CommentId, by: AccountId, why: &str) -> Result<()> {
    let why = reason::checked(why)?;
    there(&mut *tx, id).await?;
    let hidden = table::hide(tx, id, by, &why).await?;
    done(
        hidden,
        "This comment is hidden or deleted already, or is a result, which stays.",
    )
}

/// Shows a hidden comment again.
///
/// # Errors
/// Without a reason, or not hidden.
pub async fn unhide(tx: &mut PgConnection, id: CommentId, by: AccountId, why: &str) -> Result<()> {
    let why = reason::checked(why)?;
    there(&mut *tx, id).await?;
    let shown = table::unhide(tx, id, by, &why).await?;
    done(shown, "This comment is shown already.")
}

/// Says why one's own hidden comment should be shown: once each time that it is hidden.
///
/// # Errors
/// Without words, not the author's, not hidden, or said already.
pub async fn appeal(
    tx: &mut PgConnection,
    id: CommentId,
    by: AccountId,
    words: &str,
) -> Result<()> {
    let own = versions::own(&mut *tx, id)
        .await?
        .ok_or_else(|| Error::missing("comment", id))?;
    if own.author != Some(by) {
        return Err(Error::Forbidden(
            "Only its author appeals against hiding a comment.".to_owned(),
        ));
    }
    let words = visible::line(words)
        .map_err(|detail| Error::field("/words", format!("The appeal {detail}")))?;
    if !(1..=APPEAL_CHARS).contains(&words.chars().count()) {
        let detail = format!(
            "Say in one line of 1 to {APPEAL_CHARS} characters why it should be shown; everybody can read it."
        );
        return Err(Error::field("/words", detail));
    }
    let said = table::appeal(tx, id, by, &words).await?;
    done(
        said,
        "A comment is appealed for once, each time that it is hidden.",
    )
}

/// Leaves a comment hidden against an appeal.
///
/// # Errors
/// Without a reason, or no appeal waits.
pub async fn decline(tx: &mut PgConnection, id: CommentId, by: AccountId, why: &str) -> Result<()> {
    let why = reason::checked(why)?;
    there(&mut *tx, id).await?;
    let declined = table::decline(tx, id, by, &why).await?;
    done(
        declined,
        "No appeal against hiding this comment waits for an answer.",
    )
}

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
    done(
        so,
        match locked {
            true => "This discussion is locked already.",
            false => "This discussion is not locked.",
        },
    )
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
