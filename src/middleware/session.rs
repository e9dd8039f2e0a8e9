//! Finds out who is asking, once a request, from the session cookie.

use crate::{
    auth::{
        client::Client,
        session::{self, Viewer},
    },
    error::Error,
    state::AppState,
};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use axum_extra::extract::CookieJar;

/// Puts the [`Viewer`], and where the record ends, into the extensions of request and response.
///
/// Without a cookie nothing is asked of the database. The response carries both
/// too, so that an error page made further out has the frame of every page.
pub async fn load(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let head = state.noted.head();
    if let Some(head) = &head {
        request.extensions_mut().insert(head.clone());
    }
    let mut response = load_viewer(&state, request, next).await;
    if let Some(head) = head {
        response.extensions_mut().insert(head);
    }
    response
}

async fn load_viewer(state: &AppState, mut request: Request, next: Next) -> Response {
    let cookies = CookieJar::from_headers(request.headers());
    let viewer = match session::token_in(&cookies, &state.settings) {
        None => None,
        Some(token) => {
            let client = Client::of(request.extensions(), request.headers(), &state.settings);
            match session::find(&state.pool, token, &client).await {
                Ok(viewer) => viewer.map(|viewer| viewer.held_to(&state.settings)),
                Err(error) => return Error::from(error).into_response(),
            }
        }
    };
    let Some(viewer) = viewer else {
        return next.run(request).await;
    };
    request.extensions_mut().insert::<Viewer>(viewer.clone());
    let mut response = next.run(request).await;
    response.extensions_mut().insert(viewer);
    response
}
