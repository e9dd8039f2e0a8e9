//! What other sites show of the board: badges of claims, cards of experiments in a frame, pictures for links, feeds, and citations. They know nobody: no cookie is
//! read or set, and nothing in them depends on who looks.

pub mod badge;
pub mod cite;
pub mod embed;
pub mod feed;
pub mod picture;

use crate::{error::Result, middleware::csp::Elsewhere};
use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// How long others may keep it: a standing that moved is seen within five minutes.
const KEPT: &str = "public, max-age=300";

/// Answers with something that is rendered.
fn show(
    status: StatusCode,
    kind: &'static str,
    what: Elsewhere,
    body: &impl Template,
) -> Result<Response> {
    let body = body.render()?;
    Ok(shown((status, [(header::CONTENT_TYPE, kind)], body), what))
}

/// Answers with something that other sites may show, and keep if it is there.
fn shown(response: impl IntoResponse, what: Elsewhere) -> Response {
    let mut response = response.into_response();
    response.extensions_mut().insert(what);
    if response.status().is_success() {
        let kept = HeaderValue::from_static(KEPT);
        response.headers_mut().insert(header::CACHE_CONTROL, kept);
    }
    response
}
