//! A JSON body whose mistakes are named by field.

use crate::error::{Error, FieldProblem};
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// A JSON body, and the hash of the whole request for [`super::idempotency`].
#[derive(Debug)]
pub(super) struct Body<T> {
    /// What was sent.
    pub(super) value: T,
    /// SHA-256 of method, path and body.
    pub(super) fingerprint: [u8; 32],
}

/// Reads JSON. No body counts as `{}`: requests without fields need none.
impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let mut hash = Sha256::new();
        hash.update(request.method().as_str());
        hash.update([0]);
        hash.update(request.uri().path());
        hash.update([0]);
        let kind = request
            .headers()
            .get(header::CONTENT_TYPE)
            .map(|kind| kind.to_str().unwrap_or_default().to_ascii_lowercase());
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(IntoResponse::into_response)?;
        hash.update(&bytes);
        if !bytes.is_empty() && !kind.is_some_and(|kind| kind.starts_with("application/json")) {
            let detail = "Send the body as JSON, with `Content-Type: application/json`.";
            return Err((axum::http::StatusCode::UNSUPPORTED_MEDIA_TYPE, detail).into_response());
        }
        let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let value = serde_path_to_error::deserialize(&mut reader)
            .map_err(|error| refusal(&error).into_response())?;
        reader.end().map_err(|error| {
            Error::BadRequest(format!("The body is not JSON: {error}.")).into_response()
        })?;
        Ok(Self {
            value,
            fingerprint: hash.finalize().into(),
        })
    }
}

fn refusal(error: &serde_path_to_error::Error<serde_json::Error>) -> Error {
    if !error.inner().is_data() {
        return Error::BadRequest(format!("The body is not JSON: {}.", error.inner()));
    }
    let path: String = error
        .path()
        .iter()
        .map(|segment| match segment {
            serde_path_to_error::Segment::Seq { index } => format!("/{index}"),
            serde_path_to_error::Segment::Map { key } => format!("/{key}"),
            serde_path_to_error::Segment::Enum { variant } => format!("/{variant}"),
            serde_path_to_error::Segment::Unknown => String::new(),
        })
        .collect();
    // serde adds the place in the text, which the pointer says better.
    let words = error.inner().to_string();
    let words = words.split(" at line ").next().unwrap_or(&words).to_owned();
    Error::Invalid(vec![FieldProblem::new(path, format!("{words}."))])
}
