//! What comments said before: edits, and what is left of a deleted one.

use crate::render::{html::Html, markdown};
use breakmywork_protocol::id::{AccountId, CommentId, ThreadId};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

/// Times that a comment may be written: posted once and edited the others, as the table's constraint has it.
pub const MOST: i32 = 50;

/// What decides whether a comment may be changed.
#[derive(Debug, Clone)]
pub struct Own {
    /// Its thread.
    pub thread: ThreadId,
    /// Who wrote it; none for what the machine posted.
    pub author: Option<AccountId>,
    /// Its text now.
    pub body: String,
    /// Which version that is.
    pub version: i32,
    /// Whether a moderator hid it.
    pub hidden: bool,
    /// Whether its author deleted it.
    pub deleted: bool,
}

/// Reads a comment that is about to be changed; within a transaction nobody else changes it meanwhile.
///
/// # Errors
/// If the database is away.
pub async fn own(db: impl PgExecutor<'_>, comment: CommentId) -> sqlx::Result<Option<Own>> {
    sqlx::query_as!(
        Own,
        r#"select thread_id as "thread: ThreadId", author_id as "author: AccountId", body, version,
             hidden_at is not null as "hidden!", deleted_at is not null as "deleted!"
           from comment where id = $1 for update"#,
        comment.0,
    )
    .fetch_optional(db)
    .await
}

/// Gives a comment a new text; the old one stays to be read.
///
/// # Errors
/// If the database is away.
pub async fn edit(
    tx: &mut PgConnection,
    comment: CommentId,
    body: &str,
    html: &Html,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into comment_version (comment_id, number, body, written_at)
         select id, version, body, coalesce(edited_at, created_at) from comment where id = $1",
        comment.0,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "update comment set body = $2, html = $3, html_version = $4, version = version + 1, edited_at = now()
         where id = $1",
        comment.0,
        body,
        html.as_str(),
        markdown::VERSION,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes away the text of a comment and of all its earlier versions, and what it pins. Its place stays, with what answers it.
///
/// # Errors
/// If the database is away.
pub async fn delete(tx: &mut PgConnection, comment: CommentId) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from comment_version where comment_id = $1",
        comment.0
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!("delete from comment_pin where comment_id = $1", comment.0)
        .execute(&mut *tx)
        .await?;
    sqlx::query!(
        "update comment set body = '', html = '', html_version = $2, deleted_at = now() where id = $1",
        comment.0,
        markdown::VERSION,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// A version of a comment.
#[derive(Debug, Clone)]
pub struct Version {
    /// 1 for what was posted first.
    pub number: i32,
    /// Markdown as typed.
    pub body: String,
    /// When.
    pub written_at: DateTime<Utc>,
}

/// The versions of a comment after `after`, the first one first; none of one that is hidden, deleted or not a person's.
///
/// # Errors
/// If the database is away.
pub async fn after(
    db: impl PgExecutor<'_>,
    comment: CommentId,
    after: i32,
    limit: i64,
) -> sqlx::Result<Vec<Version>> {
    sqlx::query_as!(
        Version,
        r#"with open as (select * from comment where id = $1 and kind = 'comment' and hidden_at is null and deleted_at is null)
           select number as "number!", v.body as "body!", v.written_at as "written_at!"
           from comment_version v join open on open.id = v.comment_id
           where number > $2
           union all
           select version, body, coalesce(edited_at, created_at) from open where version > $2
           order by 1 limit $3"#,
        comment.0,
        after,
        limit,
    )
    .fetch_all(db)
    .await
}
