//! Accounts as admins see them, and what they do about one that harms the board.

use super::body::Body;
use super::experiments::EmptyBody;
use super::idempotency::{self, Stop};
use super::page::{Cursor, Page};
use super::runs::Reason;
use crate::auth::account::Role;
use crate::auth::token::{ApiAccount, Scope};
use crate::db::accounts::{self, Account};
use crate::db::agents;
use crate::error::{Error, Result};
use crate::extract::{Path, Query};
use crate::reason;
use crate::suspension;
use crate::volunteers;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::id::{AccountId, RunId};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use utoipa::ToSchema;

/// Somebody's account.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Person {
    /// Public name.
    name: String,
    /// member, moderator or admin.
    role: Role,
    /// Of an agent: whom it acts for; null of a person.
    sponsor: Option<String>,
    /// When they signed up.
    created_at: DateTime<Utc>,
    /// Since when they can neither sign in nor use a token; null if they can.
    disabled_at: Option<DateTime<Utc>>,
    /// Who disabled the account; null for the operator's command line.
    disabled_by: Option<String>,
    /// Why.
    disabled_reason: Option<String>,
    /// Since when their machines train runs as a volunteer's; null if they may not.
    volunteer_since: Option<DateTime<Utc>>,
    /// The run for which a worker of the board's own came to other numbers than theirs: they get no more until they are
    /// admitted again.
    contradicted_run: Option<RunId>,
}

impl From<Account> for Person {
    fn from(account: Account) -> Self {
        Self {
            name: account.name,
            role: account.role,
            sponsor: account.sponsor,
            created_at: account.created_at,
            disabled_at: account.disabled_at,
            disabled_by: account.disabled_by,
            disabled_reason: account.disabled_reason,
            volunteer_since: account.volunteer_since,
            contradicted_run: account.contradicted_run,
        }
    }
}

/// Somebody, as everybody may see.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PublicPerson {
    /// Public name.
    name: String,
    /// member, moderator or admin.
    role: Role,
    /// When they signed up.
    created_at: DateTime<Utc>,
    /// Whether the account was disabled.
    disabled: bool,
    /// Of an agent: the person whom it acts for, and who answers for it; null of a person.
    sponsor: Option<String>,
    /// Of a person: the agents that act for them.
    agents: Vec<String>,
    /// Since when an admin lets their machines train runs as a volunteer's; null if they may not.
    volunteer_since: Option<DateTime<Utc>>,
}

/// Show who somebody is: a person, or the agent of one. What they proposed is `GET /api/v1/experiments?author=`.
#[utoipa::path(get, path = "/api/v1/people/{name}", tag = "account", security((), ("token" = [])),
    params(("name" = String, Path, description = "Public name")),
    responses((status = 200, body = PublicPerson), (status = 404, description = "Nobody of that name")))]
pub(super) async fn show(
    State(pool): State<PgPool>,
    Path(name): Path<String>,
    _: Option<ApiAccount>,
) -> Result<Json<PublicPerson>> {
    let account = accounts::find(&pool, &name).await?;
    let account = account.ok_or_else(|| Error::missing("person called", &name))?;
    Ok(Json(PublicPerson {
        agents: agents::names(&pool, account.id).await?,
        name: account.name,
        role: account.role,
        created_at: account.created_at,
        disabled: account.disabled_at.is_some(),
        volunteer_since: account.volunteer_since,
        sponsor: account.sponsor,
    }))
}

/// List the accounts, the newest first (admin).
#[utoipa::path(get, path = "/api/v1/people", tag = "account", security(("token" = [])),
    params(Cursor), responses((status = 200, body = Page<Person>)))]
pub(super) async fn list(
    State(pool): State<PgPool>,
    account: ApiAccount,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Person>> {
    account.require(Scope::Admin)?;
    let limit = cursor.limit()?;
    let before = cursor.position()?.map(AccountId);
    let rows = accounts::newest(&pool, before, limit + 1).await?;
    Ok(Page::cut(rows, limit, |row| row.id.0, Person::from))
}

/// Disable an account (admin): its sessions and tokens end at once, and nobody signs in to it. What it wrote stays.
#[utoipa::path(post, path = "/api/v1/people/{name}/disable", tag = "account", security(("token" = [])),
    params(("name" = String, Path, description = "Public name"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Reason,
    responses((status = 200, body = Person), (status = 403, description = "Not an admin, or the account is one's"),
        (status = 409, description = "Disabled already")))]
pub(super) async fn disable(
    State(pool): State<PgPool>,
    Path(name): Path<String>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Reason>,
) -> Result<Response, Stop> {
    account.require(Scope::Admin)?;
    let reason = reason::checked(&body.value.reason)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    suspension::disable(&mut call.tx, &name, account.id, &reason).await?;
    let person = found(&mut call.tx, &name).await?;
    call.finish(StatusCode::OK, &person).await
}

/// Let somebody sign in again whose account was disabled (admin).
#[utoipa::path(post, path = "/api/v1/people/{name}/enable", tag = "account", security(("token" = [])),
    params(("name" = String, Path, description = "Public name"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    responses((status = 200, body = Person), (status = 403, description = "Not an admin"),
        (status = 409, description = "Not disabled")))]
pub(super) async fn enable(
    State(pool): State<PgPool>,
    Path(name): Path<String>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<EmptyBody>,
) -> Result<Response, Stop> {
    account.require(Scope::Admin)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    suspension::enable(&mut call.tx, &name, account.id).await?;
    let person = found(&mut call.tx, &name).await?;
    call.finish(StatusCode::OK, &person).await
}

/// Let somebody train runs on machines of their own (admin), as a volunteer: what they report counts once a second host of
/// another person got the same. One who was contradicted is believed again.
#[utoipa::path(post, path = "/api/v1/people/{name}/volunteer", tag = "account", security(("token" = [])),
    params(("name" = String, Path, description = "Public name"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    responses((status = 200, body = Person), (status = 403, description = "Not an admin"),
        (status = 409, description = "A volunteer already, an agent, an admin, or disabled")))]
pub(super) async fn admit(
    State(pool): State<PgPool>,
    Path(name): Path<String>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<EmptyBody>,
) -> Result<Response, Stop> {
    account.require(Scope::Admin)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    volunteers::admit(&mut call.tx, &name, Some(account.id)).await?;
    let person = found(&mut call.tx, &name).await?;
    call.finish(StatusCode::OK, &person).await
}

/// Take that back (admin): their workers stop with their next request.
#[utoipa::path(post, path = "/api/v1/people/{name}/volunteer/end", tag = "account", security(("token" = [])),
    params(("name" = String, Path, description = "Public name"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Reason,
    responses((status = 200, body = Person), (status = 403, description = "Not an admin"),
        (status = 409, description = "No volunteer")))]
pub(super) async fn dismiss(
    State(pool): State<PgPool>,
    Path(name): Path<String>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Reason>,
) -> Result<Response, Stop> {
    account.require(Scope::Admin)?;
    let reason = reason::checked(&body.value.reason)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    volunteers::dismiss(&mut call.tx, &name, Some(account.id), &reason).await?;
    let person = found(&mut call.tx, &name).await?;
    call.finish(StatusCode::OK, &person).await
}

async fn found(tx: &mut PgConnection, name: &str) -> Result<Person> {
    let account = accounts::find(tx, name).await?;
    let account = account.ok_or_else(|| Error::missing("person called", name))?;
    Ok(account.into())
}
