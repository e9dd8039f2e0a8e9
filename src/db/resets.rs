//! New passwords for forgotten ones, by a link that is mailed.

use crate::auth::secret;
use breakmywork_protocol::id::AccountId;
use sqlx::PgExecutor;

/// Minutes after it was mailed for which a link is good.
pub const MINUTES: i32 = 60;

/// Mails with a link that one account is sent within a day.
const MOST: i64 = 5;

/// Queues a mail with a link for the account of that name, if it has a confirmed address and had few such mails.
pub async fn ask(db: impl PgExecutor<'_>, name: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into mail (account_id, kind)
         select account.id, 'reset' from account join mailbox on account_id = account.id
         where name = $1 and disabled_at is null and confirmed_at is not null
           and (select count(*) from mail earlier where earlier.account_id = account.id and kind = 'reset'
                  and created_at > now() - interval '1 day') < $2",
        name,
        MOST,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A new secret for the link of an account; the one before is good no more.
pub async fn new_secret(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<String> {
    let secret = secret::random_hex();
    let hash = secret::hash(&secret);
    sqlx::query!(
        "insert into password_reset (account_id, secret_hash, expires_at)
         values ($1, $2, now() + make_interval(mins => $3))
         on conflict (account_id) do update set secret_hash = excluded.secret_hash, expires_at = excluded.expires_at",
        account as AccountId,
        hash.as_slice(),
        MINUTES,
    )
    .execute(db)
    .await?;
    Ok(secret)
}

/// Whose password the link with this secret sets: number and name.
pub async fn whose(
    db: impl PgExecutor<'_>,
    secret: &str,
) -> sqlx::Result<Option<(AccountId, String)>> {
    let hash = secret::hash(secret);
    let row = sqlx::query!(
        r#"select account.id as "id: AccountId", name from password_reset join account on account.id = account_id
           where secret_hash = $1 and expires_at > now() and disabled_at is null"#,
        hash.as_slice(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (row.id, row.name)))
}

/// Uses a link up; false if it is not good, or somebody else was quicker with it.
pub async fn spend(db: impl PgExecutor<'_>, secret: &str) -> sqlx::Result<bool> {
    let hash = secret::hash(secret);
    sqlx::query!(
        "delete from password_reset where secret_hash = $1 and expires_at > now()",
        hash.as_slice(),
    )
    .execute(db)
    .await
    .map(|done| done.rows_affected() > 0)
}

/// Ends the link of an account, if it has one.
pub async fn end(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from password_reset where account_id = $1",
        account as AccountId
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes links that are over.
pub async fn clean_up(db: impl PgExecutor<'_>) -> sqlx::Result<()> {
    sqlx::query!("delete from password_reset where expires_at <= now()")
        .execute(db)
        .await?;
    Ok(())
}
