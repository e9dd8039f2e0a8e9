//! Invitations to sign up.

use super::body::Body;
use super::idempotency::{self, Stop};
use super::page::{Cursor, Page};
use crate::auth::invitation::{self, NewInvitation, Row};
use crate::auth::token::{ApiAccount, Scope};
use crate::error::{Error, Result};
use crate::extract::{Path, Query};
use crate::state::AppState;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::id::InvitationId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::ToSchema;

/// An invitation that can be used still.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Invitation {
    /// Names it for revoking.
    id: InvitationId,
    /// Whom it is for.
    note: String,
    /// The admin who made it; null for the operator's command line.
    made_by: Option<String>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it ends.
    expires_at: DateTime<Utc>,
}

impl From<Row> for Invitation {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            note: row.note,
            made_by: row.made_by,
            created_at: row.created_at,
            expires_at: row.expires_at,
        }
    }
}

/// List the invitations that can be used still, newest first (admin).
#[utoipa::path(get, path = "/api/v1/invitations", tag = "account", security(("token" = [])),
    params(Cursor), responses((status = 200, body = Page<Invitation>), (status = 403, description = "Not an admin")))]
pub(super) async fn list(
    State(pool): State<PgPool>,
    account: ApiAccount,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Invitation>> {
    account.require(Scope::Admin)?;
    let limit = cursor.limit()?;
    let before = cursor.position()?.map(InvitationId);
    let rows = invitation::open(&pool, before, limit + 1).await?;
    Ok(Page::cut(rows, limit, |row| row.id.0, Invitation::from))
}

/// An invitation to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedInvitation {
    /// Whom it is for, in 1 to 100 characters.
    note: String,
    /// Days until it ends, 1 to 90; 14 if not given.
    #[serde(default = "usual_days")]
    #[schema(minimum = 1, maximum = 90, default = 14)]
    days: i32,
}

fn usual_days() -> i32 {
    invitation::DAYS
}

/// An invitation that was just made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct FreshInvitation {
    /// The link with which one person signs up: the only time anybody sees it. Null where the request was a repetition.
    url: Option<String>,
    /// Names it for revoking.
    id: InvitationId,
    /// When it ends.
    expires_at: DateTime<Utc>,
}

/// Make a link with which one person signs up, once (admin).
#[utoipa::path(post, path = "/api/v1/invitations", tag = "account", security(("token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe; it is answered without the link")),
    request_body = WantedInvitation,
    responses((status = 201, body = FreshInvitation), (status = 403, description = "Not an admin"),
        (status = 409, description = "There are 200 open"), (status = 422, description = "Without a note, or too many days")))]
pub(super) async fn make(
    State(state): State<AppState>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<WantedInvitation>,
) -> Result<Response, Stop> {
    account.require(Scope::Admin)?;
    let mut call = idempotency::begin(&state.pool, &account, &headers, &body.fingerprint).await?;
    let wanted = body.value;
    let new = NewInvitation::checked(&wanted.note, wanted.days).map_err(Error::Invalid)?;
    let made = invitation::create(&mut call.tx, &new, Some(account.id))
        .await?
        .ok_or_else(|| Error::Conflict(invitation::too_many()))?;
    let again = FreshInvitation {
        url: None,
        id: made.id,
        expires_at: made.expires_at,
    };
    let fresh = FreshInvitation {
        url: Some(state.settings.address(&invitation::path(&made.code))),
        ..again.clone()
    };
    tracing::info!(account = %account.id, invitation = %made.id, "invitation made");
    call.finish_once(StatusCode::CREATED, &fresh, &again).await
}

/// Take an invitation back (admin).
#[utoipa::path(delete, path = "/api/v1/invitations/{id}", tag = "account", security(("token" = [])),
    params(("id" = i64, Path, description = "Key")),
    responses((status = 204, description = "Nobody signs up with it any more"), (status = 403, description = "Not an admin"),
        (status = 404, description = "No open invitation")))]
pub(super) async fn revoke(
    State(pool): State<PgPool>,
    Path(id): Path<InvitationId>,
    account: ApiAccount,
) -> Result<StatusCode> {
    account.require(Scope::Admin)?;
    if !invitation::revoke(&pool, id).await? {
        return Err(Error::missing("open invitation with number", id));
    }
    tracing::info!(account = %account.id, invitation = %id, "invitation revoked");
    Ok(StatusCode::NO_CONTENT)
}
