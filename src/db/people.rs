//! What somebody put on the board and said, as everybody may see it.

use breakmywork_protocol::id::{AccountId, ClaimId, CommentId, ExperimentId};
use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

/// A work on somebody's page.
#[derive(Debug, Clone)]
pub struct Added {
    /// Part of its address.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// When it was put here.
    pub created_at: DateTime<Utc>,
}

/// The latest works that somebody put on the board.
///
/// # Errors
/// If the database is away.
pub async fn works(
    db: impl PgExecutor<'_>,
    account: AccountId,
    limit: i64,
) -> sqlx::Result<Vec<Added>> {
    sqlx::query_as!(
        Added,
        r#"select slug as "slug!", title as "title!", created_at as "created_at!" from public_work
           where added_by = $1 order by id desc limit $2"#,
        account as AccountId,
        limit,
    )
    .fetch_all(db)
    .await
}

/// A claim on somebody's page.
#[derive(Debug, Clone)]
pub struct Stated {
    /// Part of its address.
    pub id: ClaimId,
    /// Its short name.
    pub label: String,
    /// It.
    pub sentence: String,
    /// The title of its work.
    pub work_title: String,
    /// When it was put here.
    pub created_at: DateTime<Utc>,
}

/// The latest claims that somebody put on the board.
///
/// # Errors
/// If the database is away.
pub async fn claims(
    db: impl PgExecutor<'_>,
    account: AccountId,
    limit: i64,
) -> sqlx::Result<Vec<Stated>> {
    sqlx::query_as!(
        Stated,
        r#"select claim.id as "id!: ClaimId", claim.label as "label!", claim.sentence as "sentence!",
             work.title as work_title, claim.created_at as "created_at!"
           from public_claim claim join work on work.id = claim.work_id
           where claim.author_id = $1 order by claim.id desc limit $2"#,
        account as AccountId,
        limit,
    )
    .fetch_all(db)
    .await
}

/// A comment on somebody's page.
#[derive(Debug, Clone)]
pub struct Said {
    /// Part of its address.
    pub id: CommentId,
    /// How it begins, as it was written.
    pub begins: String,
    /// The experiment that it is about; else it is about a claim.
    pub experiment: Option<ExperimentId>,
    /// That experiment's title, or that claim's sentence.
    pub about: String,
    /// When it was posted.
    pub created_at: DateTime<Utc>,
}

/// Of the latest comments of somebody those that everybody may read: not on what is sealed, hidden or waits.
///
/// # Errors
/// If the database is away.
pub async fn comments(
    db: impl PgExecutor<'_>,
    account: AccountId,
    limit: i64,
) -> sqlx::Result<Vec<Said>> {
    sqlx::query_as!(
        Said,
        r#"select said.id as "id!: CommentId", left(said.body, 300) as "begins!", e.id as "experiment?: ExperimentId",
             coalesce(e.title, claim.sentence) as "about!", said.created_at as "created_at!"
           from (
             select id, thread_id, body, created_at from comment
             where author_id = $1 and kind = 'comment' and hidden_at is null and deleted_at is null
             order by id desc limit $2
           ) said
           left join public_experiment e on e.thread_id = said.thread_id and not e.closed
           left join public_claim claim on claim.thread_id = said.thread_id
           where num_nonnulls(e.id, claim.id) > 0
           order by said.id desc"#,
        account as AccountId,
        limit,
    )
    .fetch_all(db)
    .await
}
