//! The pages: one file each, with its template, handler and form.

pub mod account;
pub mod addresses;
pub mod admin;
pub mod board;
pub mod claim_list;
pub mod claims;
pub mod compare;
pub mod docs;
pub mod elsewhere;
pub mod error;
pub mod experiments;
pub mod follow;
pub mod forgotten;
pub mod health;
pub mod hiding;
pub mod home;
pub mod inbox;
pub mod kept;
pub mod mail;
pub mod metrics;
pub mod narrow;
pub mod people;
pub mod picture;
pub mod queue;
pub mod record;
pub mod rivals;
pub mod runs;
pub mod sign;
pub mod sign_code;
pub mod sign_with;
mod stream;
pub mod text_search;
pub mod thread;
mod typed;
pub mod workers;
pub mod works;

use crate::error::{Error, Result};
use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
};

/// How long a page may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cache {
    /// Asked for anew each time, but kept for going back.
    Fresh,
    /// Never kept: it shows something private.
    Never,
}

/// Answers with a page.
pub fn show(page: &impl Template, cache: Cache) -> Result<Response> {
    with_status(StatusCode::OK, page, cache)
}

/// Goes on to another page after a form was done, so that reloading does not send it again.
pub fn see_other(path: &str) -> Response {
    let mut response = Redirect::to(path).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Tells the browser that what was typed into a form is stored, so that it forgets its draft. `form` is where the form
/// is posted to, which is plain.
pub fn draft_stored(mut response: Response, form: &str) -> Response {
    let cookie = format!("breakmywork_stored={form}; Path=/; Max-Age=300; SameSite=Lax");
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// Answers with a page that is not a success: a form that was refused.
pub fn with_status(status: StatusCode, page: &impl Template, cache: Cache) -> Result<Response> {
    let html = page.render().map_err(Error::from)?;
    Ok(html_page(status, html, cache))
}

/// Answers with HTML that is rendered already.
pub fn html_page(status: StatusCode, html: String, cache: Cache) -> Response {
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static(match cache {
            Cache::Fresh => "private, no-cache",
            Cache::Never => "no-store",
        }),
    );
    headers.insert(header::VARY, HeaderValue::from_static("cookie"));
    response
}
