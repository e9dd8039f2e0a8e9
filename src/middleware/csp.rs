//! Security headers of every answer.

use crate::state::AppState;
use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};

/// Nothing is allowed but what the site itself serves. No inline script, no
/// inline style, no frame, no plugin, no third party.
const CSP: &str = "default-src 'none'; \
    script-src 'self'; \
    style-src 'self'; \
    img-src 'self'; \
    manifest-src 'self'; \
    connect-src 'self'; \
    form-action 'self'; \
    base-uri 'none'; \
    frame-ancestors 'none'";

/// Of a card in another site's frame: our stylesheet, nothing else, and any site may frame it.
const CSP_FRAME: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors *";

/// Marks an answer that other sites may show on their pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elsewhere {
    /// As a picture, or read by a script of theirs.
    Picture,
    /// In a frame.
    Frame,
}

/// A year. Not for subdomains: those are other sites of the operator.
const HSTS: &str = "max-age=31536000";

/// Adds the headers; HSTS only where people come over https.
pub async fn headers(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let elsewhere = response.extensions().get::<Elsewhere>().copied();
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    let framed = elsewhere == Some(Elsewhere::Frame);
    set(
        header::CONTENT_SECURITY_POLICY,
        if framed { CSP_FRAME } else { CSP },
    );
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "strict-origin-when-cross-origin");
    if !framed {
        set(header::X_FRAME_OPTIONS, "DENY");
    }
    if elsewhere == Some(Elsewhere::Picture) {
        set(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    }
    set(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    set(
        HeaderName::from_static("cross-origin-resource-policy"),
        match elsewhere {
            Some(_) => "cross-origin",
            None => "same-origin",
        },
    );
    set(
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    );
    if state.settings.https() {
        set(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    response
}
