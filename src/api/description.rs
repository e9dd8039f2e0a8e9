//! What every operation may answer beside what its own lines say: refusals by what stands before it, their body, and headers.

use crate::middleware::errors::Problem;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::schema::{Ref, Schema, SchemaType, Type};
use utoipa::openapi::{
    ContentBuilder, HeaderBuilder, HttpMethod, ObjectBuilder, OpenApi, RefOr, Response,
    ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};

/// The type of every refusal's body (RFC 9457).
const PROBLEM: &str = "application/problem+json";

/// A header that answers have, where, and what it says.
struct Header {
    name: &'static str,
    kind: Type,
    about: &'static str,
    on: fn(status: &str, asked: &Asked) -> bool,
}

/// What of an operation decides what it may answer.
struct Asked {
    reads: bool,
    has_body: bool,
    has_query: bool,
    has_key: bool,
    has_cursor: bool,
    /// A text in the address, which may be no UTF-8.
    has_name: bool,
    names_a_thing: bool,
}

/// A refusal that is not the operation's own.
struct Refusal {
    status: &'static str,
    name: &'static str,
    about: &'static str,
    of: fn(&Asked) -> bool,
}

const REFUSALS: [Refusal; 12] = [
    Refusal {
        status: "400",
        name: "BadRequest",
        about: "The body is not JSON, or a parameter does not read",
        of: |asked| asked.has_body || asked.has_query || asked.has_key || asked.has_name,
    },
    Refusal {
        status: "401",
        name: "Unauthorized",
        about: "No token where one is needed, or one that is not good",
        of: |_| true,
    },
    Refusal {
        status: "403",
        name: "Forbidden",
        about: "The token lacks the scope, or its owner the role",
        of: |_| true,
    },
    Refusal {
        status: "404",
        name: "NotFound",
        about: "There is no such thing",
        of: |asked| asked.names_a_thing,
    },
    Refusal {
        status: "408",
        name: "Timeout",
        about: "The body did not arrive in time; nothing was done",
        of: |asked| asked.has_body,
    },
    Refusal {
        status: "409",
        name: "Conflict",
        about: "The `Idempotency-Key` was used with another request",
        of: |asked| asked.has_key,
    },
    Refusal {
        status: "413",
        name: "TooLarge",
        about: "The body is larger than any request needs",
        of: |asked| asked.has_body,
    },
    Refusal {
        status: "415",
        name: "UnsupportedType",
        about: "The body is not `application/json`",
        of: |asked| asked.has_body,
    },
    Refusal {
        status: "422",
        name: "Invalid",
        about: "Fields are wrong, each named by a JSON pointer",
        of: |asked| asked.has_body,
    },
    Refusal {
        status: "429",
        name: "TooMany",
        about: "Too often or too much; `Retry-After` says when again",
        of: |_| true,
    },
    Refusal {
        status: "500",
        name: "Internal",
        about: "A fault of the server, which `request_id` names in its log",
        of: |_| true,
    },
    Refusal {
        status: "503",
        name: "Unavailable",
        about: "The database is away or has too much to do; `Retry-After` says when again",
        of: |_| true,
    },
];

const HEADERS: [Header; 9] = [
    Header {
        name: "x-request-id",
        kind: Type::String,
        about: "Names the request in the server's log.",
        on: |_, _| true,
    },
    Header {
        name: "record-head",
        kind: Type::String,
        about: "Where the record ended, some seconds ago; absent while that is not known.",
        on: |status, _| good(status),
    },
    Header {
        name: "etag",
        kind: Type::String,
        about: "The version that was read, for `If-None-Match`, and for `If-Match` where the operation takes it.",
        on: |status, asked| good(status) && asked.reads,
    },
    Header {
        name: "link",
        kind: Type::String,
        about: "The next page of a collection, as `rel=\"next\"` (RFC 8288); absent on the last.",
        on: |status, asked| status == "200" && asked.has_cursor,
    },
    Header {
        name: "ratelimit-policy",
        kind: Type::String,
        about: "How many requests (`q`) of the account or address are taken in how many seconds (`w`).",
        on: |_, _| true,
    },
    Header {
        name: "ratelimit",
        kind: Type::String,
        about: "How many of them are left (`r`), and in how many seconds all are taken again (`t`).",
        on: |_, _| true,
    },
    Header {
        name: "idempotency-replayed",
        kind: Type::String,
        about: "`true` where the answer to the first request with the key is given again.",
        on: |status, asked| good(status) && asked.has_key,
    },
    Header {
        name: "retry-after",
        kind: Type::Integer,
        about: "Seconds after which to try again.",
        on: |status, _| status == "429" || status == "503",
    },
    Header {
        name: "www-authenticate",
        kind: Type::String,
        about: "`Bearer`, with the scope that is lacking where one is (RFC 6750).",
        on: |status, _| status == "401" || status == "403",
    },
];

fn good(status: &str) -> bool {
    status.starts_with('2') || status.starts_with('3')
}

/// Adds to each operation what may refuse it before it begins, the body of its refusals, and the headers of its answers.
pub(super) fn complete(openapi: &mut OpenApi) {
    let components = openapi.components.get_or_insert_default();
    let mut schemas = Vec::new();
    Problem::schemas(&mut schemas);
    schemas.push((Problem::name().into_owned(), Problem::schema()));
    components.schemas.extend(schemas);
    for header in &HEADERS {
        let schema = ObjectBuilder::new().schema_type(header.kind.clone());
        let described = HeaderBuilder::new()
            .description(Some(header.about))
            .schema(Some(schema))
            .build();
        let name = header.name.to_owned();
        components.headers.insert(name, RefOr::T(described));
    }
    let nothing = Asked::nothing();
    for refusal in &REFUSALS {
        let mut response = ResponseBuilder::new().description(refusal.about).build();
        fill(refusal.status, &nothing, &mut response);
        let name = refusal.name.to_owned();
        components.responses.insert(name, RefOr::T(response));
    }
    for (path, item) in &mut openapi.paths.paths {
        for (method, operation) in operations(item) {
            operation.operation_id = Some(named(&method, path));
            complete_operation(method, operation);
        }
    }
}

/// A name that no other operation has, as generated clients call it: `get_claims_by_id_rivals`.
fn named(method: &HttpMethod, path: &str) -> String {
    let mut name = match method {
        HttpMethod::Get => "get",
        HttpMethod::Put => "put",
        HttpMethod::Patch => "patch",
        HttpMethod::Delete => "delete",
        _ => "post",
    }
    .to_owned();
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let parameter = part
            .strip_prefix('{')
            .and_then(|part| part.strip_suffix('}'));
        name.push_str(if parameter.is_some() { "_by_" } else { "_" });
        let word = parameter.unwrap_or(part);
        name.extend(word.chars().map(|char| {
            if char.is_ascii_alphanumeric() {
                char
            } else {
                '_'
            }
        }));
    }
    name
}

/// The operations of a path.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (HttpMethod, &mut Operation)> {
    [
        (HttpMethod::Get, &mut item.get),
        (HttpMethod::Put, &mut item.put),
        (HttpMethod::Patch, &mut item.patch),
        (HttpMethod::Post, &mut item.post),
        (HttpMethod::Delete, &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn complete_operation(method: HttpMethod, operation: &mut Operation) {
    let asked = Asked::of(&method, operation);
    let responses = &mut operation.responses.responses;
    for (status, response) in responses.iter_mut() {
        if let RefOr::T(response) = response {
            fill(status, &asked, response);
        }
    }
    for refusal in REFUSALS.iter().filter(|refusal| (refusal.of)(&asked)) {
        let status = refusal.status.to_owned();
        let known = Ref::from_response_name(refusal.name);
        responses.entry(status).or_insert(RefOr::Ref(known));
    }
    if asked.reads {
        let mut response = ResponseBuilder::new()
            .description("It is what `If-None-Match` names")
            .build();
        fill("304", &asked, &mut response);
        responses.insert("304".to_owned(), RefOr::T(response));
    }
}

/// Gives an answer its headers, a refusal its body, and what says no more of itself the words that OpenAPI asks for.
fn fill(status: &str, asked: &Asked, response: &mut Response) {
    if response.description.is_empty() {
        response.description = match status {
            "201" => "It was made",
            "204" => "It was done",
            _ => "What was asked for",
        }
        .to_owned();
    }
    for header in HEADERS.iter().filter(|header| (header.on)(status, asked)) {
        let known = Ref::new(format!("#/components/headers/{}", header.name));
        (response.headers).insert(header.name.to_owned(), RefOr::Ref(known));
    }
    if !good(status) && response.content.is_empty() {
        let body = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(Problem::name())))
            .build();
        (response.content).insert(PROBLEM.to_owned(), RefOr::T(body));
    }
}

impl Asked {
    fn nothing() -> Self {
        Self {
            reads: false,
            has_body: false,
            has_query: false,
            has_key: false,
            has_cursor: false,
            has_name: false,
            names_a_thing: false,
        }
    }

    fn of(method: &HttpMethod, operation: &Operation) -> Self {
        let parameters = operation.parameters.iter().flatten();
        let mut asked = Self {
            reads: *method == HttpMethod::Get,
            // A body that needs no fields may be sent all the same.
            has_body: matches!(
                method,
                HttpMethod::Post | HttpMethod::Put | HttpMethod::Patch
            ),
            ..Self::nothing()
        };
        for parameter in parameters {
            let RefOr::T(parameter) = parameter else {
                continue;
            };
            match parameter.parameter_in {
                ParameterIn::Path => {
                    asked.names_a_thing = true;
                    asked.has_name |= is_text(parameter);
                }
                ParameterIn::Query | ParameterIn::QueryString => {
                    asked.has_query = true;
                    asked.has_cursor |= parameter.name == "cursor";
                }
                ParameterIn::Header => asked.has_key |= parameter.name == "Idempotency-Key",
                ParameterIn::Cookie => {}
            }
        }
        asked
    }
}

/// Whether a parameter takes text of any form.
fn is_text(parameter: &Parameter) -> bool {
    let Some(RefOr::T(Schema::Object(schema))) = &parameter.schema else {
        return false;
    };
    schema.schema_type == SchemaType::Type(Type::String) && schema.format.is_none()
}

#[cfg(test)]
mod tests {
    use crate::api::openapi;
    use serde_json::Value;

    /// Every `$ref` in it.
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn whatever_is_named_is_there() {
        let document = serde_json::to_value(openapi()).expect("plain data");
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 500, "{}", found.len());
        for named in found {
            let there = document.pointer(named.trim_start_matches('#'));
            assert!(there.is_some(), "{named}");
        }
    }

    #[test]
    fn every_refusal_has_a_body_and_every_answer_an_id() {
        let document = serde_json::to_value(openapi()).expect("plain data");
        let mut answers = 0;
        for (path, methods) in document["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                for (status, answer) in operation["responses"].as_object().expect("responses") {
                    let answer = match answer["$ref"].as_str() {
                        Some(named) => document
                            .pointer(named.trim_start_matches('#'))
                            .unwrap_or(&Value::Null),
                        None => answer,
                    };
                    let told = format!("{method} {path} {status}: {answer}");
                    assert!(answer["headers"]["x-request-id"].is_object(), "{told}");
                    let refused = status.starts_with('4') || status.starts_with('5');
                    let problem = &answer["content"]["application/problem+json"];
                    assert_eq!(problem.is_object(), refused, "{told}");
                    answers += 1;
                }
            }
        }
        assert!(answers > 500, "{answers}");
    }
}
