//! `Idempotency-Key`: a POST that is sent again gets the first answer, and acts once.
//!
//! The key is written in the transaction that acts. A second request with the same key waits at the
//! unique index until the first has committed, and then reads its answer; if the first fails, the
//! second acts. So there is no state in between that a crash could leave behind.

use crate::auth::token::ApiAccount;
use crate::error::Error;
use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use sqlx::{PgPool, PgTransaction};

const HEADER: &str = "idempotency-key";
/// Longest key, as the table's constraint has it.
const LONGEST: usize = 200;

/// Why a POST does not act.
pub(super) enum Stop {
    /// It was answered before: this is the answer.
    Replay(Response),
    /// It is refused.
    Refused(Error),
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

impl IntoResponse for Stop {
    fn into_response(self) -> Response {
        match self {
            Self::Replay(response) => response,
            Self::Refused(error) => error.into_response(),
        }
    }
}

/// A POST that acts.
pub(super) struct IdempotentCall {
    /// Everything it does, it does here.
    pub(super) tx: PgTransaction<'static>,
    key: Option<(i64, String)>,
}

/// Starts a POST of `account`.
///
/// # Errors
/// The first answer, if the key was used before; a refusal for a key that was used with another request, or one that is too long.
pub(super) async fn begin(
    pool: &PgPool,
    account: &ApiAccount,
    headers: &HeaderMap,
    fingerprint: &[u8; 32],
) -> Result<IdempotentCall, Stop> {
    let mut tx = pool.begin().await?;
    let Some(value) = headers.get(HEADER) else {
        return Ok(IdempotentCall { tx, key: None });
    };
    let key = value
        .to_str()
        .ok()
        .filter(|key| (1..=LONGEST).contains(&key.len()))
        .ok_or_else(|| {
            Error::BadRequest(format!(
                "`Idempotency-Key` must be 1 to {LONGEST} plain characters."
            ))
        })?;
    let inserted = sqlx::query!(
        "insert into idempotency_key (account_id, key, request_sha256) values ($1, $2, $3)
         on conflict (account_id, key) do nothing",
        account.id.0,
        key,
        fingerprint.as_slice(),
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if inserted == 1 {
        let key = Some((account.id.0, key.to_owned()));
        return Ok(IdempotentCall { tx, key });
    }
    let before = sqlx::query!(
        "select request_sha256, status, body from idempotency_key where account_id = $1 and key = $2",
        account.id.0,
        key,
    )
    .fetch_one(&mut *tx)
    .await?;
    if before.request_sha256 != fingerprint {
        return Err(Stop::Refused(Error::Conflict(
            "This Idempotency-Key was used with another request. Use a new key for a new request."
                .into(),
        )));
    }
    let status = before
        .status
        .and_then(|status| u16::try_from(status).ok())
        .and_then(|status| StatusCode::from_u16(status).ok())
        .unwrap_or(StatusCode::OK);
    let mut response = (status, Json(before.body)).into_response();
    response
        .headers_mut()
        .insert("idempotency-replayed", HeaderValue::from_static("true"));
    Err(Stop::Replay(response))
}

impl IdempotentCall {
    /// Commits, with the answer kept for a repetition.
    ///
    /// # Errors
    /// If the database is away: then nothing was done.
    pub(super) async fn finish(
        self,
        status: StatusCode,
        body: &impl Serialize,
    ) -> Result<Response, Stop> {
        let body = serde_json::to_value(body).map_err(Error::internal)?;
        self.finish_keeping(status, body.clone(), body).await
    }

    /// The same where a repetition gets less: a secret is answered once, and kept nowhere.
    ///
    /// # Errors
    /// If the database is away: then nothing was done.
    pub(super) async fn finish_once(
        self,
        status: StatusCode,
        body: &impl Serialize,
        again: &impl Serialize,
    ) -> Result<Response, Stop> {
        let body = serde_json::to_value(body).map_err(Error::internal)?;
        let again = serde_json::to_value(again).map_err(Error::internal)?;
        self.finish_keeping(status, body, again).await
    }

    async fn finish_keeping(
        mut self,
        status: StatusCode,
        body: Value,
        kept: Value,
    ) -> Result<Response, Stop> {
        if let Some((account, key)) = &self.key {
            sqlx::query!(
                "update idempotency_key set status = $3, body = $4 where account_id = $1 and key = $2",
                account,
                key,
                i16::try_from(status.as_u16()).unwrap_or(200),
                kept,
            )
            .execute(&mut *self.tx)
            .await?;
        }
        self.tx.commit().await?;
        Ok((status, Json(body)).into_response())
    }
}

/// Removes keys older than a day; the server calls it now and then.
///
/// # Errors
/// If the database is away.
pub async fn forget_old(pool: &PgPool) -> sqlx::Result<u64> {
    sqlx::query!("delete from idempotency_key where created_at < now() - interval '1 day'")
        .execute(pool)
        .await
        .map(|done| done.rows_affected())
}
