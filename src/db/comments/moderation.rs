//! Locked discussions: on record in the transaction that does it.

use super::Subject;
use breakmywork_protocol::id::{AccountId, ThreadId};
use breakmywork_protocol::record::{self, Act};
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::{PgConnection, PgExecutor};

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
