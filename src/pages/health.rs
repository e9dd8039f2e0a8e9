//! For whoever watches the process: does it live, can it work.

use crate::state::AppState;
use axum::{extract::State, http::StatusCode};
use std::time::Duration;

/// Longest wait for the database; a probe that hangs tells nothing.
const PATIENCE: Duration = Duration::from_secs(2);

/// The process lives.
pub async fn healthz() -> &'static str {
    "alive\n"
}

/// The database answers and every migration is done.
pub async fn readyz(State(state): State<AppState>) -> (StatusCode, &'static str) {
    let migrated =
        sqlx::query_scalar!(r#"select to_regclass('queue_control') is not null as "migrated!""#)
            .fetch_one(&state.pool);
    match tokio::time::timeout(PATIENCE, migrated).await {
        Ok(Ok(true)) => (StatusCode::OK, "ready\n"),
        Ok(Ok(false)) => (StatusCode::SERVICE_UNAVAILABLE, "migrations are missing\n"),
        _ => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the database does not answer\n",
        ),
    }
}
