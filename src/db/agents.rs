//! Agents: accounts that act for a person by tokens alone.

use breakmywork_protocol::id::AccountId;
use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

/// What stands where people have a password: no password has this hash.
const NO_PASSWORD: &str = "none";

/// Somebody's agent.
#[derive(Debug, Clone)]
pub struct Agent {
    /// Its account.
    pub id: AccountId,
    /// Public name, which ends in `-agent`.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Since when an admin lets it do nothing.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Tokens in use.
    pub tokens: i64,
    /// When the last of its tokens was used.
    pub last_used_at: Option<DateTime<Utc>>,
}

macro_rules! select_agents {
    ($tail:literal $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Agent,
            r#"select a.id as "id: AccountId", a.name, a.created_at, a.disabled_at, t.tokens as "tokens!", t.last_used_at
               from account a
                 cross join lateral (
                   select count(*) filter (where revoked_at is null and (expires_at is null or expires_at > now())) as tokens,
                     max(last_used_at) as last_used_at
                   from api_token where account_id = a.id) t
               where a.sponsor_id = $1 "# + $tail
            $(, $argument)*
        )
    };
}

/// A person's agents, in the order in which they were made.
///
/// # Errors
/// If the database is away.
pub async fn of(db: impl PgExecutor<'_>, sponsor: AccountId) -> sqlx::Result<Vec<Agent>> {
    select_agents!("order by a.id", sponsor as AccountId)
        .fetch_all(db)
        .await
}

/// A person's agent of that name.
///
/// # Errors
/// If the database is away.
pub async fn find(
    db: impl PgExecutor<'_>,
    sponsor: AccountId,
    name: &str,
) -> sqlx::Result<Option<Agent>> {
    select_agents!("and a.name = $2", sponsor as AccountId, name)
        .fetch_optional(db)
        .await
}

/// Names of a person's agents that were not disabled, for everybody.
///
/// # Errors
/// If the database is away.
pub async fn names(db: impl PgExecutor<'_>, sponsor: AccountId) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "select name from account where sponsor_id = $1 and disabled_at is null order by id",
        sponsor as AccountId
    )
    .fetch_all(db)
    .await
}

/// Makes an agent; none if the name is taken.
///
/// # Errors
/// If the database is away.
pub async fn create(
    db: impl PgExecutor<'_>,
    sponsor: AccountId,
    name: &str,
) -> sqlx::Result<Option<AccountId>> {
    sqlx::query_scalar!(
        r#"insert into account (name, password_hash, sponsor_id) values ($1, $2, $3)
           on conflict (name) do nothing returning id as "id: AccountId""#,
        name,
        NO_PASSWORD,
        sponsor as AccountId,
    )
    .fetch_optional(db)
    .await
}
