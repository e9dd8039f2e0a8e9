//! What was sent to a webhook, or is to be.

use breakmywork_protocol::id::{AccountId, DeliveryId, NewsId, WebhookId};
use breakmywork_protocol::news;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use sqlx::{PgExecutor, PgPool};
use uuid::Uuid;

/// What became of it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = WebhookDeliveryState)]
pub enum State {
    /// It is to be sent, or being sent.
    Waiting,
    /// The receiver took it.
    Sent,
    /// It was tried as often as it is.
    Failed,
    /// It is not wanted, or not to be seen, any more.
    Dropped,
}

/// One time that it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = WebhookTry)]
pub struct Try {
    /// When.
    pub at: DateTime<Utc>,
    /// Milliseconds that it took.
    pub ms: i64,
    /// The answer's status; null without an answer.
    pub status: Option<u16>,
    /// Why there was no answer, or why it does not count.
    pub error: Option<String>,
}

/// Something that is sent.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Key.
    pub id: DeliveryId,
    /// What names it to the receiver.
    pub message: Uuid,
    /// What it tells of; none of a ping.
    pub news: Option<NewsId>,
    /// What happened; none of a ping.
    pub kind: Option<news::Kind>,
    /// What became of it.
    pub state: State,
    /// When it is tried next, if it is.
    pub next_at: DateTime<Utc>,
    /// How often it was sent, and what came of it; the last ones.
    pub tries: Json<Vec<Try>>,
    /// Why it was dropped.
    pub reason: Option<String>,
    /// When there was something to send.
    pub created_at: DateTime<Utc>,
}

impl Delivery {
    /// What names it to the receiver.
    pub fn name(&self) -> String {
        named(self.message)
    }
}

/// As it is written for the receiver.
pub fn named(message: Uuid) -> String {
    format!("msg_{}", message.simple())
}

/// A page of a webhook's log, newest first, of what came before `before`.
pub async fn page(
    db: impl PgExecutor<'_>,
    webhook: WebhookId,
    before: DeliveryId,
    limit: i64,
) -> sqlx::Result<Vec<Delivery>> {
    sqlx::query_as!(
        Delivery,
        r#"select d.id as "id: DeliveryId", message, news_id as "news: NewsId", news.kind as "kind?: news::Kind",
             state as "state: State", next_at, tries as "tries: Json<Vec<Try>>", reason, d.created_at
           from webhook_delivery d left join news on news.id = news_id
           where webhook_id = $1 and d.id < $2 order by d.id desc limit $3"#,
        webhook as WebhookId,
        before as DeliveryId,
        limit,
    )
    .fetch_all(db)
    .await
}

/// One of them.
pub async fn find(
    db: impl PgExecutor<'_>,
    webhook: WebhookId,
    id: DeliveryId,
) -> sqlx::Result<Option<Delivery>> {
    sqlx::query_as!(
        Delivery,
        r#"select d.id as "id: DeliveryId", message, news_id as "news: NewsId", news.kind as "kind?: news::Kind",
             state as "state: State", next_at, tries as "tries: Json<Vec<Try>>", reason, d.created_at
           from webhook_delivery d left join news on news.id = news_id where webhook_id = $1 and d.id = $2"#,
        webhook as WebhookId,
        id as DeliveryId,
    )
    .fetch_optional(db)
    .await
}

/// Queues a ping; none if one waits.
pub async fn ping(db: impl PgExecutor<'_>, webhook: WebhookId) -> sqlx::Result<Option<DeliveryId>> {
    sqlx::query_scalar!(
        r#"insert into webhook_delivery (webhook_id, kind) values ($1, 'ping') on conflict do nothing
           returning id as "id: DeliveryId""#,
        webhook as WebhookId
    )
    .fetch_optional(db)
    .await
}

/// Queues news once more, by the same name; false if it waits, or is none of that webhook's news.
pub async fn again(
    db: impl PgExecutor<'_>,
    webhook: WebhookId,
    id: DeliveryId,
) -> sqlx::Result<bool> {
    sqlx::query!(
        "update webhook_delivery set state = 'waiting', attempts = 0, next_at = now(), reason = null
         where webhook_id = $1 and id = $2 and kind = 'news' and state <> 'waiting'",
        webhook as WebhookId,
        id as DeliveryId,
    )
    .execute(db)
    .await
    .map(|done| done.rows_affected() > 0)
}

/// The last delivery of each of an account's webhooks that was tried: which webhook, whether it was taken, and when.
pub async fn last(
    db: impl PgExecutor<'_>,
    account: AccountId,
) -> sqlx::Result<Vec<(WebhookId, State, DateTime<Utc>)>> {
    let rows = sqlx::query!(
        r#"select webhook.id as "webhook: WebhookId", last.state as "state: State", last.created_at
           from webhook cross join lateral (
             select state, created_at from webhook_delivery where webhook_id = webhook.id and state <> 'dropped'
             order by id desc limit 1) last
           where account_id = $1"#,
        account as AccountId
    )
    .fetch_all(db)
    .await?;
    let rows = rows.into_iter();
    Ok(rows
        .map(|row| (row.webhook, row.state, row.created_at))
        .collect())
}

/// Deliveries of a webhook that are kept.
pub const KEPT: i64 = 100;

/// Forgets what is older than thirty days, or not among a webhook's newest; some at a time. What was due for three days
/// and never sent is dropped, and secrets that are used no more are forgotten.
pub async fn forget_old(pool: &PgPool) -> sqlx::Result<u64> {
    sqlx::query!(
        "update webhook_delivery set state = 'dropped', reason = 'it waited for three days'
         where state = 'waiting' and next_at < now() - interval '3 days'"
    )
    .execute(pool)
    .await?;
    sqlx::query!(
        "update webhook set secret_before = null, before_until = null where before_until < now()"
    )
    .execute(pool)
    .await?;
    sqlx::query!(
        "delete from webhook_delivery where id = any (array(
           select id from (
             select id, created_at, row_number() over (partition by webhook_id order by id desc) as place
             from webhook_delivery) kept
           where place > $1 or created_at < now() - interval '30 days' limit 10000))",
        KEPT
    )
    .execute(pool)
    .await
    .map(|done| done.rows_affected())
}
