//! Every route of the site on one page.

use crate::{
    assets,
    middleware::{csp, csrf, errors, limits, request_log, session},
    state::AppState,
};
use axum::{Router, extract::DefaultBodyLimit, middleware::from_fn, middleware::from_fn_with_state};
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};

/// The whole site.
pub fn app(state: AppState) -> Router {
    let site = pages()
        .fallback(crate::pages::error::nothing_here)
        // Innermost last: what refuses stands inside what explains refusals.
        .layer(from_fn_with_state(state.clone(), session::load))
        .layer(csrf::layer(&state.settings))
        .layer(DefaultBodyLimit::disable())
        .layer(limits::body())
        .layer(limits::time())
        .layer(CatchPanicLayer::new())
        .layer(from_fn(errors::explain));
    Router::new()
        .nest("/static", assets::router())
        .merge(site)
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(state.clone(), csp::headers))
        .layer(request_log::log())
        .layer(request_log::propagate_id())
        .layer(request_log::set_id())
        .with_state(state)
}

fn pages() -> Router<AppState> {
    Router::new()
}
