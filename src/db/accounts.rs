//! People.

use crate::auth::account::Role;
use breakmywork_protocol::id::{AccountId, ClaimId, ExperimentId};
use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

/// Somebody's account, without the password.
#[derive(Debug, Clone)]
pub struct Account {
    /// Key.
    pub id: AccountId,
    /// Public name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// When they signed up.
    pub created_at: DateTime<Utc>,
}

/// The account of that name.
pub async fn find(db: impl PgExecutor<'_>, name: &str) -> sqlx::Result<Option<Account>> {
    sqlx::query_as!(
        Account,
        r#"select id as "id: AccountId", name, role as "role: Role", created_at
           from account where name = $1"#,
        name,
    )
    .fetch_optional(db)
    .await
}

/// Key and password hash of that name, for signing in.
pub async fn credentials(
    db: impl PgExecutor<'_>,
    name: &str,
) -> sqlx::Result<Option<(AccountId, String)>> {
    let row = sqlx::query!(
        r#"select id as "id: AccountId", password_hash from account where name = $1"#,
        name,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (row.id, row.password_hash)))
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

/// Sets another password.
pub async fn set_password(
    db: impl PgExecutor<'_>,
    account: AccountId,
    password_hash: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update account set password_hash = $2 where id = $1",
        account.0,
        password_hash,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Sets what they may do.
pub async fn set_role(db: impl PgExecutor<'_>, account: AccountId, role: Role) -> sqlx::Result<()> {
    sqlx::query!(
        "update account set role = $2 where id = $1",
        account.0,
        role.as_str()
    )
    .execute(db)
    .await?;
    Ok(())
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
        r#"select experiment.id as "id: ExperimentId", experiment.title,
                  claim.id as "claim: ClaimId", claim.label as claim_label,
                  state, outcome as "outcome?", experiment.created_at
           from experiment
           join claim on claim.id = experiment.claim_id
           left join verdict on verdict.experiment_id = experiment.id
           where experiment.author_id = $1
           order by experiment.id desc limit $2"#,
        account.0,
        limit,
    )
    .fetch_all(db)
    .await
}
