//! Versions of answers: what did not change is not sent again, and what changed since it was read is not overwritten.

use crate::error::{Error, Result};
use crate::middleware::unchanged::{is_known, named, not_modified};
use crate::unchanged::version;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Names the version of what is read in `ETag`, and answers a reader that has it already with a 304.
pub(super) async fn name(request: Request, next: Next) -> Response {
    let reads = request.method() == Method::GET;
    let known = named(request.headers(), header::IF_NONE_MATCH);
    let response = next.run(request).await;
    if !reads || response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let body = match to_bytes(body, usize::MAX).await {
        Ok(body) => body,
        Err(error) => return Error::internal(error).into_response(),
    };
    let version = version(&body);
    parts.headers.insert(header::ETAG, version.clone());
    let response = Response::from_parts(parts, Body::from(body));
    match is_known(&known, &version) {
        true => not_modified(response),
        false => response,
    }
}

/// Refuses a change of what is another than the sender read, by `If-Match`.
///
/// Tags are compared without their mark for weak ones: they are of what is said, before it is compressed.
///
/// # Errors
/// If it was changed since.
pub(super) fn check(headers: &HeaderMap, now: &impl Serialize) -> Result<()> {
    let body = serde_json::to_vec(now).map_err(Error::internal)?;
    match is_known(&named(headers, header::IF_MATCH), &version(&body)) {
        true => Ok(()),
        false => Err(Error::Changed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_what_was_read_is_changed() {
        let now = serde_json::json!({ "body": "as it is" });
        let tag = version(&serde_json::to_vec(&now).expect("JSON"));
        let strong = tag.to_str().expect("text").trim_start_matches("W/");
        let with = |value: &str| {
            HeaderMap::from_iter([(
                header::IF_MATCH,
                HeaderValue::try_from(value).expect("text"),
            )])
        };
        for good in [strong, "*", &format!("\"old\", W/{strong}")] {
            assert!(check(&with(good), &now).is_ok(), "{good}");
        }
        for bad in ["\"old\"", "", "W/\"old\", \"older\""] {
            assert!(
                matches!(check(&with(bad), &now), Err(Error::Changed)),
                "{bad}"
            );
        }
    }
}
