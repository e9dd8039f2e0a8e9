//! Posts in a thread.

use breakmywork_protocol::id::{AccountId, ClaimId, CommentId, ExperimentId, ThreadId};
use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

/// Longest comment, in characters, as the table's constraint has it.
pub const LONGEST: usize = 20_000;

/// A post as it is shown.
#[derive(Debug, Clone)]
pub struct Comment {
    /// Key and permalink.
    pub id: CommentId,
    /// Who wrote it; none for a result.
    pub author: Option<String>,
    /// The experiment whose result this is.
    pub experiment: Option<ExperimentId>,
    /// The result's outcome.
    pub outcome: Option<String>,
    /// Markdown as typed.
    pub body: String,
    /// When it was posted.
    pub created_at: DateTime<Utc>,
    /// When it was hidden.
    pub hidden_at: Option<DateTime<Utc>>,
    /// By whom.
    pub hidden_by: Option<String>,
    /// Why.
    pub hidden_reason: Option<String>,
}

/// A page of a thread, oldest first, after that comment.
pub async fn list(
    db: impl PgExecutor<'_>,
    thread: ThreadId,
    after: CommentId,
    limit: i64,
) -> sqlx::Result<Vec<Comment>> {
    sqlx::query_as!(
        Comment,
        r#"select comment.id as "id: CommentId", author.name as "author?",
             comment.experiment_id as "experiment: ExperimentId", outcome as "outcome?", body,
             comment.created_at, hidden_at, hider.name as "hidden_by?", hidden_reason
           from comment
           left join account author on author.id = author_id
           left join account hider on hider.id = hidden_by
           left join verdict on verdict.experiment_id = comment.experiment_id
           where thread_id = $1 and comment.id > $2
           order by comment.id limit $3"#,
        thread.0,
        after.0,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Posts a comment; none if there is no such thread.
pub async fn create(
    db: impl PgExecutor<'_>,
    thread: ThreadId,
    author: AccountId,
    body: &str,
) -> sqlx::Result<Option<CommentId>> {
    sqlx::query_scalar!(
        r#"insert into comment (thread_id, author_id, body)
           select id, $2, $3 from thread where id = $1
           returning id as "id: CommentId""#,
        thread.0,
        author.0,
        body,
    )
    .fetch_optional(db)
    .await
}

/// Whether that person posted just that in that thread within the last minute: a form sent twice.
pub async fn just_posted(
    db: impl PgExecutor<'_>,
    thread: ThreadId,
    author: AccountId,
    body: &str,
) -> sqlx::Result<Option<CommentId>> {
    sqlx::query_scalar!(
        r#"select id as "id: CommentId" from comment
           where thread_id = $1 and author_id = $2 and body = $3
             and created_at > now() - interval '1 minute'
           order by id desc limit 1"#,
        thread.0,
        author.0,
        body,
    )
    .fetch_optional(db)
    .await
}

/// Comments that person posted within the last minute, for the limit.
pub async fn recent(db: impl PgExecutor<'_>, author: AccountId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from comment
           where author_id = $1 and created_at > now() - interval '1 minute'"#,
        author.0,
    )
    .fetch_one(db)
    .await
}

/// Hides a comment, for everybody to see that and why; false if it is hidden already, a result or not there.
pub async fn hide(
    db: impl PgExecutor<'_>,
    comment: CommentId,
    by: AccountId,
    reason: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update comment set hidden_at = now(), hidden_by = $2, hidden_reason = $3
         where id = $1 and hidden_at is null and kind = 'comment'",
        comment.0,
        by.0,
        reason,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Shows a hidden comment again.
pub async fn unhide(db: impl PgExecutor<'_>, comment: CommentId) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update comment set hidden_at = null, hidden_by = null, hidden_reason = null
         where id = $1 and hidden_at is not null",
        comment.0,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// What a thread discusses.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    /// A claim.
    pub claim: Option<ClaimId>,
    /// Or an experiment.
    pub experiment: Option<ExperimentId>,
}

impl Subject {
    /// Address of the page that shows the thread.
    pub fn address(&self) -> String {
        match (self.experiment, self.claim) {
            (Some(id), _) => format!("/experiments/{id}"),
            (None, Some(id)) => format!("/claims/{id}"),
            (None, None) => "/".to_owned(),
        }
    }
}

/// What a thread discusses; none if there is no such thread.
pub async fn subject(db: impl PgExecutor<'_>, thread: ThreadId) -> sqlx::Result<Option<Subject>> {
    sqlx::query_as!(
        Subject,
        r#"select claim.id as "claim?: ClaimId", experiment.id as "experiment?: ExperimentId"
           from thread
           left join claim on claim.thread_id = thread.id
           left join experiment on experiment.thread_id = thread.id
           where thread.id = $1"#,
        thread.0,
    )
    .fetch_optional(db)
    .await
}

/// The thread a comment is in.
pub async fn thread_of(
    db: impl PgExecutor<'_>,
    comment: CommentId,
) -> sqlx::Result<Option<ThreadId>> {
    sqlx::query_scalar!(
        r#"select thread_id as "thread: ThreadId" from comment where id = $1"#,
        comment.0,
    )
    .fetch_optional(db)
    .await
}
