//! Where the owner of the token wants mail, and which.

use super::body::Body;
use super::idempotency::{self, Stop};
use crate::auth::token::{ApiAccount, Scope};
use crate::db::mail::{self as table, Wish};
use crate::error::Result;
use crate::mail::wishes;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::id::AccountId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgExecutor;
use utoipa::ToSchema;

/// Where mail goes, and which.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Mail {
    /// Whether this board sends mail at all.
    available: bool,
    /// The address; null if none was given.
    address: Option<String>,
    /// When that was confirmed by the link that was mailed there; before, nothing else is sent to it.
    confirmed_at: Option<DateTime<Utc>>,
    /// verdicts (one mail each), digest (one a day of all that is new) or none.
    wish: Wish,
}

impl Mail {
    async fn of(state: &AppState, db: impl PgExecutor<'_>, account: AccountId) -> Result<Self> {
        let mailbox = table::mailbox(db, account).await?;
        Ok(Self {
            available: state.settings.sends_mail(),
            confirmed_at: mailbox.as_ref().and_then(|mailbox| mailbox.confirmed_at),
            wish: mailbox.as_ref().map_or(Wish::None, |mailbox| mailbox.wish),
            address: mailbox.map(|mailbox| mailbox.address),
        })
    }
}

/// Show where mail to the owner of the token goes, and which.
#[utoipa::path(get, path = "/api/v1/mail", tag = "following", security(("token" = [])),
    responses((status = 200, body = Mail)))]
pub(super) async fn show(State(state): State<AppState>, account: ApiAccount) -> Result<Json<Mail>> {
    Ok(Json(Mail::of(&state, &state.pool, account.id).await?))
}

/// Where mail is to go, and which.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewMail {
    /// The address; empty to forget it. Another one than before is asked to confirm by mail.
    address: String,
    /// verdicts, digest or none.
    wish: Wish,
}

/// Say where mail is to go, and which.
#[utoipa::path(post, path = "/api/v1/mail", tag = "following", security(("token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = NewMail,
    responses((status = 200, body = Mail), (status = 409, description = "This board sends no mail"),
        (status = 422, description = "No address"), (status = 429, description = "Asked to confirm too often")))]
pub(super) async fn set(
    State(state): State<AppState>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<NewMail>,
) -> Result<Response, Stop> {
    account.require(Scope::Follow)?;
    account.person("gets no mail")?;
    let mut call = idempotency::begin(&state.pool, &account, &headers, &body.fingerprint).await?;
    let new = body.value;
    wishes::store(
        &mut call.tx,
        &state.settings,
        account.id,
        &new.address,
        new.wish,
    )
    .await?;
    let mail = Mail::of(&state, &mut *call.tx, account.id).await?;
    call.finish(StatusCode::OK, &mail).await
}
