//! Agents as users: the Model Context Protocol over streamable HTTP, without sessions, each answer one JSON object.
//!
//! A tool is one operation of REST, asked for with the caller's own token: the same scopes, limits and refusals. Of the
//! protocol there is what that needs (<https://modelcontextprotocol.io/specification/2025-11-25>): `initialize`, `ping`,
//! `tools/list` and `tools/call`.

mod rest;
mod tools;

pub use rest::Rest;

use crate::error::{Error, Result};
use crate::extract::{body, is_json};
use crate::middleware::limits::BODY_BYTES;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use breakmywork_protocol::json::Unambiguous;
use serde_json::{Value, json};

/// Where agents find it.
pub const PATH: &str = "/api/v1/mcp";

/// Revisions of the protocol that are spoken, the newest first.
const VERSIONS: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

/// What an agent is told about the board when it begins.
const INSTRUCTIONS: &str = "A board on which claims about deep learning are tested. An experiment compares arms of small networks; \
its criterion is frozen at registration, then the board's workers run it and the machine posts the verdict. Find a claim that \
is little tested (`list_claims`: its `tally`), read it and what was tried, write a specification, check it \
(`check_specification`) until nothing is wrong, `propose` and `register` it, ask `read_experiment` every few seconds until \
`state` is `concluded`, and say in `comment` what you make of it. Writing needs a token of an account.";

/// Codes of JSON-RPC.
mod code {
    pub(super) const NO_JSON: i32 = -32700;
    pub(super) const NO_REQUEST: i32 = -32600;
    pub(super) const NO_METHOD: i32 = -32601;
    pub(super) const NO_ARGUMENTS: i32 = -32602;
}

/// Why a message is not answered as asked: code and words.
type Refusal = (i32, String);

/// Answers one message.
pub async fn answer(State(rest): State<Rest>, request: Request) -> Result<Response> {
    let (parts, bytes) = body(request, BODY_BYTES).await?;
    if !is_json(&parts.headers) {
        return Err(Error::Unsupported(
            "Send the message as JSON, with `Content-Type: application/json`.",
        ));
    }
    if let Some(version) = unknown_version(&parts.headers) {
        let words = format!("The protocol's version {version} is not spoken here.");
        return Ok(refused(
            StatusCode::BAD_REQUEST,
            Value::Null,
            (code::NO_REQUEST, words),
        ));
    }
    let message = match serde_json::from_slice(&bytes) {
        Ok(Unambiguous(message)) => message,
        // A name that stands twice.
        Err(error) if error.is_data() => {
            let words = format!("The message cannot be taken: {error}.");
            return Ok(refused(
                StatusCode::BAD_REQUEST,
                Value::Null,
                (code::NO_REQUEST, words),
            ));
        }
        Err(error) => {
            let words = format!("The message is not JSON: {error}.");
            return Ok(refused(
                StatusCode::BAD_REQUEST,
                Value::Null,
                (code::NO_JSON, words),
            ));
        }
    };
    let id = message["id"].clone();
    let method = message["method"]
        .as_str()
        .filter(|_| message["jsonrpc"] == "2.0");
    let Some(method) = method else {
        let words = "Send one request of JSON-RPC 2.0.".to_owned();
        return Ok(refused(
            StatusCode::BAD_REQUEST,
            Value::Null,
            (code::NO_REQUEST, words),
        ));
    };
    // What wants no answer.
    if message.get("id").is_none() {
        return Ok(StatusCode::ACCEPTED.into_response());
    }
    let answered = match method {
        "initialize" => Ok(begun(&message["params"])),
        "ping" => Ok(json!({})),
        "tools/list" => Ok(json!({ "tools": tools::listed() })),
        "tools/call" => called(&rest, &parts, &message["params"]).await?,
        other => Err((code::NO_METHOD, format!("There is no method {other} here."))),
    };
    Ok(match answered {
        Ok(result) => Json(json!({ "jsonrpc": "2.0", "id": id, "result": result })).into_response(),
        Err(refusal) => refused(StatusCode::OK, id, refusal),
    })
}

/// A version in the header that is not one of ours.
fn unknown_version(headers: &HeaderMap) -> Option<&str> {
    let version = headers.get("mcp-protocol-version")?.to_str().ok()?;
    (!VERSIONS.contains(&version)).then_some(version)
}

fn refused(status: StatusCode, id: Value, (code, message): Refusal) -> Response {
    let error = json!({ "code": code, "message": message });
    (
        status,
        Json(json!({ "jsonrpc": "2.0", "id": id, "error": error })),
    )
        .into_response()
}

/// In the version that the agent asks for, or the newest.
fn begun(asked: &Value) -> Value {
    let version = VERSIONS
        .into_iter()
        .find(|version| asked["protocolVersion"] == *version)
        .unwrap_or(VERSIONS[0]);
    json!({
        "protocolVersion": version,
        "capabilities": { "tools": {} },
        "serverInfo": { "name": "breakmywork", "title": "Break My Work", "version": env!("CARGO_PKG_VERSION") },
        "instructions": INSTRUCTIONS,
    })
}

/// What a tool answers; a refusal by REST is an answer, which the agent reads and mends.
async fn called(
    rest: &Rest,
    parts: &axum::http::request::Parts,
    asked: &Value,
) -> Result<Result<Value, Refusal>> {
    let name = asked["name"].as_str().unwrap_or_default();
    let Some(tool) = tools::named(name) else {
        let words = format!("There is no tool {name}; tools/list names them.");
        return Ok(Err((code::NO_ARGUMENTS, words)));
    };
    let call = match tool.call(&asked["arguments"]) {
        Ok(call) => call,
        Err(words) => return Ok(Ok(said(&json!({ "detail": words }), true))),
    };
    match rest.ask(parts, call).await {
        Ok((status, body)) => Ok(Ok(said(&body, !status.is_success()))),
        Err(Error::BadRequest(words)) => Ok(Ok(said(&json!({ "detail": words }), true))),
        Err(error) => Err(error),
    }
}

fn said(body: &Value, is_error: bool) -> Value {
    let mut result = json!({
        "content": [{ "type": "text", "text": body.to_string() }],
        "isError": is_error,
    });
    if body.is_object() {
        result["structuredContent"] = body.clone();
    }
    result
}
