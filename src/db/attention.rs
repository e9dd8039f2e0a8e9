//! What moderators decided about what somebody wrote, and how much waits for moderators: for the top of an inbox.

use breakmywork_protocol::id::AccountId;
use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

/// Something that somebody wrote and a moderator looked at, or is still to look at.
#[derive(Debug, Clone)]
pub struct Decided {
    /// Where it is.
    pub address: String,
    /// Its title, or its first words.
    pub title: String,
    /// waiting, declined, approved or hidden.
    pub state: String,
    /// Why, of what was declined or hidden.
    pub reason: Option<String>,
    /// When that was; of what waits, since when.
    pub at: DateTime<Utc>,
}

/// What waits, was declined or is hidden of an account's works, claims, comments and proposals, and what was approved within two
/// weeks; the newest first. Of each kind the newest five hundred are looked at.
///
/// # Errors
/// If the database is away.
pub async fn decided(
    db: impl PgExecutor<'_>,
    account: AccountId,
    limit: i64,
) -> sqlx::Result<Vec<Decided>> {
    sqlx::query_as!(
        Decided,
        r#"select address as "address!", title as "title!", state as "state!", reason, at as "at!" from (
             (select '/works/' || slug as address, title,
                     case when moderation = 'shown' and moderated_at is not null then 'approved' else moderation end as state,
                     moderation_reason as reason, coalesce(moderated_at, created_at) as at
              from work where added_by = $1 order by id desc limit 500)
             union all
             (select '/claims/' || id, sentence,
                     case when moderation = 'shown' and moderated_at is not null then 'approved' else moderation end,
                     moderation_reason, coalesce(moderated_at, created_at)
              from claim where author_id = $1 order by id desc limit 500)
             union all
             (select '/comments/' || id, left(body, 80), 'hidden', hidden_reason, hidden_at
              from comment where author_id = $1 order by id desc limit 500)
             union all
             (select '/experiments/' || id, title, 'hidden', hidden_reason, hidden_at
              from experiment where author_id = $1 order by id desc limit 500)) mine
           where state in ('waiting', 'declined', 'hidden') and at > now() - interval '90 days'
              or state = 'approved' and at > now() - interval '14 days'
           order by at desc limit $2"#,
        account as AccountId,
        limit
    )
    .fetch_all(db)
    .await
}

/// How much waits for moderators; at most a hundred and one of each.
#[derive(Debug, Clone, Copy, Default)]
pub struct Waiting {
    /// Works and claims of newcomers.
    pub additions: i64,
    /// Appeals.
    pub appeals: i64,
}

/// What waits for moderators.
///
/// # Errors
/// If the database is away.
pub async fn for_moderators(db: impl PgExecutor<'_>) -> sqlx::Result<Waiting> {
    sqlx::query_as!(
        Waiting,
        r#"select
             (select count(*) from (
                select from work where moderation = 'waiting' union all
                select from claim where moderation = 'waiting' limit 101) waiting) as "additions!",
             (select count(*) from (
                select from comment where appeal is not null and appeal_answer is null union all
                select from experiment where appeal is not null and appeal_answer is null limit 101) appealed) as "appeals!""#
    )
    .fetch_one(db)
    .await
}
