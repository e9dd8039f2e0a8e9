//! API tokens: who a script acts for, and what it may do.

mod new;

pub use new::{DAYS, LABEL_CHARS, MOST_DAYS, Made, NewToken, OFFERED_DAYS, create};

pub use super::scope::{Holder, Scope};

use super::{account::Role, secret};
use crate::config::Settings;
use crate::error::Error;
use crate::unchanged::Looked;
use axum::{
    extract::{FromRef, FromRequestParts, OptionalFromRequestParts},
    http::{header, request::Parts},
};
use breakmywork_protocol::id::{AccountId, TokenId};
use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, PgPool};

/// How every token begins, so that people and secret scanners know one when they see it.
pub const PREFIX: &str = "bmw_";

/// What somebody is told whose role waits for a second factor.
pub const WAITS: &str = "Your role takes a second factor when signing in. Set it up at /account/second-factor, then do this.";

/// On whose behalf a script acts.
#[derive(Debug, Clone)]
pub struct ApiAccount {
    /// The account.
    pub id: AccountId,
    /// Its public name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether it is an agent's.
    pub is_agent: bool,
    /// Whether an admin admitted that person as a volunteer.
    pub is_volunteer: bool,
    /// Whether signing in to the account takes a second factor.
    pub second_factor: bool,
    /// The role that waits for one.
    pub waits: Option<Role>,
    /// The token.
    pub token: TokenId,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it ends; none of one that was made before tokens had an end.
    pub expires_at: Option<DateTime<Utc>>,
}

impl ApiAccount {
    /// Refuses an account that lacks the role for it, and a token that lacks the scope.
    ///
    /// # Errors
    /// If so, with what is lacking and where to get it.
    pub fn require(&self, scope: Scope) -> Result<(), Error> {
        let role = scope.role();
        if self.waits.is_some_and(|waiting| waiting >= role) && role > Role::Member {
            return Err(Error::Forbidden(WAITS.to_owned()));
        }
        if !self.holder().can_use(scope) {
            return Err(Error::Forbidden(format!(
                "Only {} may do this.",
                scope.whose()
            )));
        }
        if !self.scopes.contains(&scope) {
            return Err(Error::Scope(scope));
        }
        Ok(())
    }

    /// By what it can use scopes.
    pub fn holder(&self) -> Holder {
        Holder {
            role: self.role,
            is_volunteer: self.is_volunteer && !self.is_agent,
        }
    }

    /// Of a worker of a volunteer's: whose; none of an admin's, whose workers are the board's own.
    pub fn volunteer(&self) -> Option<AccountId> {
        (!self.role.is_admin()).then_some(self.id)
    }

    /// Whoever has a role of which a second factor is asked, and has none, is a member until then.
    pub(crate) fn held_to(mut self, settings: &Settings) -> Self {
        (self.role, self.waits) = settings
            .second_factor_for
            .holds(self.role, self.second_factor);
        self
    }

    /// Refuses an agent where each person has one voice, and where an account is somebody's own.
    ///
    /// # Errors
    /// If it is an agent's.
    pub fn person(&self, what: &str) -> Result<(), Error> {
        match self.is_agent {
            true => Err(Error::Forbidden(format!(
                "An agent {what}: that is for the person whom it acts for."
            ))),
            false => Ok(()),
        }
    }

    /// As whom the token acts on what others wrote: as a member, unless it may moderate.
    pub fn acting(&self) -> Role {
        match self.scopes.contains(&Scope::Moderate) {
            true => self.role,
            false => Role::Member,
        }
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
                    "Send a token: `Authorization: Bearer bmw_…`. Make one at /account#tokens."
                        .to_owned(),
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
        Looked::note(&parts.extensions);
        // REST has found it already, to count the request.
        if let Some(account) = parts.extensions.get::<Self>() {
            return Ok(Some(account.clone()));
        }
        let Some(value) = parts.headers.get(header::AUTHORIZATION) else {
            return Ok(None);
        };
        let refused = || Error::Unauthorized(UNKNOWN.to_owned());
        let token = value
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(refused)?;
        let pool = PgPool::from_ref(state);
        match find(&pool, token).await? {
            Some(account) => Ok(Some(account)),
            None => Err(Error::Unauthorized(why_refused(&pool, token).await?)),
        }
    }
}

const UNKNOWN: &str = "This token is unknown or was revoked. Make one at /account#tokens.";

/// What to say to whoever sends a token that is not good. Of one that has ended its owner learns just that.
async fn why_refused(pool: &PgPool, token: &str) -> sqlx::Result<String> {
    if !token.starts_with(PREFIX) {
        return Ok(UNKNOWN.to_owned());
    }
    let token_hash = secret::hash(token);
    let ended = sqlx::query_scalar!(
        r#"select expires_at as "expires_at!" from api_token
           where token_hash = $1 and revoked_at is null and expires_at <= now()"#,
        token_hash.as_slice(),
    )
    .fetch_optional(pool)
    .await?;
    Ok(ended.map_or_else(
        || UNKNOWN.to_owned(),
        |at| {
            format!(
                "This token ended on {}. Make another one at /account#tokens.",
                at.format("%-d %B %Y")
            )
        },
    ))
}

/// Who a token belongs to, unless it was revoked or has ended. Remembers the use, at most once a minute.
pub async fn find(pool: &PgPool, token: &str) -> sqlx::Result<Option<ApiAccount>> {
    if !token.starts_with(PREFIX) {
        return Ok(None);
    }
    let token_hash = secret::hash(token);
    let found = sqlx::query!(
        r#"select api_token.id as "token: TokenId", account.id as "id: AccountId", account.name,
                  account.role as "role: Role", account.sponsor_id is not null as "is_agent!", scopes, expires_at,
                  exists (select from second_factor f where f.account_id = account.id and confirmed_at is not null) as "second_factor!",
                  exists (select from volunteer v where v.account_id = account.id and v.ended_at is null) as "is_volunteer!",
                  coalesce(last_used_at < now() - interval '1 minute', true) as "stale!"
           from api_token join account on account.id = api_token.account_id
             left join account sponsor on sponsor.id = account.sponsor_id
           where token_hash = $1 and revoked_at is null and account.disabled_at is null and sponsor.disabled_at is null
             and (expires_at is null or expires_at > now())"#,
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
        is_agent: row.is_agent,
        is_volunteer: row.is_volunteer,
        second_factor: row.second_factor,
        waits: None,
        token: row.token,
        expires_at: row.expires_at,
        scopes: row
            .scopes
            .iter()
            .filter_map(|scope| scope.parse().ok())
            .filter(|scope| !row.is_agent || Scope::USUAL.contains(scope))
            .collect(),
    }))
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
    pub created_at: DateTime<Utc>,
    /// When it ends, or ended; none of one that was made before tokens had an end.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Tokens in use that one person may have: one for each script on each machine, and no hiding place for others.
pub const MOST: i64 = 100;

/// What somebody is told who has so many.
pub fn too_many() -> String {
    format!("You have {MOST} tokens in use. Revoke one that no script needs, then make this one.")
}

/// How many tokens in use a person has.
pub async fn count(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from api_token
           where account_id = $1 and revoked_at is null and (expires_at is null or expires_at > now())"#,
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
        r#"select id as "id: TokenId", label, scopes, created_at, expires_at, last_used_at, revoked_at
           from api_token
           where account_id = $1 and revoked_at is null and (expires_at is null or expires_at > now())
             and ($2::bigint is null or id < $2)
           order by id desc limit $3"#,
        account.0,
        before as Option<TokenId>,
        limit,
    )
    .fetch_all(db)
    .await
}

/// A person's tokens that were revoked or have ended, those that were made last first.
pub async fn over(
    db: impl PgExecutor<'_>,
    account: AccountId,
    limit: i64,
) -> sqlx::Result<Vec<TokenRow>> {
    sqlx::query_as!(
        TokenRow,
        r#"select id as "id: TokenId", label, scopes, created_at, expires_at, last_used_at, revoked_at
           from api_token where account_id = $1 and (revoked_at is not null or expires_at <= now())
           order by id desc limit $2"#,
        account.0,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Revokes all tokens of an account and of its agents, and says how many there were.
pub async fn revoke_all(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "update api_token set revoked_at = now()
         where revoked_at is null
           and account_id = any (array(select id from account where id = $1 or sponsor_id = $1))",
        account.0
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
