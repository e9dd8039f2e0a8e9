//! Gives visitors the answer that another visitor got, for as long as it is the same ([`crate::unchanged`]).

use crate::{auth::session::Viewer, state::AppState, unchanged::Asked};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};

/// Longer addresses, in bytes, are answered each time.
const LONGEST_ADDRESS: usize = 512;

/// Around a page that is the same for every visitor. Who is signed in or sends a token passes through.
///
/// The page gets nothing of the request but its address, so nothing else can be in the answer.
pub async fn share(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let Some(asked) = asked(&request) else {
        return next.run(request).await;
    };
    let (mut parts, _) = request.into_parts();
    let sent = std::mem::take(&mut parts.headers);
    if asked.gzip {
        let gzip = HeaderValue::from_static("gzip");
        parts.headers.insert(header::ACCEPT_ENCODING, gzip);
    }
    let draw = next.run(Request::from_parts(parts, Body::empty()));
    let head = state.noted.head();
    let answer = state.unchanged.answer(&state.pool, head, asked, draw).await;
    match answer.headers().get(header::ETAG) {
        Some(version) if is_known(&named(&sent, header::IF_NONE_MATCH), version) => {
            not_modified(answer)
        }
        _ => answer,
    }
}

/// What a visitor asks for; none of anybody else.
fn asked(request: &Request) -> Option<Asked> {
    let address = request.uri().path_and_query()?.as_str();
    let known = request.extensions().get::<Viewer>().is_some()
        || request.headers().contains_key(header::AUTHORIZATION);
    let short = address.len() <= LONGEST_ADDRESS;
    (request.method() == Method::GET && !known && short).then(|| Asked {
        address: address.to_owned(),
        gzip: takes_gzip(request.headers()),
    })
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    listed(headers, header::ACCEPT_ENCODING).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=");
        let refused = weight.and_then(|weight| weight.parse::<f32>().ok()) == Some(0.0);
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

/// The versions that a request names in `If-None-Match` or `If-Match`.
pub fn named(headers: &HeaderMap, name: HeaderName) -> Vec<String> {
    listed(headers, name).map(str::to_owned).collect()
}

/// Whether this version is one of those.
pub fn is_known(named: &[String], version: &HeaderValue) -> bool {
    let strong = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    let version = version.to_str().map(strong).unwrap_or_default();
    named.iter().any(|tag| tag == "*" || strong(tag) == version)
}

fn listed(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// The same without its body (RFC 9110, 15.4.5).
pub fn not_modified(answer: Response) -> Response {
    let (mut parts, _) = answer.into_parts();
    for name in [
        header::CONTENT_TYPE,
        header::CONTENT_LENGTH,
        header::CONTENT_ENCODING,
    ] {
        parts.headers.remove(name);
    }
    parts.status = StatusCode::NOT_MODIFIED;
    Response::from_parts(parts, Body::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_reader_may_name_several_versions() {
        let sent = headers(header::IF_NONE_MATCH, "\"x\", W/\"abc\"");
        let known = |version| {
            let named = named(&sent, header::IF_NONE_MATCH);
            is_known(&named, &HeaderValue::from_static(version))
        };
        assert!(known("W/\"abc\"") && known("\"abc\"") && !known("W/\"ab\""));
        let any = headers(header::IF_NONE_MATCH, "*");
        let any = named(&any, header::IF_NONE_MATCH);
        assert!(is_known(&any, &HeaderValue::from_static("\"abc\"")));
    }

    #[test]
    fn what_is_refused_is_not_compressed() {
        for (sent, taken) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0", false),
            ("br", false),
            ("", false),
        ] {
            let sent = headers(header::ACCEPT_ENCODING, sent);
            assert_eq!(takes_gzip(&sent), taken, "{sent:?}");
        }
    }

    #[test]
    fn only_a_visitors_question_is_one() {
        let request = || {
            let request = Request::builder().uri("/claims/1?sort=newest");
            request.body(Body::empty()).expect("a request")
        };
        let address = asked(&request()).map(|asked| asked.address);
        assert_eq!(address.as_deref(), Some("/claims/1?sort=newest"));
        let mut token = request();
        let bearer = HeaderValue::from_static("Bearer bmw_x");
        token.headers_mut().insert(header::AUTHORIZATION, bearer);
        assert_eq!(asked(&token), None);
        let mut post = request();
        *post.method_mut() = Method::POST;
        assert_eq!(asked(&post), None);
    }
}
