//! Refuses changes that another site's page sends with a visitor's cookie.
//!
//! By `Sec-Fetch-Site` and `Origin`, without tokens. A proxy in front must pass
//! `Host` and `Origin` unchanged. Requests with neither header (scripts) pass:
//! they bring no cookie, and no handler changes anything by GET, but for coming back
//! from another site that says who somebody is (`pages/sign_with.rs`).

use crate::config::Settings;
use tower_http::csrf::CsrfLayer;

/// The layer; the public address is trusted even where a proxy rewrites `Host`.
pub fn layer(settings: &Settings) -> CsrfLayer {
    let origin = settings.public_url.trim_end_matches('/');
    CsrfLayer::new()
        .add_trusted_origin(origin)
        .unwrap_or_else(|error| {
            tracing::warn!(%error, "public URL {origin:?} is not an origin; only same-origin requests may change anything");
            CsrfLayer::new()
        })
}
