//! The signed-in browsers of whoever owns the token.

use super::body::Body;
use super::idempotency::{self, Stop};
use super::page::{Cursor, Page};
use crate::auth::session::{self, SessionRow};
use crate::auth::token::{ApiAccount, Scope};
use crate::db::accounts::{self, Tokens};
use crate::error::{Error, Result};
use crate::extract::{Path, Query};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::id::SessionId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::ToSchema;

/// A signed-in browser.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Session {
    /// Names it when it is ended.
    id: SessionId,
    /// When it was signed in.
    created_at: DateTime<Utc>,
    /// Its last request, to the minute.
    last_seen_at: DateTime<Utc>,
    /// Kind of browser and of system, such as "Firefox on Linux"; empty where that was not noted.
    device: String,
    /// The network that it was last used from, /24 of IPv4 or /48 of IPv6; null where it is not known.
    address_range: Option<String>,
}

impl From<SessionRow> for Session {
    fn from(row: SessionRow) -> Self {
        Self {
            id: row.id,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            device: row.device,
            address_range: row.address_range,
        }
    }
}

/// List the browsers that the owner of the token is signed in with, the one used last first; there are 50 at most. Needs the
/// scopes `read` and `account`.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "account", security(("token" = [])),
    params(Cursor),
    responses((status = 200, body = Page<Session>), (status = 403, description = "The token lacks the scope `account`")))]
pub(super) async fn list(
    State(pool): State<PgPool>,
    account: ApiAccount,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Session>> {
    account.require(Scope::Account)?;
    let rows = session::list(&pool, account.id, None).await?;
    Page::within(rows, &cursor, |row| row.id, Session::from)
}

/// Sign one browser out. Needs the scope `account`.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "account", security(("token" = [])),
    params(("id" = i64, Path, description = "Key")),
    responses((status = 204, description = "It is signed out"), (status = 403, description = "The token lacks the scope `account`"),
        (status = 404, description = "No signed-in browser of yours")))]
pub(super) async fn end(
    State(pool): State<PgPool>,
    Path(id): Path<SessionId>,
    account: ApiAccount,
) -> Result<StatusCode> {
    account.require(Scope::Account)?;
    if !session::end_one(&pool, account.id, id).await? {
        return Err(Error::missing("signed-in browser with number", id));
    }
    tracing::info!(account = %account.id, session = %id, by = %account.token, "session ended");
    Ok(StatusCode::NO_CONTENT)
}

/// What becomes of the tokens.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Everywhere {
    /// Whether tokens stay; without it all are revoked, the one that asks too.
    #[serde(default)]
    keep_tokens: bool,
}

/// What is left.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SignedOut {
    /// Whether tokens stayed.
    kept_tokens: bool,
}

/// Sign out everywhere: all browsers, and unless they are to stay all tokens. Needs the scope `account`.
#[utoipa::path(post, path = "/api/v1/sessions/end", tag = "account", security(("token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Everywhere,
    responses((status = 200, body = SignedOut), (status = 403, description = "The token lacks the scope `account`")))]
pub(super) async fn end_all(
    State(pool): State<PgPool>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Everywhere>,
) -> Result<Response, Stop> {
    account.require(Scope::Account)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    let kept_tokens = body.value.keep_tokens;
    let tokens = match kept_tokens {
        true => Tokens::Kept,
        false => Tokens::Revoked,
    };
    accounts::sign_out_everywhere(&mut call.tx, account.id, tokens).await?;
    tracing::info!(account = %account.id, by = %account.token, "signed out everywhere");
    call.finish(StatusCode::OK, &SignedOut { kept_tokens })
        .await
}
