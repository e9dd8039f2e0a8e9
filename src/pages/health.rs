//! For whoever watches the process: does it live, can it work.

use crate::state::AppState;
use axum::{extract::State, http::StatusCode};
use breakmywork_protocol::db::{self, Mismatch};
use std::time::Duration;

/// Longest wait for the database; a probe that hangs tells nothing.
const PATIENCE: Duration = Duration::from_secs(2);

/// The process lives.
pub async fn healthz() -> &'static str {
    "alive\n"
}

/// The database answers, and has the migrations of this program and no others; else what is the matter and the
/// command that mends it.
pub async fn readyz(State(state): State<AppState>) -> (StatusCode, String) {
    let not_ready = |reason: String| (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n"));
    match tokio::time::timeout(PATIENCE, db::schema_fits(&state.pool)).await {
        Ok(Ok(())) => (StatusCode::OK, "ready\n".to_owned()),
        Ok(Err(Mismatch::Unknown(error))) => {
            tracing::warn!("not ready: {error}");
            not_ready("The database does not answer.".to_owned())
        }
        Ok(Err(mismatch)) => not_ready(mismatch.to_string()),
        Err(_) => not_ready("The database does not answer.".to_owned()),
    }
}
