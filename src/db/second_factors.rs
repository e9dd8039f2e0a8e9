//! Second factors, and who is asked for one.

use crate::auth::secret;
use crate::sealing::Stored;
use breakmywork_protocol::id::AccountId;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

/// Somebody's second factor.
#[derive(Debug, Clone)]
pub struct Factor {
    /// From which both sides compute codes.
    pub secret: Stored,
    /// Since when codes are asked for; none before the first right one.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// Codes on paper that were not used.
    pub codes_left: i64,
}

/// Somebody's second factor, if they began to have one.
///
/// # Errors
/// If the database is away.
pub async fn find(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<Option<Factor>> {
    sqlx::query_as!(
        Factor,
        r#"select secret as "secret: Stored", confirmed_at,
             (select count(*) from recovery_code r where r.account_id = f.account_id and used_at is null) as "codes_left!"
           from second_factor f where account_id = $1"#,
        account as AccountId,
    )
    .fetch_optional(db)
    .await
}

/// Whether somebody is asked for a code when signing in.
///
/// # Errors
/// If the database is away.
pub async fn is_on(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from second_factor where account_id = $1 and confirmed_at is not null) as "is!""#,
        account as AccountId,
    )
    .fetch_one(db)
    .await
}

/// Begins one, in the place of one that was not confirmed; false if there is one that was.
///
/// # Errors
/// If the database is away.
pub async fn begin(
    db: impl PgExecutor<'_>,
    account: AccountId,
    secret: &Stored,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "insert into second_factor (account_id, secret) values ($1, $2)
         on conflict (account_id) do update set secret = excluded.secret, created_at = now(), last_step = 0
         where second_factor.confirmed_at is null",
        account as AccountId,
        secret.bytes(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// From now on codes are asked for; false if they were already.
///
/// # Errors
/// If the database is away.
pub async fn confirm(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update second_factor set confirmed_at = now() where account_id = $1 and confirmed_at is null",
        account as AccountId,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Takes the code of that half minute; false if it, or a later one, was taken before.
///
/// # Errors
/// If the database is away.
pub async fn take_step(
    db: impl PgExecutor<'_>,
    account: AccountId,
    step: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update second_factor set last_step = $2 where account_id = $1 and last_step < $2",
        account as AccountId,
        step,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Takes a code on paper; false if there is no such one, or it was used.
///
/// # Errors
/// If the database is away.
pub async fn take_recovery_code(
    db: impl PgExecutor<'_>,
    account: AccountId,
    code: &str,
) -> sqlx::Result<bool> {
    let hash = secret::hash(code);
    let done = sqlx::query!(
        "update recovery_code set used_at = now() where account_id = $1 and code_hash = $2 and used_at is null",
        account as AccountId,
        hash.as_slice(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Puts these codes on paper, without dashes, in the place of those from before.
///
/// # Errors
/// If the database is away.
pub async fn set_recovery_codes(
    tx: &mut PgConnection,
    account: AccountId,
    codes: &[String],
) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from recovery_code where account_id = $1",
        account as AccountId
    )
    .execute(&mut *tx)
    .await?;
    let hashes: Vec<Vec<u8>> = codes
        .iter()
        .map(|code| secret::hash(code).to_vec())
        .collect();
    sqlx::query!(
        "insert into recovery_code (account_id, code_hash) select $1, * from unnest($2::bytea[])",
        account as AccountId,
        &hashes,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Asks for no code any more; false if none was asked for.
///
/// # Errors
/// If the database is away.
pub async fn remove(tx: &mut PgConnection, account: AccountId) -> sqlx::Result<bool> {
    sqlx::query!(
        "delete from recovery_code where account_id = $1",
        account as AccountId
    )
    .execute(&mut *tx)
    .await?;
    end_steps(&mut *tx, account).await?;
    let done = sqlx::query!(
        "delete from second_factor where account_id = $1",
        account as AccountId
    )
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Notes that somebody gave the right password and is asked for a code, and returns what the form for it carries.
///
/// # Errors
/// If the database is away.
pub async fn begin_step(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<String> {
    let token = secret::random_hex();
    let hash = secret::hash(&token);
    sqlx::query!(
        "insert into sign_in_step (token_hash, account_id) values ($1, $2)",
        hash.as_slice(),
        account as AccountId,
    )
    .execute(db)
    .await?;
    Ok(token)
}

/// Who is asked for a code.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// What the cookie that knows this device is made with.
    pub password_hash: String,
    /// From which the code is computed.
    pub secret: Stored,
}

/// Who was asked by a form that carries this, unless that was too long ago, or the account was disabled since.
///
/// # Errors
/// If the database is away.
pub async fn asked(db: impl PgExecutor<'_>, token: &str) -> sqlx::Result<Option<Asked>> {
    let hash = secret::hash(token);
    sqlx::query_as!(
        Asked,
        r#"select a.id as "account: AccountId", a.name, a.password_hash, f.secret as "secret: Stored"
           from sign_in_step s join account a on a.id = s.account_id join second_factor f on f.account_id = a.id
           where s.token_hash = $1 and s.expires_at > now() and a.disabled_at is null and f.confirmed_at is not null"#,
        hash.as_slice(),
    )
    .fetch_optional(db)
    .await
}

/// A code was given: the form is good no more.
///
/// # Errors
/// If the database is away.
pub async fn end_step(db: impl PgExecutor<'_>, token: &str) -> sqlx::Result<bool> {
    let hash = secret::hash(token);
    let done = sqlx::query!(
        "delete from sign_in_step where token_hash = $1",
        hash.as_slice(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Whoever was asked for a code begins anew: the password is another one, or none is asked for.
///
/// # Errors
/// If the database is away.
pub async fn end_steps(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from sign_in_step where account_id = $1",
        account as AccountId
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes what was begun and is over.
///
/// # Errors
/// If the database is away.
pub async fn clean_up(db: impl PgExecutor<'_>) -> sqlx::Result<()> {
    sqlx::query!("delete from sign_in_step where expires_at <= now()")
        .execute(db)
        .await?;
    Ok(())
}
