//! Where accounts want mail, and what is to be sent.

use super::resets;
use crate::auth::secret;
use breakmywork_protocol::id::{AccountId, NewsId};
use breakmywork_protocol::text;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgExecutor, PgPool};

/// Which mails somebody wants.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = MailWish)]
pub enum Wish {
    /// One for each verdict on what is followed.
    Verdicts,
    /// One a day, of all that is new.
    Digest,
    /// None.
    None,
}

/// What a mail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Kind {
    /// A verdict.
    Verdict,
    /// What is new.
    Digest,
    /// Asks to confirm an address.
    Confirmation,
    /// Has a link for a new password.
    Reset,
}

/// Where an account wants mail.
#[derive(Debug, Clone)]
pub struct Mailbox {
    /// The account's name.
    pub name: String,
    /// Where to.
    pub address: String,
    /// Which mails.
    pub wish: Wish,
    /// Stops the mails without signing in.
    pub unsubscribe_key: String,
    /// When the address was confirmed.
    pub confirmed_at: Option<DateTime<Utc>>,
}

impl Mailbox {
    /// Whether mails of this kind are wanted there.
    pub fn gets(&self, kind: Kind) -> bool {
        let wanted = match kind {
            Kind::Verdict => self.wish == Wish::Verdicts,
            Kind::Digest => self.wish == Wish::Digest,
            Kind::Confirmation | Kind::Reset => true,
        };
        wanted && self.confirmed_at.is_some()
    }
}

/// Where that account wants mail.
pub async fn mailbox(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<Option<Mailbox>> {
    sqlx::query_as!(
        Mailbox,
        r#"select name, address, wish as "wish: Wish", unsubscribe_key, confirmed_at
           from mailbox join account on account.id = account_id where account_id = $1"#,
        account as AccountId
    )
    .fetch_optional(db)
    .await
}

/// The same, unless the account was disabled.
pub async fn mailbox_to_send(
    db: impl PgExecutor<'_>,
    account: AccountId,
) -> sqlx::Result<Option<Mailbox>> {
    sqlx::query_as!(
        Mailbox,
        r#"select name, address, wish as "wish: Wish", unsubscribe_key, confirmed_at
           from mailbox join account on account.id = account_id where account_id = $1 and disabled_at is null"#,
        account as AccountId
    )
    .fetch_optional(db)
    .await
}

/// Stores another address, which is still to be confirmed.
pub async fn set(
    tx: &mut PgConnection,
    account: AccountId,
    address: &str,
    wish: Wish,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into mailbox (account_id, address, wish, unsubscribe_key) values ($1, $2, $3, $4)
         on conflict (account_id) do update set address = excluded.address, wish = excluded.wish,
           unsubscribe_key = excluded.unsubscribe_key, confirmed_at = null, confirm_hash = null, digest_at = now()",
        account as AccountId,
        address,
        wish as Wish,
        secret::random_hex(),
    )
    .execute(&mut *tx)
    .await?;
    // A link that went to the address before is good no more.
    resets::end(tx, account).await
}

/// Stores which mails are wanted. Digests begin now.
pub async fn set_wish(db: impl PgExecutor<'_>, account: AccountId, wish: Wish) -> sqlx::Result<()> {
    sqlx::query!(
        "update mailbox set wish = $2, digest_at = case when wish = $2 then digest_at else now() end where account_id = $1",
        account as AccountId,
        wish as Wish,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets the address.
pub async fn remove(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from mailbox where account_id = $1",
        account as AccountId
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Mails that asked to confirm within a day: of that account, and to that address.
pub async fn asked(
    db: impl PgExecutor<'_>,
    account: AccountId,
    address: &str,
) -> sqlx::Result<(i64, i64)> {
    let row = sqlx::query!(
        r#"select
             (select count(*) from mail where kind = 'confirmation' and account_id = $1
                and created_at > now() - interval '1 day') as "of_account!",
             (select count(*) from mail where kind = 'confirmation' and address = $2
                and created_at > now() - interval '1 day') as "to_address!""#,
        account as AccountId,
        address,
    )
    .fetch_one(db)
    .await?;
    Ok((row.of_account, row.to_address))
}

/// Queues the mail that asks to confirm an address.
pub async fn ask(db: impl PgExecutor<'_>, account: AccountId, address: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into mail (account_id, kind, address) values ($1, 'confirmation', $2)",
        account as AccountId,
        address,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A new secret for the link that confirms an address. Links that were mailed before are good no more.
pub async fn new_secret(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<String> {
    let secret = secret::random_hex();
    let hash = secret::hash(&secret);
    sqlx::query!(
        "update mailbox set confirm_hash = $2 where account_id = $1",
        account as AccountId,
        hash.as_slice(),
    )
    .execute(db)
    .await?;
    Ok(secret)
}

/// The name and address that a link would confirm.
pub async fn to_confirm(
    db: impl PgExecutor<'_>,
    secret: &str,
) -> sqlx::Result<Option<(String, String)>> {
    let hash = secret::hash(secret);
    let row = sqlx::query!(
        "select name, address from mailbox join account on account.id = account_id where confirm_hash = $1",
        hash.as_slice()
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (row.name, row.address)))
}

/// Confirms an address by the secret of its link; false if there is none.
pub async fn confirm(db: impl PgExecutor<'_>, secret: &str) -> sqlx::Result<bool> {
    let hash = secret::hash(secret);
    sqlx::query!(
        "update mailbox set confirmed_at = now(), confirm_hash = null, digest_at = now() where confirm_hash = $1",
        hash.as_slice()
    )
    .execute(db)
    .await
    .map(|done| done.rows_affected() > 0)
}

/// The address that a key stops mails to.
pub async fn of_key(db: impl PgExecutor<'_>, key: &str) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "select address from mailbox where unsubscribe_key = $1",
        key
    )
    .fetch_optional(db)
    .await
}

/// Stops mails by the key in one; false if there is none.
pub async fn unsubscribe(db: impl PgExecutor<'_>, key: &str) -> sqlx::Result<bool> {
    sqlx::query!(
        "update mailbox set wish = 'none' where unsubscribe_key = $1",
        key
    )
    .execute(db)
    .await
    .map(|done| done.rows_affected() > 0)
}

/// Digests that one look queues; the next one goes on.
const DIGESTS: i64 = 200;

/// Queues a digest for whoever had none for a day and has something unread since.
pub async fn queue_digests(db: impl PgExecutor<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "with due as (
           select account_id, digest_at from mailbox
           where wish = 'digest' and confirmed_at is not null and digest_at < now() - interval '1 day'
           order by digest_at limit $1 for no key update skip locked
         ), told as (
           update mailbox set digest_at = now() from due where mailbox.account_id = due.account_id
         )
         insert into mail (account_id, kind, since)
         select due.account_id, 'digest', digest_at from due
         where (select created_at from news where id = (
           select max(news_id) from notice where notice.account_id = due.account_id and read_at is null)) > digest_at",
        DIGESTS
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A mail to send.
#[derive(Debug, Clone)]
pub struct Due {
    /// Key.
    pub id: i64,
    /// To whom.
    pub account: AccountId,
    /// What it is.
    pub kind: Kind,
    /// The verdict that it tells of.
    pub news: Option<NewsId>,
    /// Of a digest: where it begins.
    pub since: Option<DateTime<Utc>>,
    /// Of a confirmation: where it goes.
    pub address: Option<String>,
    /// How often it was tried, this time included.
    pub attempts: i16,
}

/// Whether something is to be sent now.
pub async fn is_due(db: impl PgExecutor<'_>) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from mail where state = 'waiting' and next_at <= now()) as "it!""#
    )
    .fetch_one(db)
    .await
}

/// Takes the next mail to send, and notes that it is being sent: no two servers take the same.
pub async fn take(db: impl PgExecutor<'_>) -> sqlx::Result<Option<Due>> {
    sqlx::query_as!(
        Due,
        r#"update mail set state = 'sending', attempts = attempts + 1, next_at = now()
           where id = (select id from mail where state = 'waiting' and next_at <= now()
             order by next_at limit 1 for no key update skip locked)
           returning id, account_id as "account: AccountId", kind as "kind: Kind", news_id as "news: NewsId",
             since, address, attempts"#
    )
    .fetch_optional(db)
    .await
}

/// Notes that it was sent.
pub async fn sent(db: impl PgExecutor<'_>, id: i64) -> sqlx::Result<()> {
    ended(db, id, "sent", None).await
}

/// Notes that it will never be sent, and why.
pub async fn fail(db: impl PgExecutor<'_>, id: i64, why: &str) -> sqlx::Result<()> {
    ended(db, id, "failed", Some(why)).await
}

/// Notes that nobody knows whether it was sent, so that it is not sent again.
pub async fn lose(db: impl PgExecutor<'_>, id: i64, why: &str) -> sqlx::Result<()> {
    ended(db, id, "lost", Some(why)).await
}

async fn ended(
    db: impl PgExecutor<'_>,
    id: i64,
    state: &str,
    why: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update mail set state = $2, error = $3 where id = $1 and state = 'sending'",
        id,
        state,
        why.map(storable),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Tries it again later: after a minute, then four times as long each time, six hours at most.
pub async fn again(db: impl PgExecutor<'_>, id: i64, why: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "update mail set state = 'waiting', error = $2,
           next_at = now() + least(interval '1 minute' * 4 ^ (attempts - 1), interval '6 hours')
         where id = $1 and state = 'sending'",
        id,
        storable(why),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What a mail server said, as a column takes it.
fn storable(why: &str) -> String {
    text::cut(&why.replace('\0', ""), text::REASON_CHARS)
}

/// What was being sent when a server stopped is lost, as far as anybody knows.
pub async fn give_up_unknown(db: impl PgExecutor<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "update mail set state = 'lost', error = 'the server stopped while it was sent'
         where state = 'sending' and next_at < now() - interval '15 minutes'"
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes mails of thirty days ago, some at a time, and those that have waited for a week.
pub async fn forget_old(pool: &PgPool) -> sqlx::Result<u64> {
    sqlx::query!(
        "delete from mail where id in (
           select id from mail where created_at < now() - interval '7 days'
             and (state = 'waiting' or created_at < now() - interval '30 days')
           order by created_at limit 10000)"
    )
    .execute(pool)
    .await
    .map(|done| done.rows_affected())
}
