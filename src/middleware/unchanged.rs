//! Gives visitors the answer that another visitor got, for as long as it is the same ([`crate::unchanged`]).

use crate::{
    auth::{session::Viewer, token::ApiAccount},
    state::AppState,
    unchanged::{Asked, Looked},
};
use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};

/// Longer addresses, in bytes, are answered each time.
const LONGEST_ADDRESS: usize = 512;

/// Around a page that is the same for every visitor. Who is signed in passes through, and who sends a token where that is
/// looked at.
///
/// The page gets nothing of the request but its address, so nothing else can be in the answer.
pub async fn share(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let script = is_for_all(&state, &request);
    if script {
        request.headers_mut().remove(header::AUTHORIZATION);
    }
    let Some(asked) = asked(&request) else {
        return watched(&state, request, next).await;
    };
    let (mut parts, _) = request.into_parts();
    parts.extensions.remove::<ApiAccount>();
    let sent = std::mem::take(&mut parts.headers);
    if asked.gzip {
        let gzip = HeaderValue::from_static("gzip");
        parts.headers.insert(header::ACCEPT_ENCODING, gzip);
    }
    let draw = next.run(Request::from_parts(parts, Body::empty()));
    let head = state.noted.head();
    let answers = &state.unchanged;
    let answer = answers
        .answer(&state.pool, head, asked, !script, draw)
        .await;
    match answer.headers().get(header::ETAG) {
        Some(version) if is_known(&named(&sent, header::IF_NONE_MATCH), version) => {
            not_modified(answer)
        }
        _ => answer,
    }
}

/// Whether a token that was found good does not matter here: what answers looks at none.
fn is_for_all(state: &AppState, request: &Request) -> bool {
    request.extensions().get::<ApiAccount>().is_some()
        && request.method() == Method::GET
        && matched(request).is_some_and(|route| state.unchanged.is_for_all(route))
}

fn matched(request: &Request) -> Option<&str> {
    request.extensions().get().map(MatchedPath::as_str)
}

/// Answers who may not get what others got, and learns where that need not be so. Where it succeeds, everything that a handler
/// asks of a request was looked at.
async fn watched(state: &AppState, mut request: Request, next: Next) -> Response {
    let route = (request.method() == Method::GET)
        .then(|| matched(&request).map(str::to_owned))
        .flatten();
    let looked = Looked::default();
    request.extensions_mut().insert(looked.clone());
    let answer = next.run(request).await;
    if let Some(route) = route.filter(|_| answer.status() == StatusCode::OK && !looked.at_all()) {
        state.unchanged.found_for_all(&route);
    }
    answer
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
