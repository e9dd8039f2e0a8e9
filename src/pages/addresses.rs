//! Addresses that browsers and crawlers ask for by themselves, and those that are nearly right.

use crate::{
    assets,
    error::{Error, Result},
    render::url,
};
use axum::{
    http::{Method, Uri, header},
    response::{IntoResponse, Redirect, Response},
};

/// What robots need not read: forms, what is private, and what scripts read by REST.
const ROBOTS: &str = "User-agent: *
Disallow: /account
Disallow: /admin/
Disallow: /api/
Disallow: /experiments/new
Disallow: /search
Disallow: /sign-in
Disallow: /sign-up
";

/// What crawlers are asked to leave alone.
pub async fn robots() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        ROBOTS,
    )
}

/// What language models read of a site (<https://llmstxt.org>).
const LLMS: &str = include_str!("../../docs/llms.txt");

/// Where agents begin.
pub async fn llms() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], LLMS)
}

/// The icon, for browsers that do not read where a page says it is.
pub async fn icon() -> Redirect {
    Redirect::temporary(&assets::url("icon.svg"))
}

/// For every address without a page: the one meant, if it only has a slash too many at its end.
pub async fn nothing_here(method: Method, uri: Uri) -> Result<Response> {
    match without_slash(&uri) {
        Some(meant) if method == Method::GET || method == Method::HEAD => {
            Ok(Redirect::permanent(&meant).into_response())
        }
        _ => Err(Error::NotFound(
            "There is nothing at this address.".to_owned(),
        )),
    }
}

fn without_slash(uri: &Uri) -> Option<String> {
    let path = uri.path().strip_suffix('/')?.trim_end_matches('/');
    // Only what stays on this site: `//elsewhere/` does not.
    if path.is_empty() || url::local(path) != path {
        return None;
    }
    Some(match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_too_many_is_taken_off_and_leads_nowhere_else() {
        let meant = |address: &str| without_slash(&address.parse().expect("an address"));
        assert_eq!(meant("/claims/2/").as_deref(), Some("/claims/2"));
        assert_eq!(meant("/claims//?a=b").as_deref(), Some("/claims?a=b"));
        for address in [
            "/claims/2",
            "/",
            "//",
            "//elsewhere.example/",
            "//elsewhere.example//",
        ] {
            assert_eq!(meant(address), None, "{address}");
        }
    }
}
