//! What is to be sent to webhooks now: taken by one server, noted when it was sent. A server that dies in between has not noted
//! it, so it is sent again, by the same name. Whatever changes both locks the webhook before its deliveries.

use super::{Paused, What, log::Try};
use crate::sealing::Stored;
use breakmywork_protocol::id::{AccountId, DeliveryId, NewsId, WebhookId};
use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

/// A delivery that was taken to be sent.
#[derive(Debug, Clone)]
pub struct Due {
    /// Key.
    pub id: DeliveryId,
    /// Where to.
    pub webhook: WebhookId,
    /// Whose that is.
    pub account: AccountId,
    /// Its host.
    pub host: String,
    /// How often it was taken since it was queued, this time included.
    pub attempts: i32,
}

/// Takes the next one, for a minute: no two servers take the same, and of one webhook one is sent at a time. None to
/// `hosts` or of `accounts`, which have their share.
pub async fn take(
    db: impl PgExecutor<'_>,
    hosts: &[String],
    accounts: &[AccountId],
) -> sqlx::Result<Option<Due>> {
    sqlx::query_as!(
        Due,
        r#"with due as (
             select d.id, w.id as webhook, w.account_id, w.host
             from webhook_delivery d join webhook w on w.id = d.webhook_id
             where d.state = 'waiting' and d.next_at <= now() and w.next_at <= now()
               and w.host <> all($1) and w.account_id <> all($2)
             order by d.next_at, d.id limit 1 for no key update skip locked
           ), held as (
             update webhook set next_at = now() + interval '1 minute' from due where webhook.id = due.webhook
           )
           update webhook_delivery d set attempts = attempts + 1, next_at = now() + interval '1 minute'
           from due where d.id = due.id
           returning d.id as "id: DeliveryId", due.webhook as "webhook: WebhookId",
             due.account_id as "account: AccountId", due.host, d.attempts"#,
        hosts,
        accounts as &[AccountId],
    )
    .fetch_optional(db)
    .await
}

/// What sending it needs to know.
#[derive(Debug, Clone)]
pub struct ToSend {
    /// Where to.
    pub url: String,
    /// What it is told of.
    pub what: What,
    /// Why nothing is sent there.
    pub paused: Option<Paused>,
    /// What it is signed with.
    pub secret: Stored,
    /// And with what else.
    pub secret_before: Option<Stored>,
    /// What names it to the receiver.
    pub message: Uuid,
    /// What it tells of; none of a ping.
    pub news: Option<NewsId>,
}

/// What sending it needs to know; none of an account that was disabled.
pub async fn to_send(db: impl PgExecutor<'_>, id: DeliveryId) -> sqlx::Result<Option<ToSend>> {
    sqlx::query_as!(
        ToSend,
        r#"select url, what as "what: What", paused as "paused: Paused", secret as "secret: Stored",
             case when before_until > now() then secret_before end as "secret_before: Stored", message, news_id as "news: NewsId"
           from webhook_delivery d join webhook on webhook.id = webhook_id join account on account.id = account_id
           where d.id = $1 and disabled_at is null"#,
        id as DeliveryId
    )
    .fetch_optional(db)
    .await
}

/// Notes that it was taken by the receiver.
pub async fn sent(db: impl PgExecutor<'_>, due: &Due, one: &Try) -> sqlx::Result<()> {
    sqlx::query!(
        "with held as (
           select id from webhook where id = $4 for no key update
         ), done as (
           update webhook_delivery d set state = 'sent',
             tries = case when jsonb_array_length(tries) > 20 then tries - 0 else tries end || $3::jsonb
           from held where d.id = $1 and webhook_id = held.id and attempts = $2 and state = 'waiting' returning webhook_id, kind
         )
         update webhook set next_at = now(), failures = case done.kind when 'ping' then failures else 0 end
         from done where webhook.id = done.webhook_id",
        due.id as DeliveryId,
        due.attempts,
        Json(one) as _,
        due.webhook as WebhookId,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that it was not, and when it is tried again.
pub async fn again(
    db: impl PgExecutor<'_>,
    due: &Due,
    one: &Try,
    in_seconds: f64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "with held as (
           select id from webhook where id = $5 for no key update
         ), done as (
           update webhook_delivery d set next_at = now() + make_interval(secs => $4),
             tries = case when jsonb_array_length(tries) > 20 then tries - 0 else tries end || $3::jsonb
           from held where d.id = $1 and webhook_id = held.id and attempts = $2 and state = 'waiting' returning webhook_id
         )
         update webhook set next_at = now() from done where webhook.id = done.webhook_id",
        due.id as DeliveryId,
        due.attempts,
        Json(one) as _,
        in_seconds,
        due.webhook as WebhookId,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that it is not tried again, and pauses a webhook after `most` of those in a row; true if it did.
pub async fn failed(pool: &PgPool, due: &Due, one: &Try, most: i32) -> sqlx::Result<bool> {
    let mut tx = pool.begin().await?;
    let Some(failures) = end(&mut tx, due, one).await? else {
        return Ok(false);
    };
    let too_many = failures >= most;
    if too_many {
        super::pause(&mut tx, due.webhook, Paused::Failing).await?;
    }
    tx.commit().await?;
    Ok(too_many)
}

/// Notes that the receiver is gone: it is asked no more.
pub async fn gone(pool: &PgPool, due: &Due, one: &Try) -> sqlx::Result<()> {
    let mut tx = pool.begin().await?;
    if end(&mut tx, due, one).await?.is_some() {
        super::pause(&mut tx, due.webhook, Paused::Gone).await?;
    }
    tx.commit().await
}

/// Ends it as failed; says how many have failed in a row, none if somebody else has it.
async fn end(tx: &mut PgConnection, due: &Due, one: &Try) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar!(
        "with held as (
           select id from webhook where id = $4 for no key update
         ), done as (
           update webhook_delivery d set state = 'failed',
             tries = case when jsonb_array_length(tries) > 20 then tries - 0 else tries end || $3::jsonb
           from held where d.id = $1 and webhook_id = held.id and attempts = $2 and state = 'waiting' returning webhook_id, kind
         )
         update webhook set next_at = now(), failures = failures + case done.kind when 'ping' then 0 else 1 end
         from done where webhook.id = done.webhook_id returning failures",
        due.id as DeliveryId,
        due.attempts,
        Json(one) as _,
        due.webhook as WebhookId,
    )
    .fetch_optional(tx)
    .await
}

/// Notes that it is not to be sent any more.
pub async fn drop(db: impl PgExecutor<'_>, due: &Due, why: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "with held as (
           select id from webhook where id = $4 for no key update
         ), done as (
           update webhook_delivery d set state = 'dropped', reason = $3
           from held where d.id = $1 and webhook_id = held.id and attempts = $2 and state = 'waiting' returning webhook_id
         )
         update webhook set next_at = now() from done where webhook.id = done.webhook_id",
        due.id as DeliveryId,
        due.attempts,
        why,
        due.webhook as WebhookId,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Gives it back without having sent it, with all that waits for the webhook, for so many seconds.
pub async fn put_off(db: impl PgExecutor<'_>, due: &Due, seconds: u32) -> sqlx::Result<()> {
    sqlx::query!(
        "with held as (
           select id from webhook where id = $4 for no key update
         ), done as (
           update webhook_delivery d set attempts = attempts - 1, next_at = now() + make_interval(secs => $3)
           from held where d.id = $1 and webhook_id = held.id and attempts = $2 and state = 'waiting' returning webhook_id
         )
         update webhook set next_at = now() + make_interval(secs => $3) from done where webhook.id = done.webhook_id",
        due.id as DeliveryId,
        due.attempts,
        f64::from(seconds),
        due.webhook as WebhookId,
    )
    .execute(db)
    .await?;
    Ok(())
}
