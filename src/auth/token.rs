//! API tokens: who a script acts for, and what it may do.

use super::{account::Role, secret};
use crate::error::Error;
use axum::{
    extract::{FromRef, FromRequestParts, OptionalFromRequestParts},
    http::{header, request::Parts},
};
use breakmywork_protocol::id::{AccountId, TokenId};
use sqlx::{PgExecutor, PgPool};
use std::{fmt, str::FromStr};

/// How every token begins, so that people and secret scanners know one when they see it.
pub const PREFIX: &str = "bmw_";

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Read as oneself.
    Read,
    /// Propose, register, withdraw and comment.
    Write,
    /// Run the queue; needs the role too.
    Admin,
}

impl Scope {
    /// All of them, weakest first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| format!("no scope {text:?}: it is read, write or admin"))
    }
}

/// On whose behalf a script acts.
#[derive(Debug, Clone)]
pub struct ApiAccount {
    /// The account.
    pub id: AccountId,
    /// Its public name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// What this token may do.
    pub scopes: Vec<Scope>,
}

impl ApiAccount {
    /// Refuses a token that lacks the scope, and for `admin` an account that lacks the role.
    pub fn require(&self, scope: Scope) -> Result<(), Error> {
        if !self.scopes.contains(&scope) {
            return Err(Error::Forbidden(format!(
                "This token lacks the scope {scope}. Make one that has it at /account."
            )));
        }
        if scope == Scope::Admin && !self.role.is_admin() {
            return Err(Error::Forbidden("Only admins may do this.".to_owned()));
        }
        Ok(())
    }

    /// Whether the account may moderate; the token needs the scope to write.
    ///
    /// # Errors
    /// If not, with the reason.
    pub fn require_moderator(&self) -> Result<(), Error> {
        self.require(Scope::Write)?;
        if self.role.is_moderator() {
            return Ok(());
        }
        Err(Error::Forbidden("Only moderators may do this.".to_owned()))
    }
}

impl<S> FromRequestParts<S> for ApiAccount
where
    S: Send + Sync,
    PgPool: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        <Self as OptionalFromRequestParts<S>>::from_request_parts(parts, state)
            .await?
            .ok_or_else(|| {
                Error::Unauthorized(
                    "Send a token: `Authorization: Bearer bmw_…`. Make one at /account.".to_owned(),
                )
            })
    }
}

/// No header is nobody; a wrong token is refused even where none is needed.
impl<S> OptionalFromRequestParts<S> for ApiAccount
where
    S: Send + Sync,
    PgPool: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Error> {
        let Some(value) = parts.headers.get(header::AUTHORIZATION) else {
            return Ok(None);
        };
        let refused = || Error::Unauthorized("This token is unknown or was revoked.".to_owned());
        let token = value
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(refused)?;
        let pool = PgPool::from_ref(state);
        find(&pool, token).await?.map(Some).ok_or_else(refused)
    }
}

/// Who a token belongs to, unless it was revoked. Remembers the use, at most once a minute.
pub async fn find(pool: &PgPool, token: &str) -> sqlx::Result<Option<ApiAccount>> {
    if !token.starts_with(PREFIX) {
        return Ok(None);
    }
    let token_hash = secret::hash(token);
    let found = sqlx::query!(
        r#"select api_token.id as "token: TokenId", account.id as "id: AccountId", account.name,
                  account.role as "role: Role", scopes,
                  coalesce(last_used_at < now() - interval '1 minute', true) as "stale!"
           from api_token join account on account.id = api_token.account_id
           where token_hash = $1 and revoked_at is null and disabled_at is null"#,
        token_hash.as_slice(),
    )
    .fetch_optional(pool)
    .await?;
    let Some(row) = found else {
        return Ok(None);
    };
    if row.stale {
        sqlx::query!(
            "update api_token set last_used_at = now() where id = $1",
            row.token.0
        )
        .execute(pool)
        .await?;
    }
    Ok(Some(ApiAccount {
        id: row.id,
        name: row.name,
        role: row.role,
        scopes: row
            .scopes
            .iter()
            .filter_map(|scope| scope.parse().ok())
            .collect(),
    }))
}

/// Makes a token and returns it: the only time anybody sees it.
pub async fn create(
    db: impl PgExecutor<'_>,
    account: AccountId,
    label: &str,
    scopes: &[Scope],
) -> sqlx::Result<String> {
    let token = format!("{PREFIX}{}", secret::random_hex());
    let token_hash = secret::hash(&token);
    let scopes: Vec<String> = scopes.iter().map(ToString::to_string).collect();
    sqlx::query!(
        "insert into api_token (account_id, label, token_hash, scopes) values ($1, $2, $3, $4)",
        account.0,
        label,
        token_hash.as_slice(),
        &scopes,
    )
    .execute(db)
    .await?;
    Ok(token)
}

/// Revokes a person's token; false if they have no such token in use.
pub async fn revoke(
    db: impl PgExecutor<'_>,
    account: AccountId,
    token: TokenId,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update api_token set revoked_at = now()
         where id = $1 and account_id = $2 and revoked_at is null",
        token.0,
        account.0,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// A line of the list on the account page.
#[derive(Debug, Clone)]
pub struct TokenRow {
    /// Names it for revoking.
    pub id: TokenId,
    /// What the person called it.
    pub label: String,
    /// What it allows.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: chrono::DateTime<chrono::Utc>,
    /// When it was last used.
    pub last_used_at: Option<chrono::DateTime<chrono::Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// Longest label, in characters, as the table's constraint has it.
pub const LABEL_CHARS: usize = 100;

/// Tokens in use that one person may have: one for each script on each machine, and no hiding place for others.
pub const MOST: i64 = 100;

/// How many tokens in use a person has.
pub async fn count(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from api_token where account_id = $1 and revoked_at is null"#,
        account.0,
    )
    .fetch_one(db)
    .await
}

/// A person's tokens in use, newest first, older than `before`.
pub async fn in_use(
    db: impl PgExecutor<'_>,
    account: AccountId,
    before: Option<TokenId>,
    limit: i64,
) -> sqlx::Result<Vec<TokenRow>> {
    sqlx::query_as!(
        TokenRow,
        r#"select id as "id: TokenId", label, scopes, created_at, last_used_at, revoked_at
           from api_token
           where account_id = $1 and revoked_at is null and ($2::bigint is null or id < $2)
           order by id desc limit $3"#,
        account.0,
        before as Option<TokenId>,
        limit,
    )
    .fetch_all(db)
    .await
}

/// A person's revoked tokens, the latest first.
pub async fn revoked(
    db: impl PgExecutor<'_>,
    account: AccountId,
    limit: i64,
) -> sqlx::Result<Vec<TokenRow>> {
    sqlx::query_as!(
        TokenRow,
        r#"select id as "id: TokenId", label, scopes, created_at, last_used_at, revoked_at
           from api_token where account_id = $1 and revoked_at is not null
           order by revoked_at desc limit $2"#,
        account.0,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Revokes all tokens of a person, and says how many there were.
pub async fn revoke_all(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "update api_token set revoked_at = now() where account_id = $1 and revoked_at is null",
        account.0
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
