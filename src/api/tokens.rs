//! The tokens of whoever owns the one that asks.

use super::body::Body;
use super::idempotency::{self, IdempotentCall, Stop};
use super::page::{Cursor, Page};
use crate::auth::token::{self, ApiAccount, NewToken, Scope, TokenRow};
use crate::db::accounts;
use crate::error::{Error, Result};
use crate::extract::{Path, Query};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::id::{AccountId, TokenId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::ToSchema;

/// A token in use.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Token {
    /// Names it for revoking.
    id: TokenId,
    /// What its owner called it.
    label: String,
    /// What it may do; whatever that is, no more than its owner may.
    #[schema(value_type = Vec<Scope>)]
    scopes: Vec<String>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it ends; null of one that was made before tokens had an end.
    expires_at: Option<DateTime<Utc>>,
    /// Its last request, to the minute.
    last_used_at: Option<DateTime<Utc>>,
    /// Whether it is the one that asks.
    asking: bool,
}

impl Token {
    pub(super) fn of(row: TokenRow, asking: TokenId) -> Self {
        Self {
            asking: row.id == asking,
            id: row.id,
            label: row.label,
            scopes: row.scopes,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
        }
    }
}

/// List the tokens in use of whoever owns the one that asks, newest first. Needs the scopes `read` and `account`.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "account", security(("token" = [])),
    params(Cursor), responses((status = 200, body = Page<Token>), (status = 403, description = "The token lacks the scope `account`")))]
pub(super) async fn list(
    State(pool): State<PgPool>,
    account: ApiAccount,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Token>> {
    account.require(Scope::Account)?;
    let limit = cursor.limit()?;
    let before = cursor.position()?.map(TokenId);
    let rows = token::in_use(&pool, account.id, before, limit + 1).await?;
    let show = |row| Token::of(row, account.token);
    Ok(Page::cut(rows, limit, |row| row.id.0, show))
}

/// A token to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedToken {
    /// What it is for, in 1 to 100 characters.
    label: String,
    /// What it may do: some of what the token that asks may do.
    scopes: Vec<Scope>,
    /// Days until it ends, 1 to 365; 90 if not given. It ends no later than the token that asks.
    #[serde(default = "usual_days")]
    #[schema(minimum = 1, maximum = 365, default = 90)]
    days: i32,
}

fn usual_days() -> i32 {
    token::DAYS
}

impl WantedToken {
    /// What is wanted, unless the owner of the token that asks may not have it, or that token has less itself.
    pub(super) fn checked(&self, asking: &ApiAccount) -> Result<NewToken> {
        NewToken::checked(&self.label, &self.scopes, self.days, asking.holder())
            .map_err(Error::Invalid)?
            .by(asking)
    }
}

/// A token that was just made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct FreshToken {
    /// What a script sends as `Authorization: Bearer`: the only time anybody sees it. Null where the request was a repetition.
    secret: Option<String>,
    /// Names it for revoking.
    id: TokenId,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it ends.
    expires_at: Option<DateTime<Utc>>,
}

/// Make a token that may do no more than the one that asks, and ends no later. Needs the scope `account`.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "account", security(("token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe; it is answered without the secret")),
    request_body = WantedToken,
    responses((status = 201, body = FreshToken), (status = 403, description = "The token lacks the scope `account`"),
        (status = 409, description = "There are 100 in use"),
        (status = 422, description = "Without a label or scopes, more than the token that asks has, or too many days")))]
pub(super) async fn make(
    State(pool): State<PgPool>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<WantedToken>,
) -> Result<Response, Stop> {
    account.require(Scope::Account)?;
    let call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    let new = body.value.checked(&account)?;
    made(call, account.id, &new, &account).await
}

/// Makes a token of `owner`, who is whoever asks or an agent of theirs.
pub(super) async fn made(
    mut call: IdempotentCall,
    owner: AccountId,
    new: &NewToken,
    asking: &ApiAccount,
) -> Result<Response, Stop> {
    accounts::lock(&mut call.tx, owner).await?;
    if token::count(&mut *call.tx, owner).await? >= token::MOST {
        return Err(Error::Conflict(token::too_many()).into());
    }
    let made = token::create(&mut *call.tx, owner, new).await?;
    let again = FreshToken {
        secret: None,
        id: made.id,
        created_at: made.created_at,
        expires_at: made.expires_at,
    };
    let fresh = FreshToken {
        secret: Some(made.secret),
        ..again.clone()
    };
    tracing::info!(account = %owner, token = %made.id, by = %asking.token, "API token made");
    call.finish_once(StatusCode::CREATED, &fresh, &again).await
}

/// Revoke a token, be it the one that asks. Needs the scope `account`.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "account", security(("token" = [])),
    params(("id" = i64, Path, description = "Key")),
    responses((status = 204, description = "It can do nothing any more"), (status = 403, description = "The token lacks the scope `account`"),
        (status = 404, description = "No token in use of yours")))]
pub(super) async fn revoke(
    State(pool): State<PgPool>,
    Path(id): Path<TokenId>,
    account: ApiAccount,
) -> Result<StatusCode> {
    account.require(Scope::Account)?;
    if !token::revoke(&pool, account.id, id).await? {
        return Err(Error::missing("token in use with number", id));
    }
    tracing::info!(account = %account.id, token = %id, by = %account.token, "API token revoked");
    Ok(StatusCode::NO_CONTENT)
}
