//! By what other sites say who somebody is: what accounts are connected with, and who is on the way.

use crate::auth::provider::{Asked, Identity};
use crate::auth::secret;
use breakmywork_protocol::id::{AccountId, IdentityId};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

/// Identities that one account may be connected with.
pub const MOST: i64 = 10;

/// Longest of what a provider calls somebody that is stored, in characters.
const SHOWN_CHARS: usize = 100;

/// What an account is connected with, as its owner sees it.
#[derive(Debug, Clone)]
pub struct Connected {
    /// Names it.
    pub id: IdentityId,
    /// Address of the provider.
    pub issuer: String,
    /// The provider's own number for the person.
    pub subject: String,
    /// What the provider called the person.
    pub shown: String,
    /// When it was connected.
    pub created_at: DateTime<Utc>,
    /// When somebody signed in with it last.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// What somebody is connected with, in the order in which it was.
///
/// # Errors
/// If the database is away.
pub async fn of(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<Vec<Connected>> {
    sqlx::query_as!(
        Connected,
        r#"select id as "id: IdentityId", issuer, subject, shown, created_at, last_used_at
           from identity where account_id = $1 order by id limit $2"#,
        account as AccountId,
        MOST,
    )
    .fetch_all(db)
    .await
}

/// Whose account an identity signs in to.
#[derive(Debug, Clone)]
pub struct Owner {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// What the cookie that knows this device is made with.
    pub password_hash: String,
    /// Why it was disabled, if it was.
    pub disabled: Option<String>,
}

/// Whose account an identity signs in to, if any; notes that it did.
///
/// # Errors
/// If the database is away.
pub async fn owner(
    db: impl PgExecutor<'_>,
    issuer: &str,
    subject: &str,
) -> sqlx::Result<Option<Owner>> {
    sqlx::query_as!(
        Owner,
        r#"update identity set last_used_at = now() from account
           where account.id = identity.account_id and issuer = $1 and subject = $2 and sponsor_id is null
           returning account.id as "account: AccountId", name, password_hash, disabled_reason as disabled"#,
        issuer,
        subject,
    )
    .fetch_optional(db)
    .await
}

/// What came of connecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connecting {
    /// It is, now or since before.
    Done,
    /// Another account is connected with it.
    Others,
    /// The account has as many as it may.
    TooMany,
}

/// Connects an account with an identity.
///
/// # Errors
/// If the database is away.
pub async fn connect(
    tx: &mut PgConnection,
    account: AccountId,
    issuer: &str,
    identity: &Identity,
) -> sqlx::Result<Connecting> {
    super::accounts::lock(&mut *tx, account).await?;
    let shown: String = identity.shown.chars().take(SHOWN_CHARS).collect();
    let made = sqlx::query!(
        "insert into identity (account_id, issuer, subject, shown)
         select $1, $2, $3, $4 where (select count(*) from identity where account_id = $1) < $5
         on conflict on constraint identity_once do nothing",
        account as AccountId,
        issuer,
        identity.subject,
        shown,
        MOST,
    )
    .execute(&mut *tx)
    .await?;
    if made.rows_affected() > 0 {
        return Ok(Connecting::Done);
    }
    let whose = sqlx::query_scalar!(
        r#"select account_id as "account: AccountId" from identity where issuer = $1 and subject = $2"#,
        issuer,
        identity.subject,
    )
    .fetch_optional(tx)
    .await?;
    Ok(match whose {
        Some(owner) if owner == account => Connecting::Done,
        Some(_) => Connecting::Others,
        None => Connecting::TooMany,
    })
}

/// What came of disconnecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disconnecting {
    /// It is.
    Done,
    /// There is none of that number.
    Missing,
    /// Nobody could sign in to the account any more.
    Last,
}

/// Disconnects an account, unless it has no password and nothing else of `issuers` to sign in with.
///
/// # Errors
/// If the database is away.
pub async fn disconnect(
    tx: &mut PgConnection,
    account: AccountId,
    id: IdentityId,
    issuers: &[String],
) -> sqlx::Result<Disconnecting> {
    super::accounts::lock(&mut *tx, account).await?;
    let done = sqlx::query!(
        "delete from identity where id = $2 and account_id = $1
           and (exists (select from account where id = $1 and password_hash not like 'none%')
                or exists (select from identity other where other.account_id = $1 and other.id <> $2 and other.issuer = any($3)))",
        account as AccountId,
        id as IdentityId,
        issuers,
    )
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() > 0 {
        return Ok(Disconnecting::Done);
    }
    let is_there = sqlx::query_scalar!(
        r#"select exists (select from identity where id = $2 and account_id = $1) as "is!""#,
        account as AccountId,
        id as IdentityId,
    )
    .fetch_one(tx)
    .await?;
    Ok(match is_there {
        true => Disconnecting::Last,
        false => Disconnecting::Missing,
    })
}

/// Disconnects an account from all.
///
/// # Errors
/// If the database is away.
pub async fn disconnect_all(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from identity where account_id = $1",
        account as AccountId
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Who is sent to a provider.
#[derive(Debug, Clone)]
pub struct Step {
    /// Which one.
    pub provider: String,
    /// The page to go on to.
    pub next: String,
    /// Whose account is to be connected; none where somebody signs in.
    pub account: Option<AccountId>,
}

/// Notes who is sent to a provider, with the browser that has this cookie.
///
/// # Errors
/// If the database is away.
pub async fn begin(
    db: impl PgExecutor<'_>,
    step: &Step,
    asked: &Asked,
    browser: &str,
) -> sqlx::Result<()> {
    let (state, browser) = (secret::hash(&asked.state), secret::hash(browser));
    sqlx::query!(
        "insert into provider_step (state_hash, browser_hash, provider, nonce, verifier, next, account_id)
         values ($1, $2, $3, $4, $5, $6, $7)",
        state.as_slice(),
        browser.as_slice(),
        step.provider,
        asked.nonce,
        asked.verifier,
        step.next,
        step.account as Option<AccountId>,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Who comes back from that provider with this, by the browser that was sent there, in time and for the first time.
///
/// # Errors
/// If the database is away.
pub async fn take(
    db: impl PgExecutor<'_>,
    provider: &str,
    state: &str,
    browser: &str,
) -> sqlx::Result<Option<(Step, Asked)>> {
    let (state_hash, browser) = (secret::hash(state), secret::hash(browser));
    let row = sqlx::query!(
        r#"delete from provider_step
           where state_hash = $1 and browser_hash = $2 and provider = $3 and expires_at > now()
           returning provider, nonce, verifier, next, account_id as "account: AccountId""#,
        state_hash.as_slice(),
        browser.as_slice(),
        provider,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| {
        let step = Step {
            provider: row.provider,
            next: row.next,
            account: row.account,
        };
        let asked = Asked {
            state: state.to_owned(),
            nonce: row.nonce,
            verifier: row.verifier,
        };
        (step, asked)
    }))
}

/// Somebody who came back and has no account.
#[derive(Debug, Clone)]
pub struct Newcomer {
    /// From which provider.
    pub provider: String,
    /// Its address.
    pub issuer: String,
    /// As whom.
    pub identity: Identity,
    /// The page to go on to.
    pub next: String,
}

/// Notes that somebody is asked for a name, with the browser that has this cookie.
///
/// # Errors
/// If the database is away.
pub async fn ask_name(
    db: impl PgExecutor<'_>,
    newcomer: &Newcomer,
    token: &str,
) -> sqlx::Result<()> {
    let hash = secret::hash(token);
    let shown: String = newcomer.identity.shown.chars().take(SHOWN_CHARS).collect();
    sqlx::query!(
        "insert into newcomer_step (token_hash, provider, issuer, subject, shown, next) values ($1, $2, $3, $4, $5, $6)",
        hash.as_slice(),
        newcomer.provider,
        newcomer.issuer,
        newcomer.identity.subject,
        shown,
        newcomer.next,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Who is asked for a name, unless that was too long ago.
///
/// # Errors
/// If the database is away.
pub async fn newcomer(db: impl PgExecutor<'_>, token: &str) -> sqlx::Result<Option<Newcomer>> {
    let hash = secret::hash(token);
    let row = sqlx::query!(
        "select provider, issuer, subject, shown, next from newcomer_step where token_hash = $1 and expires_at > now()",
        hash.as_slice(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Newcomer {
        provider: row.provider,
        issuer: row.issuer,
        identity: Identity {
            subject: row.subject,
            shown: row.shown,
        },
        next: row.next,
    }))
}

/// A name was chosen: it is not asked for again; false if it was before.
///
/// # Errors
/// If the database is away.
pub async fn end_newcomer(db: impl PgExecutor<'_>, token: &str) -> sqlx::Result<bool> {
    let hash = secret::hash(token);
    let done = sqlx::query!(
        "delete from newcomer_step where token_hash = $1",
        hash.as_slice()
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes what was begun and is over.
///
/// # Errors
/// If the database is away.
pub async fn clean_up(pool: &sqlx::PgPool) -> sqlx::Result<()> {
    sqlx::query!("delete from provider_step where expires_at <= now()")
        .execute(pool)
        .await?;
    sqlx::query!("delete from newcomer_step where expires_at <= now()")
        .execute(pool)
        .await?;
    Ok(())
}
