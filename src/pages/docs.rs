//! The API for people, drawn from its own OpenAPI document.

use super::{Cache, show};
use crate::{
    api,
    error::{Error, Result},
    extract::{Path, Visit},
};
use askama::Template;
use axum::response::Response;
use serde_json::Value;
use std::sync::LazyLock;

pub mod guide;
mod problems;

/// One operation.
#[derive(Debug)]
struct Operation {
    method: String,
    path: String,
    summary: String,
    token: bool,
    parameters: Vec<(String, String, String)>,
    /// What is sent, in words, and the name of what describes it.
    body: Option<(String, Option<String>)>,
    answers: Vec<(String, String)>,
}

/// Operations that belong together.
#[derive(Debug)]
struct Group {
    name: String,
    about: String,
    operations: Vec<Operation>,
}

/// One schema's fields: name, type, needed, meaning.
#[derive(Debug)]
struct Schema {
    name: String,
    about: String,
    fields: Vec<(String, String, bool, String)>,
    values: Vec<String>,
}

#[derive(Debug)]
struct Description {
    groups: Vec<Group>,
    schemas: Vec<Schema>,
}

static DESCRIPTION: LazyLock<Description> = LazyLock::new(|| {
    let document = serde_json::to_value(api::openapi()).unwrap_or_default();
    describe(&document)
});

#[derive(Debug, Template)]
#[template(path = "docs_api.html")]
struct Docs {
    visit: Visit,
    groups: &'static [Group],
    problems: &'static [problems::Problem],
    openapi: &'static str,
}

#[derive(Debug, Template)]
#[template(path = "docs_bodies.html")]
struct Bodies {
    visit: Visit,
    schemas: &'static [Schema],
    openapi: &'static str,
}

#[derive(Debug, Template)]
#[template(path = "docs_body.html")]
struct Body {
    visit: Visit,
    schema: &'static Schema,
    openapi: &'static str,
}

/// What one kind of request holds, or of answer gives.
pub async fn body(visit: Visit, Path(name): Path<String>) -> Result<Response> {
    let mut schemas = DESCRIPTION.schemas.iter();
    let schema = schemas.find(|schema| schema.name == name).ok_or_else(|| {
        Error::NotFound(
            "The API has no body of that name; all are listed at /docs/api/bodies.".into(),
        )
    })?;
    let page = Body {
        visit,
        schema,
        openapi: api::OPENAPI_PATH,
    };
    show(&page, Cache::Fresh)
}

/// What requests hold and answers give: pages of their own, since all of the API on one would be too long.
pub async fn bodies(visit: Visit) -> Result<Response> {
    let page = Bodies {
        visit,
        schemas: &DESCRIPTION.schemas,
        openapi: api::OPENAPI_PATH,
    };
    show(&page, Cache::Fresh)
}

/// The page.
pub async fn api_docs(visit: Visit) -> Result<Response> {
    let page = Docs {
        visit,
        groups: &DESCRIPTION.groups,
        problems: problems::ALL,
        openapi: api::OPENAPI_PATH,
    };
    show(&page, Cache::Fresh)
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().replace('`', "")
}

fn describe(document: &Value) -> Description {
    let mut groups: Vec<Group> = document["tags"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|tag| Group {
            name: text(tag, "name"),
            about: text(tag, "description"),
            operations: Vec::new(),
        })
        .collect();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let tag = operation["tags"][0].as_str().unwrap_or_default();
            if let Some(group) = groups.iter_mut().find(|group| group.name == tag) {
                group.operations.push(operation_of(method, path, operation));
            }
        }
    }
    let schemas = document["components"]["schemas"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, schema)| schema_of(name, schema))
        .collect();
    Description { groups, schemas }
}

fn operation_of(method: &str, path: &str, operation: &Value) -> Operation {
    let parameters = operation["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        // What is said once of all of them.
        .filter(|parameter| {
            parameter["name"] != "Idempotency-Key" && parameter["description"] != "Key"
        })
        .map(|parameter| {
            (
                text(parameter, "name"),
                text(parameter, "in"),
                text(parameter, "description"),
            )
        })
        .collect();
    let sent = &operation["requestBody"]["content"];
    let body = &sent["application/json"]["schema"];
    let body = match sent["application/octet-stream"].is_object() {
        true => Some(("bytes, as they are".to_owned(), None)),
        false => (!body.is_null()).then(|| (kind(body), reference(body))),
    };
    let answers = operation["responses"]
        .as_object()
        .into_iter()
        .flatten()
        // What any of them may answer stands below, once.
        .filter(|(status, answer)| answer["$ref"].is_null() && status.as_str() != "304")
        .map(|(status, answer)| (status.clone(), text(answer, "description")))
        .collect();
    Operation {
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(operation, "summary"),
        token: operation["security"].is_array(),
        parameters,
        body,
        answers,
    }
}

fn schema_of(name: &str, schema: &Value) -> Schema {
    let needed = |field: &str| {
        let needed = schema["required"].as_array();
        needed.is_some_and(|needed| needed.iter().any(|name| name == field))
    };
    let fields = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(field, property)| {
            (
                field.clone(),
                kind(property),
                needed(field),
                text(property, "description"),
            )
        })
        .collect();
    let named = |value: &Value| value.as_str().map(str::to_owned);
    let plain = schema["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(named);
    let described = schema["oneOf"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| named(&one["enum"][0]));
    Schema {
        name: name.to_owned(),
        about: text(schema, "description"),
        fields,
        values: plain.chain(described).collect(),
    }
}

/// Other schemas of which it is one.
const MANY: [&str; 3] = ["oneOf", "anyOf", "allOf"];

/// The name of a schema that stands elsewhere; where there is a choice, of the first that does.
fn reference(schema: &Value) -> Option<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        return reference.rsplit('/').next().map(str::to_owned);
    }
    let options = MANY.iter().filter_map(|many| schema[many].as_array());
    options.flatten().find_map(reference)
}

/// A schema in a few words.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return reference.rsplit('/').next().unwrap_or_default().to_owned();
    }
    for many in MANY {
        if let Some(options) = schema[many].as_array() {
            let kinds: Vec<String> = options.iter().map(kind).collect();
            return kinds.join(" or ");
        }
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => format!("list of {}", kind(&schema["items"])),
        Value::String(name) => match schema["format"].as_str() {
            Some("date-time") => "time".to_owned(),
            _ => name.clone(),
        },
        Value::Array(names) => {
            let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
            names.join(" or ")
        }
        _ => "anything".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_to_a_body_leads_to_one() {
        let operations = DESCRIPTION
            .groups
            .iter()
            .flat_map(|group| &group.operations);
        let named: Vec<&String> = operations
            .filter_map(|operation| operation.body.as_ref()?.1.as_ref())
            .collect();
        let is_there = |name: &str| DESCRIPTION.schemas.iter().any(|schema| schema.name == name);
        assert!(
            named.len() > 30 && named.iter().all(|name| is_there(name)),
            "{named:?}"
        );
    }

    #[test]
    fn every_operation_is_on_the_page() {
        let document = serde_json::to_value(api::openapi()).expect("plain data");
        let operations: usize = document["paths"]
            .as_object()
            .expect("paths")
            .values()
            .map(|methods| methods.as_object().map_or(0, serde_json::Map::len))
            .sum();
        let shown: usize = DESCRIPTION
            .groups
            .iter()
            .map(|group| group.operations.len())
            .sum();
        assert_eq!(shown, operations);
        assert!(
            DESCRIPTION
                .groups
                .iter()
                .flat_map(|group| &group.operations)
                .all(|operation| !operation.summary.is_empty())
        );
    }
}
