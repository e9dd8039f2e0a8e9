//! People.

use super::{identities, resets, second_factors};
use crate::auth::{account::Role, secret, session, token};
use breakmywork_protocol::id::{AccountId, ClaimId, ExperimentId, RunId};
use breakmywork_protocol::record::{self, Act, Subject};
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::{PgConnection, PgExecutor};

/// Somebody's account, without the password.
#[derive(Debug, Clone)]
pub struct Account {
    /// Key.
    pub id: AccountId,
    /// Public name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Of an agent: whom it acts for.
    pub sponsor: Option<String>,
    /// When they signed up.
    pub created_at: DateTime<Utc>,
    /// Since when they cannot sign in.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Who disabled the account; none for the command line.
    pub disabled_by: Option<String>,
    /// Why.
    pub disabled_reason: Option<String>,
    /// Since when an admin lets that person train runs as a volunteer.
    pub volunteer_since: Option<DateTime<Utc>>,
    /// The run for which a worker of the board's own came to other numbers than that volunteer's.
    pub contradicted_run: Option<RunId>,
}

/// The account of the board itself.
///
/// # Errors
/// If the database is away.
pub async fn board(db: impl PgExecutor<'_>) -> sqlx::Result<AccountId> {
    sqlx::query_scalar!(r#"select id as "id: AccountId" from account where is_board"#)
        .fetch_one(db)
        .await
}

/// The account of that name.
pub async fn find(db: impl PgExecutor<'_>, name: &str) -> sqlx::Result<Option<Account>> {
    sqlx::query_as!(
        Account,
        r#"select account.id as "id: AccountId", account.name, account.role as "role: Role", sponsor.name as "sponsor?", account.created_at,
                  account.disabled_at, by.name as "disabled_by?", account.disabled_reason,
                  volunteer.admitted_at as "volunteer_since?", volunteer.contradicted_run as "contradicted_run?: RunId"
           from account left join account by on by.id = account.disabled_by
             left join account sponsor on sponsor.id = account.sponsor_id
             left join volunteer on volunteer.account_id = account.id and volunteer.ended_at is null
           where account.name = $1"#,
        name,
    )
    .fetch_optional(db)
    .await
}

/// What signing in needs to know.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The account.
    pub id: AccountId,
    /// argon2id in PHC form, or what [`no_password`] gives.
    pub password_hash: String,
    /// Why the account was disabled, if it was.
    pub disabled: Option<String>,
}

impl Credentials {
    /// Whether there is a password to sign in with.
    pub fn has_password(&self) -> bool {
        !self.password_hash.starts_with("none")
    }
}

/// What stands where others have a password's hash, of somebody who signs in by another site alone: no password has this
/// hash, and nobody can guess it, since devices are marked with it.
pub fn no_password() -> String {
    format!("none {}", secret::random_hex())
}

/// What signing in with that name needs to know.
pub async fn credentials(db: impl PgExecutor<'_>, name: &str) -> sqlx::Result<Option<Credentials>> {
    sqlx::query_as!(
        Credentials,
        r#"select id as "id: AccountId", password_hash, disabled_reason as disabled
           from account where name = $1 and sponsor_id is null"#,
        name,
    )
    .fetch_optional(db)
    .await
}

/// Names of the moderators and admins.
pub async fn staff(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!("select name from account where role <> 'member'")
        .fetch_all(db)
        .await
}

/// What somebody is called, and whether a name is that of somebody else.
#[derive(Debug)]
pub struct Names {
    /// The person's own.
    pub own: String,
    /// Whether another account has the name that was asked about.
    pub is_others: bool,
}

/// What `account` is called, and whether `name` is somebody else's.
///
/// # Errors
/// If the database is away, or there is no such account.
pub async fn name_and_namesake(
    db: impl PgExecutor<'_>,
    account: AccountId,
    name: Option<&str>,
) -> sqlx::Result<Names> {
    sqlx::query_as!(
        Names,
        r#"select name as own, exists (select from account where name = $2 and id <> $1) as "is_others!"
           from account where id = $1"#,
        account as AccountId,
        name
    )
    .fetch_one(db)
    .await
}

/// Accounts, newest first, older than `before`; for admins.
pub async fn newest(
    db: impl PgExecutor<'_>,
    before: Option<AccountId>,
    limit: i64,
) -> sqlx::Result<Vec<Account>> {
    sqlx::query_as!(
        Account,
        r#"select account.id as "id: AccountId", account.name, account.role as "role: Role", sponsor.name as "sponsor?", account.created_at,
                  account.disabled_at, by.name as "disabled_by?", account.disabled_reason,
                  volunteer.admitted_at as "volunteer_since?", volunteer.contradicted_run as "contradicted_run?: RunId"
           from account left join account by on by.id = account.disabled_by
             left join account sponsor on sponsor.id = account.sponsor_id
             left join volunteer on volunteer.account_id = account.id and volunteer.ended_at is null
           where $1::bigint is null or account.id < $1
           order by account.id desc limit $2"#,
        before as Option<AccountId>,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Number of the advisory locks on accounts, among all advisory locks of the database.
const LOCKS: i32 = 0x626d_7761;

/// Makes what one person and that person's agents do happen one after the other, until the transaction ends: a limit that
/// is read and then used up holds whatever is sent at once. An advisory lock, so that it waits for no row that others lock.
pub async fn lock(tx: &mut PgConnection, account: AccountId) -> sqlx::Result<()> {
    sqlx::query!(
        "select pg_advisory_xact_lock($1, (coalesce(person_of($2), $2) % 2147483647)::int)",
        LOCKS,
        account.0,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Ends an account's sessions and tokens, at once and for good, until it is enabled again; false if it was disabled.
/// That, and why, goes on record; `by` nobody on the command line.
pub async fn disable(
    tx: &mut PgConnection,
    account: AccountId,
    by: Option<AccountId>,
    reason: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update account set disabled_at = now(), disabled_by = $2, disabled_reason = $3
         where id = $1 and disabled_at is null",
        account.0,
        by as Option<AccountId>,
        reason,
    )
    .execute(&mut *tx)
    .await?;
    sign_out_everywhere(&mut *tx, account, Tokens::Revoked).await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    let subject = Subject::Account(account);
    record::act(tx, subject, Act::Disabled, by, json!({ "reason": reason })).await?;
    Ok(true)
}

/// Lets the person sign in again; false if the account was not disabled.
pub async fn enable(
    tx: &mut PgConnection,
    account: AccountId,
    by: Option<AccountId>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update account set disabled_at = null, disabled_by = null, disabled_reason = null
         where id = $1 and disabled_at is not null",
        account.0,
    )
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    let subject = Subject::Account(account);
    record::act(tx, subject, Act::Enabled, by, json!({})).await?;
    Ok(true)
}

/// Makes an account; none if the name is taken.
pub async fn create(
    db: impl PgExecutor<'_>,
    name: &str,
    password_hash: &str,
    role: Role,
) -> sqlx::Result<Option<AccountId>> {
    sqlx::query_scalar!(
        r#"insert into account (name, password_hash, role) values ($1, $2, $3)
           on conflict (name) do nothing returning id as "id: AccountId""#,
        name,
        password_hash,
        role.as_str(),
    )
    .fetch_optional(db)
    .await
}

/// What becomes of somebody's API tokens when their sessions end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokens {
    /// They are revoked: whoever had the old password, or a browser of theirs, may have made some. With another password
    /// the account is disconnected from other sites, too, for the same reason.
    Revoked,
    /// They stay, by the person's wish.
    Kept,
}

/// Ends all sessions of a person.
///
/// # Errors
/// If the database is away.
pub async fn sign_out_everywhere(
    tx: &mut PgConnection,
    account: AccountId,
    tokens: Tokens,
) -> sqlx::Result<()> {
    session::end_all(&mut *tx, account).await?;
    if tokens == Tokens::Revoked {
        token::revoke_all(&mut *tx, account).await?;
    }
    Ok(())
}

/// Sets another password, and ends all sessions.
///
/// # Errors
/// If the database is away.
pub async fn set_password(
    tx: &mut PgConnection,
    account: AccountId,
    password_hash: &str,
    tokens: Tokens,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update account set password_hash = $2 where id = $1",
        account.0,
        password_hash,
    )
    .execute(&mut *tx)
    .await?;
    resets::end(&mut *tx, account).await?;
    second_factors::end_steps(&mut *tx, account).await?;
    if tokens == Tokens::Revoked {
        identities::disconnect_all(&mut *tx, account).await?;
    }
    sign_out_everywhere(tx, account, tokens).await
}

/// Sets what they may do, on the command line. They sign in anew: a session never comes to more, or less, than it began with.
pub async fn set_role(tx: &mut PgConnection, account: AccountId, role: Role) -> sqlx::Result<()> {
    sqlx::query!(
        "update account set role = $2 where id = $1",
        account.0,
        role.as_str()
    )
    .execute(&mut *tx)
    .await?;
    session::end_all(&mut *tx, account).await?;
    let subject = Subject::Account(account);
    record::act(tx, subject, Act::RoleSet, None, json!({ "role": role })).await
}

/// An experiment on somebody's page.
#[derive(Debug, Clone)]
pub struct Proposed {
    /// Key.
    pub id: ExperimentId,
    /// Short name.
    pub title: String,
    /// The claim it tests.
    pub claim: ClaimId,
    /// The claim's label.
    pub claim_label: String,
    /// The title of the claim's work.
    pub work_title: String,
    /// Its state.
    pub state: String,
    /// The verdict, once there is one.
    pub outcome: Option<String>,
    /// When it was proposed.
    pub created_at: DateTime<Utc>,
}

/// The latest experiments that somebody proposed.
pub async fn proposals(
    db: impl PgExecutor<'_>,
    account: AccountId,
    limit: i64,
) -> sqlx::Result<Vec<Proposed>> {
    sqlx::query_as!(
        Proposed,
        r#"select e.id as "id!: ExperimentId", e.title as "title!",
                  claim.id as "claim: ClaimId", claim.label as claim_label, work.title as work_title,
                  state as "state!", outcome as "outcome?", e.created_at as "created_at!"
           from public_experiment e
           join claim on claim.id = e.claim_id
           join work on work.id = claim.work_id
           left join verdict on verdict.experiment_id = e.id
           where e.author_id = $1
           order by e.id desc limit $2"#,
        account.0,
        limit,
    )
    .fetch_all(db)
    .await
}
