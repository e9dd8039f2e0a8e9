//! Webhooks of accounts. What is sent to them: [`queue`]; what became of it: [`log`].

pub mod log;
pub mod queue;

use crate::sealing::Stored;
use crate::webhooks::address::Target;
use breakmywork_protocol::id::{AccountId, NewsId, WebhookId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgExecutor};

/// What a webhook is told of.
#[derive(
    Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = WebhookWhat)]
pub enum What {
    /// Results, and standings of claims.
    #[default]
    Verdicts,
    /// All that comes into the inbox.
    All,
}

/// Why nothing is sent to a webhook.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = WebhookPaused)]
pub enum Paused {
    /// Its owner wanted that.
    Owner,
    /// Delivery after delivery failed.
    Failing,
    /// The receiver said that it is gone.
    Gone,
}

/// Where an account wants to be told.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Key.
    pub id: WebhookId,
    /// Where requests go.
    pub url: String,
    /// What it is told of.
    pub what: What,
    /// Why nothing is sent.
    pub paused: Option<Paused>,
    /// Deliveries that failed since the last one that was taken.
    pub failures: i32,
    /// Until when the secret before is used, too.
    pub before_until: Option<DateTime<Utc>>,
    /// Since when it is there.
    pub created_at: DateTime<Utc>,
}

/// An account's webhooks, the oldest first.
pub async fn list(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<Vec<Webhook>> {
    sqlx::query_as!(
        Webhook,
        r#"select id as "id: WebhookId", url, what as "what: What", paused as "paused: Paused", failures,
             case when before_until > now() then before_until end as before_until, created_at
           from webhook where account_id = $1 order by id"#,
        account as AccountId
    )
    .fetch_all(db)
    .await
}

/// One of an account's webhooks.
pub async fn find(
    db: impl PgExecutor<'_>,
    account: AccountId,
    id: WebhookId,
) -> sqlx::Result<Option<Webhook>> {
    sqlx::query_as!(
        Webhook,
        r#"select id as "id: WebhookId", url, what as "what: What", paused as "paused: Paused", failures,
             case when before_until > now() then before_until end as before_until, created_at
           from webhook where account_id = $1 and id = $2"#,
        account as AccountId,
        id as WebhookId,
    )
    .fetch_optional(db)
    .await
}

/// How many an account has.
pub async fn count(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from webhook where account_id = $1"#,
        account as AccountId
    )
    .fetch_one(db)
    .await
}

/// Adds one.
pub async fn add(
    db: impl PgExecutor<'_>,
    account: AccountId,
    target: &Target,
    what: What,
    secret: &Stored,
) -> sqlx::Result<WebhookId> {
    sqlx::query_scalar!(
        r#"insert into webhook (account_id, url, host, what, secret) values ($1, $2, $3, $4, $5)
           returning id as "id: WebhookId""#,
        account as AccountId,
        target.url,
        target.host,
        what as What,
        secret.bytes(),
    )
    .fetch_one(db)
    .await
}

/// Sends to another address.
pub async fn set_target(
    db: impl PgExecutor<'_>,
    id: WebhookId,
    target: &Target,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update webhook set url = $2, host = $3, failures = 0 where id = $1",
        id as WebhookId,
        target.url,
        target.host,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Tells it of something else.
pub async fn set_what(db: impl PgExecutor<'_>, id: WebhookId, what: What) -> sqlx::Result<()> {
    sqlx::query!(
        "update webhook set what = $2 where id = $1",
        id as WebhookId,
        what as What,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Sends nothing to it any more; what waits is dropped.
pub async fn pause(tx: &mut PgConnection, id: WebhookId, why: Paused) -> sqlx::Result<()> {
    sqlx::query!(
        "update webhook set paused = $2 where id = $1",
        id as WebhookId,
        why as Paused,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "update webhook_delivery set state = 'dropped', reason = 'the webhook was paused'
         where webhook_id = $1 and state = 'waiting'",
        id as WebhookId,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Sends to it again, from now on.
pub async fn resume(db: impl PgExecutor<'_>, id: WebhookId) -> sqlx::Result<()> {
    sqlx::query!(
        "update webhook set paused = null, failures = 0 where id = $1",
        id as WebhookId
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Signs with another secret; with the one before, too, for a day. Says until when; none if it is not that account's.
pub async fn rotate(
    db: impl PgExecutor<'_>,
    account: AccountId,
    id: WebhookId,
    secret: &Stored,
) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar!(
        r#"update webhook set secret_before = secret, before_until = now() + interval '1 day', secret = $3
           where account_id = $1 and id = $2 returning before_until as "until!""#,
        account as AccountId,
        id as WebhookId,
        secret.bytes(),
    )
    .fetch_optional(db)
    .await
}

/// Removes one with all that waits for it and its log; false if it is not that account's.
pub async fn remove(
    db: impl PgExecutor<'_>,
    account: AccountId,
    id: WebhookId,
) -> sqlx::Result<bool> {
    sqlx::query!(
        "delete from webhook where account_id = $1 and id = $2",
        account as AccountId,
        id as WebhookId,
    )
    .execute(db)
    .await
    .map(|done| done.rows_affected() > 0)
}

/// Whether strangers may be told of that: of a claim that is shown, and of no post that was hidden or deleted. Of a proposal
/// that is hidden there is no row of news to tell.
pub async fn may_be_told(db: impl PgExecutor<'_>, news: NewsId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (
             select from news join public_claim claim on claim.id = claim_id
             where news.id = $1 and not exists (
               select from comment where comment.id = comment_id and (hidden_at is not null or deleted_at is not null))
           ) as "told!""#,
        news as NewsId
    )
    .fetch_one(db)
    .await
}
