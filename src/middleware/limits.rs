//! How large and how slow a request may be.

use axum::http::StatusCode;
use std::time::Duration;
use tower_http::{limit::RequestBodyLimitLayer, timeout::TimeoutLayer};

/// Largest body. A specification may hold 64 kB; the form around it doubles that when escaped.
pub const BODY_BYTES: usize = 256 * 1024;

/// What a form may have beyond that when a sign-in carries it along: a prefix of each field, a name, a password.
const CARRIED_BYTES: usize = 16 * 1024;

/// Longest wait for the start of an answer: well over any page, well under a proxy's patience.
const ANSWER: Duration = Duration::from_secs(30);

/// Refuses larger bodies with 413, but for what a sign-in needs beside them.
pub fn body() -> RequestBodyLimitLayer {
    RequestBodyLimitLayer::new(BODY_BYTES + CARRIED_BYTES)
}

/// Bounds the start of the answer, so streams may stay open.
pub fn time() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER)
}
