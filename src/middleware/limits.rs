//! How large and how slow a request may be; [`crate::extract::body`] holds bodies to it.

use axum::http::StatusCode;
use std::time::Duration;
use tower_http::timeout::TimeoutLayer;

/// Largest body. A specification may hold 64 kB; the form around it doubles that when escaped.
pub const BODY_BYTES: usize = 256 * 1024;

/// What a form may have beyond that when a sign-in carries it along: a prefix of each field, a name, a password.
const CARRIED_BYTES: usize = 16 * 1024;

/// Longest wait for the whole of a body: 13 kB a second at the largest, and shorter than the wait for an answer.
pub const BODY: Duration = Duration::from_secs(20);

/// Longest wait for the start of an answer: well over any page, well under a proxy's patience.
const ANSWER: Duration = Duration::from_secs(30);

/// Largest body of a form that carries another one through a sign-in.
pub const FORM_BYTES: usize = BODY_BYTES + CARRIED_BYTES;

/// Bounds the start of the answer, so streams may stay open.
pub fn time() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER)
}
