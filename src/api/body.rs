//! A JSON body whose mistakes are named by field.

use crate::error::Error;
use crate::extract;
use crate::middleware::limits::BODY_BYTES;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use breakmywork_protocol::json::Unambiguous;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use sha2::{Digest, Sha256};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

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
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let (parts, bytes) = extract::body(request, BODY_BYTES).await?;
        let mut hash = Sha256::new();
        hash.update(parts.method.as_str());
        hash.update([0]);
        hash.update(parts.uri.path());
        hash.update([0]);
        hash.update(&bytes);
        if !bytes.is_empty() && !extract::is_json(&parts.headers) {
            return Err(Error::Unsupported(
                "Send the body as JSON, with `Content-Type: application/json`.",
            ));
        }
        let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        Ok(Self {
            value: parse(bytes)?,
            fingerprint: hash.finalize().into(),
        })
    }
}

/// A body of bytes, at most so many of them.
#[derive(Debug)]
pub(super) struct Octets<const MOST: usize> {
    bytes: Bytes,
    are_octets: bool,
}

impl<const MOST: usize> Octets<MOST> {
    /// What was sent, as soon as it is clear that the sender may.
    pub(super) fn taken(self) -> Result<Bytes, Error> {
        match self.are_octets {
            true => Ok(self.bytes),
            false => Err(Error::Unsupported(
                "Send the bytes as they are, with `Content-Type: application/octet-stream`.",
            )),
        }
    }
}

impl<S: Send + Sync, const MOST: usize> FromRequest<S> for Octets<MOST> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let (parts, bytes) = extract::body(request, MOST).await?;
        let kind = parts.headers.get(header::CONTENT_TYPE);
        let are_octets = kind.is_some_and(|kind| kind == "application/octet-stream");
        Ok(Self { bytes, are_octets })
    }
}

/// Reads an object, each of whose names stands once.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    // Some programs begin a file with a byte order mark; a reader may pass over it (RFC 8259, 8.1).
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let Unambiguous(value) = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        match error.inner().is_data() {
            true => refusal(&error),
            false => not_json(error.inner()),
        }
    })?;
    reader.end().map_err(|error| not_json(&error))?;
    // A list would be taken for the fields in their order.
    if !value.is_object() {
        return Err(Error::field("", "The body must be an object: {…}."));
    }
    serde_path_to_error::deserialize(value).map_err(|error| refusal(&error))
}

fn not_json(error: &serde_json::Error) -> Error {
    Error::BadRequest(format!("The body is not JSON: {error}."))
}

fn refusal(error: &serde_path_to_error::Error<serde_json::Error>) -> Error {
    let path: String = error
        .path()
        .iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => String::new(),
        })
        .collect();
    // serde adds the place in the text, which the pointer says better.
    let words = error.inner().to_string();
    let words = words.split(" at line ").next().unwrap_or(&words);
    let (last, detail) = translated(words);
    let last = last
        .map(|name| format!("/{name}"))
        .filter(|last| !path.ends_with(last));
    Error::field(format!("{path}{}", last.unwrap_or_default()), detail)
}

/// What serde says, in the words of JSON, and the field that its path does not name.
fn translated(words: &str) -> (Option<&str>, String) {
    let quoted = |text: &str| text.split('`').nth(1).map(str::len);
    if let Some(rest) = words.strip_prefix("missing field `") {
        let name = &rest[..quoted(&words["missing field ".len()..]).unwrap_or(0)];
        return (Some(name), "is missing.".to_owned());
    }
    if let Some(rest) = words.strip_prefix("unknown field `") {
        let name = &rest[..quoted(&words["unknown field ".len()..]).unwrap_or(0)];
        let known = words
            .split_once(", expected ")
            .map_or("", |(_, known)| known)
            .trim_start_matches("one of ");
        let detail = match known {
            "" | "there are no fields" => format!("`{name}` is not a field here; there are none."),
            known => format!("`{name}` is not a field here. Known: {known}."),
        };
        return (Some(name), detail);
    }
    let Some((found, expected)) = words
        .strip_prefix("invalid type: ")
        .or_else(|| words.strip_prefix("invalid value: "))
        .and_then(|rest| rest.rsplit_once(", expected "))
    else {
        return (None, format!("{words}."));
    };
    let expected = match expected {
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number of 0 or more",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "a borrowed string" => "text",
        _ if expected.starts_with("struct ") || expected == "a map" => "an object",
        _ if expected.starts_with("a sequence") => "a list",
        other => other,
    };
    let (kind, value) = found.split_once(' ').unwrap_or((found, ""));
    let found = match kind {
        "map" => "an object".to_owned(),
        "sequence" => "a list".to_owned(),
        "null" | "unit" => "null".to_owned(),
        "string" => format!("the text {value}"),
        _ => value.split('`').nth(1).unwrap_or(found).to_owned(),
    };
    (None, format!("must be {expected}, not {found}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only reading is tested")]
    struct Sample {
        claim: i64,
        #[serde(default)]
        title: Option<String>,
        #[serde(default)]
        register: bool,
    }

    fn refused(body: &str) -> (String, String) {
        match parse::<Sample>(body.as_bytes()).expect_err(body) {
            Error::Invalid(mut problems) => {
                let problem = problems.pop().expect("one");
                (problem.pointer, problem.detail)
            }
            other => (String::new(), other.to_string()),
        }
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        let read = parse::<Sample>("\u{feff}{\"claim\": 2}".as_bytes());
        assert_eq!(read.expect("an object").claim, 2);
        assert!(
            refused("\u{feff}\u{feff}{\"claim\": 2}")
                .1
                .starts_with("The body is not JSON")
        );
    }

    #[test]
    fn a_body_that_does_not_read_is_explained_without_words_of_the_program() {
        for (body, pointer, detail) in [
            (
                r#"{"claim": "two"}"#,
                "/claim",
                r#"must be a whole number, not the text "two"."#,
            ),
            (
                r#"{"claim": 1.5}"#,
                "/claim",
                "must be a whole number, not 1.5.",
            ),
            (
                r#"{"claim": {}}"#,
                "/claim",
                "must be a whole number, not an object.",
            ),
            (
                r#"{"claim": null}"#,
                "/claim",
                "must be a whole number, not null.",
            ),
            (r#"{}"#, "/claim", "is missing."),
            (
                r#"{"claim": 1, "title": 5}"#,
                "/title",
                "must be text, not 5.",
            ),
            (
                r#"{"claim": 1, "title": ["x"]}"#,
                "/title",
                "must be text, not a list.",
            ),
            (
                r#"{"claim": 1, "register": "yes"}"#,
                "/register",
                r#"must be true or false, not the text "yes"."#,
            ),
            (
                r#"{"claim": 1, "speck": 2}"#,
                "/speck",
                "`speck` is not a field here. Known: `claim`, `title`, `register`.",
            ),
            (
                r#"{"claim": 1, "title": "a", "title": "b"}"#,
                "",
                r#"the name "title" is there twice."#,
            ),
            (r#"[1, "a", true]"#, "", "The body must be an object: {…}."),
            (r#""hello""#, "", "The body must be an object: {…}."),
            ("1", "", "The body must be an object: {…}."),
        ] {
            assert_eq!(
                refused(body),
                (pointer.to_owned(), detail.to_owned()),
                "{body}"
            );
        }
        for broken in ["", "{", "{\"claim\": 1} x", "{'claim': 1}"] {
            let (_, detail) = refused(broken);
            assert!(
                detail.starts_with("The body is not JSON"),
                "{broken}: {detail}"
            );
        }
    }
}
