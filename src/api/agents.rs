//! The agents of whoever owns the token, and theirs.

use super::body::Body;
use super::idempotency::{self, Stop};
use super::page::{Cursor, Page};
use super::tokens::{FreshToken, Token, WantedToken, made};
use crate::agents;
use crate::auth::token::{self, ApiAccount, Scope};
use crate::db::agents as table;
use crate::error::{Error, Result};
use crate::extract::{Path, Query};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::id::TokenId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::ToSchema;

/// An account that acts for a person, by tokens alone.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Agent {
    /// Public name, which ends in `-agent`.
    name: String,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// Since when an admin lets it do nothing; null if it may.
    disabled_at: Option<DateTime<Utc>>,
    /// Tokens in use.
    tokens: i64,
    /// Its last request, to the minute.
    last_used_at: Option<DateTime<Utc>>,
}

impl From<table::Agent> for Agent {
    fn from(row: table::Agent) -> Self {
        Self {
            name: row.name,
            created_at: row.created_at,
            disabled_at: row.disabled_at,
            tokens: row.tokens,
            last_used_at: row.last_used_at,
        }
    }
}

/// List the agents of whoever owns the token, the first first; there are 5 at most. Needs the scopes `read` and `account`.
#[utoipa::path(get, path = "/api/v1/agents", tag = "account", security(("token" = [])),
    params(Cursor),
    responses((status = 200, body = Page<Agent>), (status = 403, description = "The token lacks the scope `account`")))]
pub(super) async fn list(
    State(pool): State<PgPool>,
    account: ApiAccount,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Agent>> {
    account.require(Scope::Account)?;
    let rows = table::of(&pool, account.id).await?;
    Page::within(rows, &cursor, |row| row.name.clone(), Agent::from)
}

/// An agent to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAgent {
    /// Public name: 3 to 26 lower-case letters, digits, `-` and `_`, then `-agent`.
    name: String,
}

/// Make an agent: an account of a program, which acts for you by tokens that you make. It stays. Needs the scope `account`.
#[utoipa::path(post, path = "/api/v1/agents", tag = "account", security(("token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = NewAgent,
    responses((status = 201, body = Agent), (status = 403, description = "The token lacks the scope `account`"),
        (status = 409, description = "You have 5"), (status = 422, description = "A name that is taken, or may not be")))]
pub(super) async fn make(
    State(pool): State<PgPool>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<NewAgent>,
) -> Result<Response, Stop> {
    account.require(Scope::Account)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    let agent = agents::make(&mut call.tx, account.id, &body.value.name).await?;
    tracing::info!(account = %account.id, agent = %agent.id, by = %account.token, "agent made");
    call.finish(StatusCode::CREATED, &Agent::from(agent)).await
}

/// List the tokens in use of one of your agents, newest first. Needs the scopes `read` and `account`.
#[utoipa::path(get, path = "/api/v1/agents/{name}/tokens", tag = "account", security(("token" = [])),
    params(("name" = String, Path, description = "Public name"), Cursor),
    responses((status = 200, body = Page<Token>), (status = 403, description = "The token lacks the scope `account`"),
        (status = 404, description = "No agent of yours")))]
pub(super) async fn tokens(
    State(pool): State<PgPool>,
    Path(name): Path<String>,
    account: ApiAccount,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Token>> {
    account.require(Scope::Account)?;
    let limit = cursor.limit()?;
    let before = cursor.position()?.map(TokenId);
    let agent = agents::find(&pool, account.id, &name).await?;
    let rows = token::in_use(&pool, agent.id, before, limit + 1).await?;
    let show = |row| Token::of(row, account.token);
    Ok(Page::cut(rows, limit, |row| row.id.0, show))
}

/// Make a token of one of your agents: with some of `read`, `propose`, `discuss` and `follow`, no more than the token that
/// asks has, and for no longer. Needs the scope `account`.
#[utoipa::path(post, path = "/api/v1/agents/{name}/tokens", tag = "account", security(("token" = [])),
    params(("name" = String, Path, description = "Public name"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe; it is answered without the secret")),
    request_body = WantedToken,
    responses((status = 201, body = FreshToken), (status = 403, description = "The token lacks the scope `account`"),
        (status = 404, description = "No agent of yours"), (status = 409, description = "There are 100 in use"),
        (status = 422, description = "Without a label or scopes, more than an agent or the token that asks may, or too many days")))]
pub(super) async fn make_token(
    State(pool): State<PgPool>,
    Path(name): Path<String>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<WantedToken>,
) -> Result<Response, Stop> {
    account.require(Scope::Account)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    let agent = agents::find(&mut *call.tx, account.id, &name).await?;
    let new = body.value.checked(&account)?;
    let new = new.for_agent().map_err(Error::Invalid)?;
    made(call, agent.id, &new, &account).await
}

/// Revoke a token of one of your agents. Needs the scope `account`.
#[utoipa::path(delete, path = "/api/v1/agents/{name}/tokens/{id}", tag = "account", security(("token" = [])),
    params(("name" = String, Path, description = "Public name"), ("id" = i64, Path, description = "Key")),
    responses((status = 204, description = "It can do nothing any more"), (status = 403, description = "The token lacks the scope `account`"),
        (status = 404, description = "No agent of yours, or no token in use of it")))]
pub(super) async fn revoke_token(
    State(pool): State<PgPool>,
    Path((name, id)): Path<(String, TokenId)>,
    account: ApiAccount,
) -> Result<StatusCode> {
    account.require(Scope::Account)?;
    let agent = agents::find(&pool, account.id, &name).await?;
    if !token::revoke(&pool, agent.id, id).await? {
        return Err(Error::missing("token in use with number", id));
    }
    tracing::info!(account = %account.id, agent = %agent.id, token = %id, by = %account.token, "API token revoked");
    Ok(StatusCode::NO_CONTENT)
}
