//! Webhooks of whoever owns the token.

use super::body::Body;
use super::experiments::EmptyBody;
use super::idempotency::{self, Stop};
use super::page::{Cursor, Page};
use crate::auth::token::{ApiAccount, Scope};
use crate::db::webhooks::log::{self, State as DeliveryState, Try};
use crate::db::webhooks::{self as table, Paused, What};
use crate::error::Result;
use crate::extract::{Path, Query};
use crate::state::AppState;
use crate::webhooks::manage::{self, Change};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::id::{DeliveryId, NewsId, WebhookId};
use breakmywork_protocol::news;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::ToSchema;

/// An address that is told what comes into the inbox of its owner.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Webhook {
    /// Names it.
    id: WebhookId,
    /// Where requests go.
    url: String,
    /// verdicts: results and standings only; or all that the inbox gets.
    what: What,
    /// Why nothing is sent: its owner wanted that, 20 deliveries in a row failed, or the receiver said 410; null while it is in use.
    paused: Option<Paused>,
    /// Deliveries that failed since the last one that was taken.
    failures: i32,
    /// Until when requests are signed with the secret before, too; null if they are not.
    old_secret_until: Option<DateTime<Utc>>,
    /// Since when it is there.
    created_at: DateTime<Utc>,
}

impl From<table::Webhook> for Webhook {
    fn from(row: table::Webhook) -> Self {
        Self {
            id: row.id,
            url: row.url,
            what: row.what,
            paused: row.paused,
            failures: row.failures,
            old_secret_until: row.before_until,
            created_at: row.created_at,
        }
    }
}

/// Something that is sent to a webhook, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WebhookDelivery {
    /// Names it in addresses.
    id: DeliveryId,
    /// Names it to the receiver: `id` of the body and `Webhook-Id`, the same at every try.
    message: String,
    /// What happened; null of a test.
    kind: Option<news::Kind>,
    /// The notice of the inbox that it tells of; null of a test.
    notice: Option<NewsId>,
    /// waiting, sent, failed or dropped.
    state: DeliveryState,
    /// When it is tried next; null if it is not.
    next_at: Option<DateTime<Utc>>,
    /// The last tries, the first of them first; 21 at most.
    tries: Vec<Try>,
    /// Why it was dropped.
    reason: Option<String>,
    /// When there was something to send.
    created_at: DateTime<Utc>,
}

impl From<log::Delivery> for WebhookDelivery {
    fn from(row: log::Delivery) -> Self {
        Self {
            id: row.id,
            message: row.name(),
            kind: row.kind,
            notice: row.news,
            next_at: (row.state == DeliveryState::Waiting).then_some(row.next_at),
            state: row.state,
            tries: row.tries.0,
            reason: row.reason,
            created_at: row.created_at,
        }
    }
}

/// List the webhooks of whoever owns the token, the oldest first; there are five at most. Needs the scopes `read` and `account`.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "following", security(("token" = [])),
    params(Cursor),
    responses((status = 200, body = Page<Webhook>), (status = 403, description = "The token lacks the scope `account`")))]
pub(super) async fn list(
    State(pool): State<PgPool>,
    account: ApiAccount,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Webhook>> {
    account.require(Scope::Account)?;
    let rows = table::list(&pool, account.id).await?;
    Page::within(rows, &cursor, |row| row.id, Webhook::from)
}

/// A webhook to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewWebhook {
    /// A public https address, without a name or password in it.
    #[schema(max_length = 500)]
    url: String,
    /// verdicts (results and standings only; if not given) or all that the inbox gets.
    #[serde(default)]
    #[schema(default = "verdicts")]
    what: What,
}

/// A webhook that was just added.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct FreshWebhook {
    /// What its requests are signed with: the only time anybody sees it. Null where the request was a repetition.
    secret: Option<String>,
    /// Names it.
    id: WebhookId,
}

/// Add a webhook: what comes into one's inbox is sent there, signed. Needs the scope `account`.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "following", security(("token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe; it is answered without the secret")),
    request_body = NewWebhook,
    responses((status = 201, body = FreshWebhook), (status = 403, description = "The token lacks the scope `account`"),
        (status = 409, description = "There are five, or this board has no webhooks"),
        (status = 422, description = "No public https address")))]
pub(super) async fn add(
    State(state): State<AppState>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<NewWebhook>,
) -> Result<Response, Stop> {
    account.require(Scope::Account)?;
    let mut call = idempotency::begin(&state.pool, &account, &headers, &body.fingerprint).await?;
    let new = body.value;
    let settings = &state.settings;
    let added = manage::add(&mut call.tx, settings, account.id, &new.url, new.what).await?;
    tracing::info!(account = %account.id, webhook = %added.id, by = %account.token, "webhook added");
    let again = FreshWebhook {
        secret: None,
        id: added.id,
    };
    let fresh = FreshWebhook {
        secret: Some(added.secret),
        ..again.clone()
    };
    call.finish_once(StatusCode::CREATED, &fresh, &again).await
}

/// Show a webhook. Needs the scopes `read` and `account`.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", tag = "following", security(("token" = [])),
    params(("id" = i64, Path, description = "Key")),
    responses((status = 200, body = Webhook), (status = 403, description = "The token lacks the scope `account`"),
        (status = 404, description = "No webhook of yours")))]
pub(super) async fn show(
    State(pool): State<PgPool>,
    Path(id): Path<WebhookId>,
    account: ApiAccount,
) -> Result<Json<Webhook>> {
    account.require(Scope::Account)?;
    Ok(Json(manage::own(&pool, account.id, id).await?.into()))
}

/// What is to become of a webhook; what is not named stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangedWebhook {
    /// Another address.
    #[schema(max_length = 500)]
    url: Option<String>,
    /// What it is told of.
    what: Option<What>,
    /// true: nothing is sent any more, and what waits is dropped; false: it is sent from now on, also after failures.
    paused: Option<bool>,
}

/// Change a webhook: its address, what it is told of, whether it rests. Needs the scope `account`.
#[utoipa::path(patch, path = "/api/v1/webhooks/{id}", tag = "following", security(("token" = [])),
    params(("id" = i64, Path, description = "Key")), request_body = ChangedWebhook,
    responses((status = 200, body = Webhook), (status = 403, description = "The token lacks the scope `account`"),
        (status = 404, description = "No webhook of yours"), (status = 409, description = "This board has no webhooks"),
        (status = 422, description = "No public https address")))]
pub(super) async fn change(
    State(state): State<AppState>,
    Path(id): Path<WebhookId>,
    account: ApiAccount,
    body: Body<ChangedWebhook>,
) -> Result<Json<Webhook>> {
    account.require(Scope::Account)?;
    let change = Change {
        url: body.value.url,
        what: body.value.what,
        paused: body.value.paused,
    };
    let mut tx = state.pool.begin().await?;
    let changed = manage::change(&mut tx, &state.settings, account.id, id, &change).await?;
    tx.commit().await?;
    tracing::info!(account = %account.id, webhook = %id, by = %account.token, "webhook changed");
    Ok(Json(changed.into()))
}

/// Remove a webhook with its log; nothing is sent to it any more. Needs the scope `account`.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "following", security(("token" = [])),
    params(("id" = i64, Path, description = "Key")),
    responses((status = 204, description = "It is gone"), (status = 403, description = "The token lacks the scope `account`"),
        (status = 404, description = "No webhook of yours")))]
pub(super) async fn remove(
    State(pool): State<PgPool>,
    Path(id): Path<WebhookId>,
    account: ApiAccount,
) -> Result<StatusCode> {
    account.require(Scope::Account)?;
    if !table::remove(&pool, account.id, id).await? {
        return Err(manage::missing(id));
    }
    tracing::info!(account = %account.id, webhook = %id, by = %account.token, "webhook removed");
    Ok(StatusCode::NO_CONTENT)
}

/// Another secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct FreshWebhookSecret {
    /// What requests are signed with from now on: the only time anybody sees it. Null where the request was a repetition.
    secret: Option<String>,
    /// Until when they are signed with the secret before, too.
    old_secret_until: DateTime<Utc>,
}

/// Give a webhook another secret; for a day its requests are signed with both. Needs the scope `account`.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/rotate", tag = "following", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe; it is answered without the secret")),
    request_body = Option<EmptyBody>,
    responses((status = 200, body = FreshWebhookSecret), (status = 403, description = "The token lacks the scope `account`"),
        (status = 404, description = "No webhook of yours")))]
pub(super) async fn rotate(
    State(state): State<AppState>,
    Path(id): Path<WebhookId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<EmptyBody>,
) -> Result<Response, Stop> {
    account.require(Scope::Account)?;
    let mut call = idempotency::begin(&state.pool, &account, &headers, &body.fingerprint).await?;
    let settings = &state.settings;
    let (secret, old_secret_until) = manage::rotate(&mut call.tx, settings, account.id, id).await?;
    tracing::info!(account = %account.id, webhook = %id, by = %account.token, "webhook's secret changed");
    let again = FreshWebhookSecret {
        secret: None,
        old_secret_until,
    };
    let fresh = FreshWebhookSecret {
        secret: Some(secret),
        ..again.clone()
    };
    call.finish_once(StatusCode::OK, &fresh, &again).await
}

/// Send a test to a webhook, also to one that is paused: a delivery of the kind `ping`, sent once. Needs the scope `account`.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/test", tag = "following", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Option<EmptyBody>,
    responses((status = 201, body = WebhookDelivery, description = "It waits to be sent, a few seconds"),
        (status = 403, description = "The token lacks the scope `account`"), (status = 404, description = "No webhook of yours"),
        (status = 409, description = "A test is on its way, or this board has no webhooks")))]
pub(super) async fn test(
    State(state): State<AppState>,
    Path(id): Path<WebhookId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<EmptyBody>,
) -> Result<Response, Stop> {
    account.require(Scope::Account)?;
    let mut call = idempotency::begin(&state.pool, &account, &headers, &body.fingerprint).await?;
    let queued = manage::ping(&mut call.tx, &state.settings, account.id, id).await?;
    call.finish(StatusCode::CREATED, &WebhookDelivery::from(queued))
        .await
}

/// List what was sent to a webhook and what waits, newest first: the last hundred of thirty days. Needs the scopes `read` and
/// `account`.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/deliveries", tag = "following", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), Cursor),
    responses((status = 200, body = Page<WebhookDelivery>), (status = 403, description = "The token lacks the scope `account`"),
        (status = 404, description = "No webhook of yours")))]
pub(super) async fn deliveries(
    State(pool): State<PgPool>,
    Path(id): Path<WebhookId>,
    account: ApiAccount,
    Query(cursor): Query<Cursor>,
) -> Result<Page<WebhookDelivery>> {
    account.require(Scope::Account)?;
    let limit = cursor.limit()?;
    let before = DeliveryId(cursor.position()?.unwrap_or(i64::MAX));
    manage::own(&pool, account.id, id).await?;
    let rows = log::page(&pool, id, before, limit + 1).await?;
    Ok(Page::cut(
        rows,
        limit,
        |row| row.id.0,
        WebhookDelivery::from,
    ))
}

/// Send something to a webhook once more, by the same name. Needs the scope `account`.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/deliveries/{delivery}/again", tag = "following", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("delivery" = i64, Path, description = "Key of what was sent"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Option<EmptyBody>,
    responses((status = 200, body = WebhookDelivery), (status = 403, description = "The token lacks the scope `account`"),
        (status = 404, description = "Nothing that was sent to a webhook of yours"),
        (status = 409, description = "It waits already, was a test, the webhook is paused, or this board has no webhooks")))]
pub(super) async fn again(
    State(state): State<AppState>,
    Path((id, delivery)): Path<(WebhookId, DeliveryId)>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<EmptyBody>,
) -> Result<Response, Stop> {
    account.require(Scope::Account)?;
    let mut call = idempotency::begin(&state.pool, &account, &headers, &body.fingerprint).await?;
    let queued = manage::again(&mut call.tx, &state.settings, account.id, id, delivery).await?;
    call.finish(StatusCode::OK, &WebhookDelivery::from(queued))
        .await
}
