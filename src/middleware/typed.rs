//! Keeps what was typed into a form until its answer is known, so that no refusal loses it: not an ended session, a
//! limit, a database that is away, or a fault of ours.

use crate::{
    error::SignInNeeded,
    extract::{self, Visit},
    middleware::limits::FORM_BYTES,
    pages::{
        kept::{FORM, Kept},
        sign,
    },
    state::AppState,
};
use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::sync::{Arc, OnceLock};

/// Where the body of a form is laid down for whoever explains a refusal, further out.
#[derive(Debug, Clone, Default)]
pub struct Typed(Arc<OnceLock<(String, Bytes)>>);

impl Typed {
    /// What was typed; none if the request was no form, was refused before it was read, or held nothing.
    pub async fn kept(&self) -> Option<Kept> {
        let (to, body) = self.0.get()?;
        Kept::read(to, body.clone()).await
    }
}

/// Lays down the body of a posted form. Stands inside the check for other sites' forms, which are never shown.
pub async fn keep(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let slot = request.extensions().get::<Typed>().cloned();
    let is_form = request.method() == Method::POST
        && request
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(FORM.as_bytes()));
    let (Some(slot), true) = (slot, is_form) else {
        return next.run(request).await;
    };
    let (parts, body) = match extract::body(request, FORM_BYTES).await {
        Ok(read) => read,
        Err(refusal) => return refusal.into_response(),
    };
    let uri = parts.uri.clone();
    let _ = slot.0.set((uri.path().to_owned(), body.clone()));
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    let Some(SignInNeeded(to)) = response.extensions().get::<SignInNeeded>() else {
        return response;
    };
    // Of a button alone it is told that it did nothing.
    let kept = slot.kept().await;
    let kept = kept.unwrap_or_else(|| Kept::pressed(uri.path()));
    let visit = Visit::new(&uri, response.extensions());
    sign::interrupted(&state, visit, to.clone(), kept).unwrap_or_else(IntoResponse::into_response)
}
