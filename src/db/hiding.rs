//! Hiding comments and proposals, and appeals against that: each on record in the transaction that does it.

use crate::hiding::Hideable;
use breakmywork_protocol::id::{AccountId, CommentId, ExperimentId};
use breakmywork_protocol::record::{self, Act};
use serde_json::json;
use sqlx::{PgConnection, PgExecutor};

/// Changes a comment or a proposal where `$comment` or `$proposal` holds, puts that on record, and says whether it was done.
macro_rules! change {
    ($tx:expr, $what:expr, $set:literal, comment $comment:literal, proposal $proposal:literal,
     $act:expr, $by:expr, $words:expr $(, $argument:expr)*) => {{
        let done = match $what {
            Hideable::Comment(id) => {
                sqlx::query!("update comment set " + $set + " where id = $1 and " + $comment, id.0 $(, $argument)*)
                    .execute(&mut *$tx)
                    .await?
            }
            Hideable::Proposal(id) => {
                sqlx::query!("update experiment set " + $set + " where id = $1 and " + $proposal, id.0 $(, $argument)*)
                    .execute(&mut *$tx)
                    .await?
            }
        };
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        record::act($tx, $what.subject(), $act, Some($by), json!({ "reason": $words })).await?;
        Ok(true)
    }};
}

/// Hides it, for everybody to see that and why; false if it is hidden already, not there, a comment that was deleted or is
/// a result, or an experiment that is sealed or was registered.
///
/// # Errors
/// If the database is away.
pub async fn hide(
    tx: &mut PgConnection,
    what: Hideable,
    by: AccountId,
    reason: &str,
) -> sqlx::Result<bool> {
    change!(
        tx, what, "hidden_at = now(), hidden_by = $2, hidden_reason = $3",
        comment "hidden_at is null and deleted_at is null and kind = 'comment'",
        proposal "hidden_at is null and registered_at is null and not closed",
        Act::Hidden, by, reason, by.0, reason
    )
}

/// Shows it again; false if it is not hidden.
///
/// # Errors
/// If the database is away.
pub async fn unhide(
    tx: &mut PgConnection,
    what: Hideable,
    by: AccountId,
    reason: &str,
) -> sqlx::Result<bool> {
    change!(
        tx, what,
        "hidden_at = null, hidden_by = null, hidden_reason = null, appeal = null, appealed_at = null, appeal_answer = null",
        comment "hidden_at is not null",
        proposal "hidden_at is not null",
        Act::Shown, by, reason
    )
}

/// Keeps what the author of what is hidden says against that; false if it is not theirs, not hidden, or appealed against
/// already.
///
/// # Errors
/// If the database is away.
pub async fn appeal(
    tx: &mut PgConnection,
    what: Hideable,
    author: AccountId,
    words: &str,
) -> sqlx::Result<bool> {
    change!(
        tx, what, "appeal = $3, appealed_at = now()",
        comment "author_id = $2 and hidden_at is not null and appeal is null",
        proposal "author_id = $2 and hidden_at is not null and appeal is null",
        Act::Appealed, author, words, author.0, words
    )
}

/// Leaves it hidden against its author's appeal; false if no appeal waits.
///
/// # Errors
/// If the database is away.
pub async fn decline(
    tx: &mut PgConnection,
    what: Hideable,
    by: AccountId,
    reason: &str,
) -> sqlx::Result<bool> {
    change!(
        tx, what, "appeal_answer = $2",
        comment "appeal is not null and appeal_answer is null",
        proposal "appeal is not null and appeal_answer is null",
        Act::AppealDeclined, by, reason, reason
    )
}

/// Who wrote it, none of what the machine did; nothing if there is no such comment or experiment.
///
/// # Errors
/// If the database is away.
pub async fn author(
    db: impl PgExecutor<'_>,
    what: Hideable,
) -> sqlx::Result<Option<Option<AccountId>>> {
    let (comment, experiment) = match what {
        Hideable::Comment(id) => (Some(id), None),
        Hideable::Proposal(id) => (None, Some(id)),
    };
    sqlx::query_scalar!(
        r#"select author_id as "id?: AccountId" from comment where id = $1
           union all select author_id from experiment where id = $2"#,
        comment as Option<CommentId>,
        experiment as Option<ExperimentId>,
    )
    .fetch_optional(db)
    .await
}

/// The comments whose authors wait for the answer to an appeal, the oldest appeal first.
///
/// # Errors
/// If the database is away.
pub async fn appeals_of_comments(
    db: impl PgExecutor<'_>,
    limit: i64,
) -> sqlx::Result<Vec<CommentId>> {
    sqlx::query_scalar!(
        r#"select id as "id: CommentId" from comment where appeal is not null and appeal_answer is null
           order by appealed_at limit $1"#,
        limit,
    )
    .fetch_all(db)
    .await
}

/// A proposal whose author waits for the answer to an appeal: what everybody may know of it.
#[derive(Debug, Clone)]
pub struct Appealed {
    /// The experiment.
    pub id: ExperimentId,
    /// Who proposed it.
    pub author: String,
    /// Who hid it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// What its author says against that.
    pub appeal: String,
}

/// These proposals, the oldest appeal first.
///
/// # Errors
/// If the database is away.
pub async fn appeals_of_proposals(
    db: impl PgExecutor<'_>,
    limit: i64,
) -> sqlx::Result<Vec<Appealed>> {
    sqlx::query_as!(
        Appealed,
        r#"select e.id as "id: ExperimentId", author.name as author, moderator.name as by, hidden_reason as "reason!",
             appeal as "appeal!"
           from experiment e join account author on author.id = e.author_id join account moderator on moderator.id = e.hidden_by
           where appeal is not null and appeal_answer is null
           order by appealed_at limit $1"#,
        limit,
    )
    .fetch_all(db)
    .await
}
