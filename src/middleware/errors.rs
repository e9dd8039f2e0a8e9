//! Turns every refusal into something to read: a page, or `problem+json` under `/api/`.

use crate::{
    error::{FieldProblem, RETRY_AFTER, Reply},
    extract::Visit,
    middleware::typed::Typed,
    pages::error::ErrorPage,
};
use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tower_http::csrf::ProtectionError;

/// RFC 9457.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// Address of the explanation of this kind of problem.
    r#type: String,
    /// A few words, the same for all problems of the kind.
    title: &'static str,
    /// HTTP status.
    status: u16,
    /// A sentence about this request.
    detail: String,
    /// Names the request in the server's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// Refused fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem>,
}

/// Longest explanation that is taken over from a library's own refusal.
const DETAIL_BYTES: usize = 2000;

/// Replaces the body of errors that have no designed one yet.
pub async fn explain(mut request: Request, next: Next) -> Response {
    let address = request.uri().clone();
    let id = request
        .headers()
        .get("x-request-id")
        .and_then(|id| id.to_str().ok())
        .map(str::to_owned);
    let api = address.path().starts_with("/api/");
    let typed = Typed::default();
    if !api {
        request.extensions_mut().insert(typed.clone());
    }
    let response = next.run(request).await;
    let status = response.status();
    let designed = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| !kind.as_bytes().starts_with(b"text/plain"));
    if !(status.is_client_error() || status.is_server_error()) || designed {
        return response;
    }

    let (mut parts, body) = response.into_parts();
    let mut reply = match parts.extensions.remove::<Reply>() {
        Some(reply) => reply,
        None => {
            let readable = api && !parts.headers.contains_key(header::CONTENT_ENCODING);
            describe(status, &parts.extensions, readable, body).await
        }
    };
    if reply.fields.len() == 1 && api {
        reply.detail.clone_from(&reply.fields[0].detail);
    }
    let mut explained = if api {
        problem(status, reply, id)
    } else {
        let visit = Visit::new(&address, &parts.extensions);
        let kept = typed.kept().await;
        ErrorPage::new(status, reply, id, visit, kept).into_response()
    };
    if status == StatusCode::UNAUTHORIZED {
        parts
            .headers
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    for name in [
        header::CONTENT_TYPE,
        header::CONTENT_LENGTH,
        // The words that it replaces may have been compressed on their way.
        header::CONTENT_ENCODING,
    ] {
        parts.headers.remove(name);
    }
    explained.headers_mut().extend(parts.headers);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        explained
            .headers_mut()
            .entry(header::RETRY_AFTER)
            .or_insert(HeaderValue::from(RETRY_AFTER));
    }
    explained
}

/// Words for a refusal by the framework. Only what it says about the request
/// itself (4xx under the API) is passed on; a server error keeps its cause.
async fn describe(
    status: StatusCode,
    extensions: &axum::http::Extensions,
    readable: bool,
    body: Body,
) -> Reply {
    let mut reply = Reply::of(status);
    if extensions.get::<ProtectionError>().is_some() {
        reply.detail =
            "This request came from another site's page. Open the form here and send it again."
                .into();
    } else if readable
        && matches!(status.as_u16(), 400 | 415 | 422)
        && let Ok(bytes) = to_bytes(body, DETAIL_BYTES).await
        && let Ok(text) = String::from_utf8(bytes.to_vec())
        && !text.is_empty()
    {
        reply.detail = text;
    }
    reply
}

fn problem(status: StatusCode, reply: Reply, request_id: Option<String>) -> Response {
    let problem = Problem {
        r#type: format!("/docs/api#problem-{}", reply.kind),
        title: reply.title,
        status: status.as_u16(),
        detail: reply.detail,
        request_id,
        errors: reply.fields,
    };
    let mut response = (status, axum::Json(problem)).into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    response
}
