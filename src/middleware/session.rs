//! Finds out who is asking, once a request, from the session cookie.

use crate::{
    auth::session::{self, Viewer},
    error::Error,
    state::AppState,
};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use axum_extra::extract::CookieJar;

/// Puts the [`Viewer`] into the extensions of request and response.
///
/// Without a cookie nothing is asked of the database. The response carries the
/// viewer too, so that an error page made further out can greet them.
pub async fn load(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let cookies = CookieJar::from_headers(request.headers());
    let viewer = match session::token_in(&cookies, &state.settings) {
        None => None,
        Some(token) => match session::find(&state.pool, token).await {
            Ok(viewer) => viewer,
            Err(error) => return Error::from(error).into_response(),
        },
    };
    let Some(viewer) = viewer else {
        return next.run(request).await;
    };
    request.extensions_mut().insert::<Viewer>(viewer.clone());
    let mut response = next.run(request).await;
    response.extensions_mut().insert(viewer);
    response
}
