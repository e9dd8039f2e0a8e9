//! What there is to tell, and who was told: rows for inboxes, feeds and mails.

use breakmywork_protocol::id::{AccountId, ClaimId, CommentId, ExperimentId, NewsId};
use breakmywork_protocol::news::Kind;
use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, PgPool};
use std::collections::BTreeMap;

/// Something that happened, as everybody may know it: of what is sealed no more than that it exists.
#[derive(Debug, Clone)]
pub struct News {
    /// Key.
    pub id: NewsId,
    /// What happened.
    pub kind: Kind,
    /// The claim that it is about, or that its experiment tests.
    pub claim: ClaimId,
    /// That claim's short name.
    pub claim_label: String,
    /// That claim.
    pub claim_sentence: String,
    /// The experiment that it is about.
    pub experiment: Option<ExperimentId>,
    /// That experiment's title.
    pub title: Option<String>,
    /// Of a result: the verdict in one word; none of an exploratory experiment.
    pub outcome: Option<String>,
    /// The post that it tells of.
    pub comment: Option<CommentId>,
    /// Who did it.
    pub actor: Option<String>,
    /// What the claim's standing became.
    pub standing: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// These news, newest first; none of a proposal that a moderator hid.
///
/// # Errors
/// If the database is away.
pub async fn rows(db: impl PgExecutor<'_>, ids: &[NewsId]) -> sqlx::Result<Vec<News>> {
    sqlx::query_as!(
        News,
        r#"select n.id as "id: NewsId", n.kind as "kind: Kind", n.claim_id as "claim: ClaimId",
             claim.label as claim_label, claim.sentence as claim_sentence,
             n.experiment_id as "experiment: ExperimentId", e.title as "title?", verdict.outcome as "outcome?",
             n.comment_id as "comment: CommentId", account.name as "actor?", n.standing, n.created_at
           from unnest($1::bigint[]) as page (id)
           join news n on n.id = page.id
           join claim on claim.id = n.claim_id
           left join public_experiment e on e.id = n.experiment_id
           left join verdict on n.kind = 'result' and verdict.experiment_id = n.experiment_id
           left join account on account.id = n.actor_id
           where n.experiment_id is null or e.id is not null
           order by n.id desc"#,
        ids as &[NewsId],
    )
    .fetch_all(db)
    .await
}

/// Something in an inbox.
#[derive(Debug, Clone)]
pub struct Notice {
    /// What happened.
    pub news: News,
    /// Whether the post names the owner of the inbox.
    pub mentioned: bool,
    /// Whether the post answers one of theirs.
    pub replied: bool,
    /// When it was marked as read.
    pub read_at: Option<DateTime<Utc>>,
}

/// A page of somebody's inbox, newest first, of what came before `before`.
///
/// # Errors
/// If the database is away.
pub async fn inbox(
    pool: &PgPool,
    account: AccountId,
    unread: bool,
    before: NewsId,
    limit: i64,
) -> sqlx::Result<Vec<Notice>> {
    struct Row {
        news: NewsId,
        mentioned: bool,
        replied: bool,
        read_at: Option<DateTime<Utc>>,
    }
    // A query for each index.
    let found = if unread {
        sqlx::query_as!(
            Row,
            r#"select news_id as "news: NewsId", mentioned, read_at, exists (
                 select from news join comment on comment.id = news.comment_id join comment own on own.id = comment.reply_to
                 where news.id = news_id and own.author_id = $1) as "replied!"
               from notice
               where account_id = $1 and news_id < $2 and read_at is null and news_is_shown(news_id) order by news_id desc limit $3"#,
            account as AccountId,
            before as NewsId,
            limit,
        )
        .fetch_all(pool)
        .await?
    } else {
        sqlx::query_as!(
            Row,
            r#"select news_id as "news: NewsId", mentioned, read_at, exists (
                 select from news join comment on comment.id = news.comment_id join comment own on own.id = comment.reply_to
                 where news.id = news_id and own.author_id = $1) as "replied!"
               from notice
               where account_id = $1 and news_id < $2 and news_is_shown(news_id) order by news_id desc limit $3"#,
            account as AccountId,
            before as NewsId,
            limit,
        )
        .fetch_all(pool)
        .await?
    };
    let ids: Vec<NewsId> = found.iter().map(|row| row.news).collect();
    let mut news: BTreeMap<NewsId, News> = rows(pool, &ids)
        .await?
        .into_iter()
        .map(|news| (news.id, news))
        .collect();
    Ok(found
        .into_iter()
        .filter_map(|row| {
            Some(Notice {
                news: news.remove(&row.news)?,
                mentioned: row.mentioned,
                replied: row.replied,
                read_at: row.read_at,
            })
        })
        .collect())
}

/// Notices that one request marks as read; asked again, it goes on.
const AT_ONCE: i64 = 10_000;

/// Marks as read what somebody was told up to `until`.
///
/// # Errors
/// If the database is away.
pub async fn read_until(
    db: impl PgExecutor<'_>,
    account: AccountId,
    until: NewsId,
) -> sqlx::Result<u64> {
    sqlx::query!(
        "update notice set read_at = now() where account_id = $1 and news_id in (
           select news_id from notice where account_id = $1 and news_id <= $2 and read_at is null
           order by news_id desc limit $3)",
        account as AccountId,
        until as NewsId,
        AT_ONCE,
    )
    .execute(db)
    .await
    .map(|done| done.rows_affected())
}

/// Marks these as read; false if none is in that inbox.
///
/// # Errors
/// If the database is away.
pub async fn read_these(
    db: impl PgExecutor<'_>,
    account: AccountId,
    news: &[NewsId],
) -> sqlx::Result<bool> {
    sqlx::query!(
        "update notice set read_at = coalesce(read_at, now()) where account_id = $1 and news_id = any($2)",
        account as AccountId,
        news as &[NewsId],
    )
    .execute(db)
    .await
    .map(|done| done.rows_affected() > 0)
}

/// One of somebody's notices.
///
/// # Errors
/// If the database is away.
pub async fn notice(
    pool: &PgPool,
    account: AccountId,
    news: NewsId,
) -> sqlx::Result<Option<Notice>> {
    let found = inbox(pool, account, false, NewsId(news.0.saturating_add(1)), 1).await?;
    Ok(found.into_iter().find(|notice| notice.news.id == news))
}

/// How much is unread, counted up to a hundred.
///
/// # Errors
/// If the database is away.
pub async fn unread(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from (
             select from notice where account_id = $1 and read_at is null and news_is_shown(news_id) limit 100) few"#,
        account as AccountId
    )
    .fetch_one(db)
    .await
}

/// Removes notices that are half a year old, some at a time.
///
/// # Errors
/// If the database is away.
pub async fn forget_old(pool: &PgPool) -> sqlx::Result<u64> {
    sqlx::query!(
        "delete from notice where (account_id, news_id) in (
           select notice.account_id, news_id from notice join news on news.id = news_id
           where news.created_at < now() - interval '180 days' order by news_id limit $1)",
        AT_ONCE
    )
    .execute(pool)
    .await
    .map(|done| done.rows_affected())
}

/// News of results that are looked through for those with a verdict.
const LOOKED_THROUGH: i64 = 200;

/// The newest verdicts; what exploratory experiments found is none.
///
/// # Errors
/// If the database is away.
pub async fn verdicts(db: impl PgExecutor<'_>, limit: i64) -> sqlx::Result<Vec<NewsId>> {
    sqlx::query_scalar!(
        r#"select id as "id: NewsId" from (
             select id, experiment_id from news where kind = 'result' order by id desc limit $1) newest
           where exists (select from verdict where verdict.experiment_id = newest.experiment_id)
           order by id desc limit $2"#,
        LOOKED_THROUGH,
        limit,
    )
    .fetch_all(db)
    .await
}

/// What is new of a claim; of its experiments not what is said of each.
///
/// # Errors
/// If the database is away.
pub async fn of_claim(
    db: impl PgExecutor<'_>,
    claim: ClaimId,
    limit: i64,
) -> sqlx::Result<Vec<NewsId>> {
    sqlx::query_scalar!(
        r#"select id as "id: NewsId" from news
           where claim_id = $1 and (experiment_id is null or kind <> 'comment') order by id desc limit $2"#,
        claim as ClaimId,
        limit,
    )
    .fetch_all(db)
    .await
}

/// What is new of an experiment.
///
/// # Errors
/// If the database is away.
pub async fn of_experiment(
    db: impl PgExecutor<'_>,
    experiment: ExperimentId,
    limit: i64,
) -> sqlx::Result<Vec<NewsId>> {
    sqlx::query_scalar!(
        r#"select id as "id: NewsId" from news where experiment_id = $1 order by id desc limit $2"#,
        experiment as ExperimentId,
        limit,
    )
    .fetch_all(db)
    .await
}

/// What a feed says of itself.
#[derive(Debug)]
pub struct Head {
    /// What it is about.
    pub title: String,
    /// Since when that is on the board.
    pub since: DateTime<Utc>,
}

/// Of a claim.
///
/// # Errors
/// If the database is away.
pub async fn claim_head(db: impl PgExecutor<'_>, claim: ClaimId) -> sqlx::Result<Option<Head>> {
    sqlx::query_as!(
        Head,
        r#"select label || ': ' || sentence as "title!", created_at as "since!" from public_claim where id = $1"#,
        claim as ClaimId
    )
    .fetch_optional(db)
    .await
}

/// Of an experiment, as everybody may see it.
///
/// # Errors
/// If the database is away.
pub async fn experiment_head(
    db: impl PgExecutor<'_>,
    experiment: ExperimentId,
) -> sqlx::Result<Option<Head>> {
    sqlx::query_as!(
        Head,
        r#"select title as "title!", created_at as "since!" from public_experiment where id = $1"#,
        experiment as ExperimentId
    )
    .fetch_optional(db)
    .await
}

/// When the board began: its first work.
///
/// # Errors
/// If the database is away.
pub async fn begin(db: impl PgExecutor<'_>) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar!("select created_at from work order by id limit 1")
        .fetch_optional(db)
        .await
}
