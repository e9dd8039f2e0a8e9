//! What waits for a moderator, and what moderators decided.

use breakmywork_protocol::id::{AccountId, ClaimId, WorkId};
use breakmywork_protocol::scope::Scope;
use breakmywork_protocol::stored::Stored;
use chrono::{DateTime, Utc};
use sqlx::PgExecutor;
use sqlx::types::Json;

/// A work that waits, or was declined.
#[derive(Debug, Clone)]
pub struct WaitingWork {
    /// Key.
    pub id: WorkId,
    /// Part of its address.
    pub slug: String,
    /// paper, post or implementation.
    pub kind: String,
    /// As published.
    pub title: String,
    /// In the order of the title page.
    pub authors: Vec<String>,
    /// Of first publication.
    pub year: i16,
    /// Where to read it.
    pub url: String,
    /// What it explains (Markdown).
    pub phenomenon: String,
    /// Who added it.
    pub by: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// waiting or declined.
    pub moderation: String,
    /// What a moderator said of it.
    pub reason: Option<String>,
}

/// A claim that waits, or was declined.
#[derive(Debug, Clone)]
pub struct WaitingClaim {
    /// Key.
    pub id: ClaimId,
    /// Short name within its work.
    pub label: String,
    /// The claim.
    pub sentence: String,
    /// Where in the work it is said.
    pub said_at: String,
    /// Over what it speaks.
    pub covers: Json<Stored<Scope>>,
    /// Its work's part of the address.
    pub work_slug: String,
    /// Its work's title.
    pub work_title: String,
    /// Whether everybody sees the work.
    pub work_is_shown: bool,
    /// Who stated it.
    pub by: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// waiting or declined.
    pub moderation: String,
    /// What a moderator said of it.
    pub reason: Option<String>,
}

/// Works that are off the board in that way, the longest first; of one person or of all.
///
/// # Errors
/// If the database is away.
pub async fn works_off_board(
    db: impl PgExecutor<'_>,
    moderation: &str,
    by: Option<AccountId>,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<WaitingWork>> {
    sqlx::query_as!(
        WaitingWork,
        r#"select work.id as "id: WorkId", slug, kind, title, authors, year, url, phenomenon, account.name as "by?",
             work.created_at, moderation, moderation_reason as reason
           from work left join account on account.id = added_by
           where moderation = $1 and moderation <> 'shown' and ($2::bigint is null or added_by = $2) and work.id > $3
           order by work.id limit $4"#,
        moderation,
        by.map(|id| id.0),
        after,
        limit
    )
    .fetch_all(db)
    .await
}

/// Claims that are off the board in that way, the longest first; of one person or of all.
///
/// # Errors
/// If the database is away.
pub async fn claims_off_board(
    db: impl PgExecutor<'_>,
    moderation: &str,
    by: Option<AccountId>,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<WaitingClaim>> {
    sqlx::query_as!(
        WaitingClaim,
        r#"select claim.id as "id: ClaimId", label, sentence, said_at, covers as "covers: Json<Stored<Scope>>",
             work.slug as work_slug, work.title as work_title, work.moderation = 'shown' as "work_is_shown!",
             account.name as "by?", claim.created_at, claim.moderation, claim.moderation_reason as reason
           from claim join work on work.id = work_id left join account on account.id = author_id
           where claim.moderation = $1 and claim.moderation <> 'shown' and ($2::bigint is null or author_id = $2)
             and claim.id > $3
           order by claim.id limit $4"#,
        moderation,
        by.map(|id| id.0),
        after,
        limit
    )
    .fetch_all(db)
    .await
}

/// A decision of a moderator, as everybody may read it: what was declined is not shown.
#[derive(Debug, Clone)]
pub struct Decided {
    /// Address of what was approved; none of what was declined.
    pub address: Option<String>,
    /// Its sentence or title, if it was approved.
    pub title: Option<String>,
    /// work or claim.
    pub kind: String,
    /// Which one.
    pub id: i64,
    /// Who added it.
    pub author: Option<String>,
    /// Who decided.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: Option<String>,
}

/// The newest decisions of moderators.
///
/// # Errors
/// If the database is away.
pub async fn decided(db: impl PgExecutor<'_>, limit: i64) -> sqlx::Result<Vec<Decided>> {
    sqlx::query_as!(
        Decided,
        r#"select case when shown then address end as address, case when shown then title end as title, kind as "kind!",
             d.id as "id!", author.name as "author?", moderator.name as by, at as "at!", reason
           from ((select 'work' as kind, id, '/works/' || slug as address, title, moderation = 'shown' as shown, added_by,
                    moderated_by, moderated_at as at, moderation_reason as reason
                  from work where moderated_at is not null and moderation <> 'waiting' order by moderated_at desc limit $1)
                 union all
                 (select 'claim', id, '/claims/' || id, sentence, moderation = 'shown', author_id, moderated_by, moderated_at,
                    moderation_reason
                  from claim where moderated_at is not null and moderation <> 'waiting' order by moderated_at desc limit $1)) d
             left join account author on author.id = added_by join account moderator on moderator.id = moderated_by
           order by at desc limit $1"#,
        limit
    )
    .fetch_all(db)
    .await
}
