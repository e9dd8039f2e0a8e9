//! Hiding comments, appeals against that, and locked discussions: each on record in the transaction that does it.

use super::Subject;
use breakmywork_protocol::id::{AccountId, CommentId, ThreadId};
use breakmywork_protocol::record::{self, Act};
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::{PgConnection, PgExecutor, postgres::PgQueryResult};

/// Puts on record what was done to a comment; says whether it was done.
async fn told(
    tx: &mut PgConnection,
    done: PgQueryResult,
    comment: CommentId,
    act: Act,
    by: AccountId,
    reason: &str,
) -> sqlx::Result<bool> {
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    let subject = record::Subject::Comment(comment);
    record::act(tx, subject, act, Some(by), json!({ "reason": reason })).await?;
    Ok(true)
}

/// Hides a comment, for everybody to see that and why; false if it is hidden already, deleted, a result or not there.
///
/// # Errors
/// If the database is away.
pub async fn hide(
    tx: &mut PgConnection,
    comment: CommentId,
    by: AccountId,
    reason: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update comment set hidden_at = now(), hidden_by = $2, hidden_reason = $3
         where id = $1 and hidden_at is null and deleted_at is null and kind = 'comment'",
        comment.0,
        by.0,
        reason,
    )
    .execute(&mut *tx)
    .await?;
    told(tx, done, comment, Act::Hidden, by, reason).await
}

/// Shows a hidden comment again; false if it is not hidden.
///
/// # Errors
/// If the database is away.
pub async fn unhide(
    tx: &mut PgConnection,
    comment: CommentId,
    by: AccountId,
    reason: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update comment set hidden_at = null, hidden_by = null, hidden_reason = null,
           appeal = null, appealed_at = null, appeal_answer = null
         where id = $1 and hidden_at is not null",
        comment.0,
    )
    .execute(&mut *tx)
    .await?;
    told(tx, done, comment, Act::Shown, by, reason).await
}

/// Keeps what the author of a hidden comment says against that; false if it is not theirs, not hidden, or appealed
/// against already.
///
/// # Errors
/// If the database is away.
pub async fn appeal(
    tx: &mut PgConnection,
    comment: CommentId,
    author: AccountId,
    words: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update comment set appeal = $3, appealed_at = now()
         where id = $1 and author_id = $2 and hidden_at is not null and appeal is null",
        comment.0,
        author.0,
        words,
    )
    .execute(&mut *tx)
    .await?;
    told(tx, done, comment, Act::Appealed, author, words).await
}

/// Leaves a comment hidden against its author's appeal; false if no appeal waits.
///
/// # Errors
/// If the database is away.
pub async fn decline(
    tx: &mut PgConnection,
    comment: CommentId,
    by: AccountId,
    reason: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update comment set appeal_answer = $2 where id = $1 and appeal is not null and appeal_answer is null",
        comment.0,
        reason,
    )
    .execute(&mut *tx)
    .await?;
    told(tx, done, comment, Act::AppealDeclined, by, reason).await
}

/// Locks a discussion, or opens it again; false if it is so already.
///
/// # Errors
/// If the database is away.
pub async fn lock(
    tx: &mut PgConnection,
    thread: ThreadId,
    about: Subject,
    by: AccountId,
    reason: &str,
    locked: bool,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update thread set locked_at = case when $4 then now() end, locked_by = case when $4 then $2::bigint end,
           lock_reason = case when $4 then $3 end
         where id = $1 and (locked_at is not null) <> $4",
        thread.0,
        by.0,
        reason,
        locked,
    )
    .execute(&mut *tx)
    .await?;
    let subject = match (about.experiment, about.claim) {
        (Some(id), _) => record::Subject::Experiment(id),
        (None, Some(id)) => record::Subject::Claim(id),
        (None, None) => return Ok(false),
    };
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    let act = match locked {
        true => Act::ThreadLocked,
        false => Act::ThreadUnlocked,
    };
    record::act(tx, subject, act, Some(by), json!({ "reason": reason })).await?;
    Ok(true)
}

/// Why a discussion is locked.
#[derive(Debug, Clone)]
pub struct Lock {
    /// Since when.
    pub at: DateTime<Utc>,
    /// By which moderator.
    pub by: String,
    /// Why, for everybody to read.
    pub reason: String,
}

/// Whether a discussion is locked, and why.
///
/// # Errors
/// If the database is away.
pub async fn locked(db: impl PgExecutor<'_>, thread: ThreadId) -> sqlx::Result<Option<Lock>> {
    sqlx::query_as!(
        Lock,
        r#"select locked_at as "at!", account.name as "by!", lock_reason as "reason!"
           from thread join account on account.id = locked_by where thread.id = $1"#,
        thread.0,
    )
    .fetch_optional(db)
    .await
}

/// The comments whose authors wait for the answer to an appeal, the oldest appeal first.
///
/// # Errors
/// If the database is away.
pub async fn appeals(db: impl PgExecutor<'_>, limit: i64) -> sqlx::Result<Vec<CommentId>> {
    sqlx::query_scalar!(
        r#"select id as "id: CommentId" from comment where appeal is not null and appeal_answer is null
           order by appealed_at limit $1"#,
        limit,
    )
    .fetch_all(db)
    .await
}
