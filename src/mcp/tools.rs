//! What an agent can do: each tool is one operation of REST.

use crate::render::url;
use axum::http::Method;
use serde_json::{Map, Value, json};

/// Where in the request an argument goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Path,
    Query,
    Body,
    /// The `Idempotency-Key`.
    Key,
}

/// An argument of a tool.
#[derive(Debug)]
struct Argument {
    name: &'static str,
    place: Place,
    needed: bool,
    /// JSON types that it may have.
    kinds: &'static [&'static str],
    about: &'static str,
}

impl Argument {
    /// How long its text may be; bodies are held to their own limits by REST.
    fn most(&self) -> Option<usize> {
        match self.place {
            Place::Path | Place::Query => Some(2000),
            Place::Key => Some(200),
            Place::Body => None,
        }
    }

    fn bound(&self, text: &str) -> Result<(), String> {
        if let Some(most) = self.most().filter(|most| text.chars().count() > *most) {
            return Err(format!(
                "`{}` may have at most {most} characters.",
                self.name
            ));
        }
        if self.place == Place::Key && !text.chars().all(|one| one.is_ascii_graphic() || one == ' ')
        {
            return Err(format!(
                "`{}` must be of visible ASCII characters.",
                self.name
            ));
        }
        Ok(())
    }
}

/// Something an agent can do.
#[derive(Debug)]
pub(super) struct Tool {
    name: &'static str,
    about: &'static str,
    method: Method,
    path: &'static str,
    arguments: &'static [Argument],
}

/// A request to REST.
#[derive(Debug, PartialEq)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Value>,
    pub(super) key: Option<String>,
}

const fn needed(
    name: &'static str,
    place: Place,
    kinds: &'static [&'static str],
    about: &'static str,
) -> Argument {
    Argument {
        name,
        place,
        needed: true,
        kinds,
        about,
    }
}

const fn optional(
    name: &'static str,
    place: Place,
    kinds: &'static [&'static str],
    about: &'static str,
) -> Argument {
    Argument {
        name,
        place,
        needed: false,
        kinds,
        about,
    }
}

const NUMBER: &[&str] = &["integer"];
const TEXT: &[&str] = &["string"];
const TRUTH: &[&str] = &["boolean"];
const CURSOR: Argument = optional("cursor", Place::Query, TEXT, "`next` of the page before.");
const LIMIT: Argument = optional(
    "limit",
    Place::Query,
    NUMBER,
    "Items wanted, 1 to 200; 50 if not given.",
);
const ID: Argument = needed("id", Place::Path, NUMBER, "Its number.");
const KEY: Argument = optional(
    "key",
    Place::Key,
    TEXT,
    "Any text of your own: called again with the same one, it answers as the first time and does nothing.",
);
const SPEC: Argument = needed(
    "spec",
    Place::Body,
    &["string", "object"],
    "TOML text, or an object. /docs/specification says what it holds, /schemas/specification.json is its JSON Schema.",
);
const EXPLORATORY: Argument = optional(
    "exploratory",
    Place::Body,
    TRUTH,
    "To look, not to decide: it need not be able to decide anything, and never carries a verdict.",
);

const TOOLS: &[Tool] = &[
    Tool {
        name: "search",
        about: "Find works, claims, experiments, comments and people by words.",
        method: Method::GET,
        path: "/api/v1/search",
        arguments: &[
            needed("q", Place::Query, TEXT, "Words, as for a search engine."),
            optional(
                "kind",
                Place::Query,
                TEXT,
                "Only works, claims, experiments, comments or people.",
            ),
            CURSOR,
            LIMIT,
        ],
    },
    Tool {
        name: "list_claims",
        about: "List claims with where they stand and how many experiments tested them (`tally`).",
        method: Method::GET,
        path: "/api/v1/claims",
        arguments: &[
            optional(
                "work",
                Place::Query,
                TEXT,
                "Only those of this work (its slug).",
            ),
            optional(
                "label",
                Place::Query,
                TEXT,
                "Only those of this label, such as C2.",
            ),
            CURSOR,
            LIMIT,
        ],
    },
    Tool {
        name: "read_claim",
        about: "Read a claim: its sentence, over what it speaks, where it stands and why; `thread` is its discussion.",
        method: Method::GET,
        path: "/api/v1/claims/{id}",
        arguments: &[ID],
    },
    Tool {
        name: "list_experiments",
        about: "List experiments with their verdicts, of a claim for instance.",
        method: Method::GET,
        path: "/api/v1/experiments",
        arguments: &[
            optional("claim", Place::Query, NUMBER, "Only tests of this claim."),
            optional(
                "state",
                Place::Query,
                TEXT,
                "Only proposed, registered, running, stalled, concluded or withdrawn ones.",
            ),
            optional(
                "verdict",
                Place::Query,
                TEXT,
                "Only supported, falsified, inconclusive, inadmissible or aborted ones.",
            ),
            optional("author", Place::Query, TEXT, "Only by this person."),
            CURSOR,
            LIMIT,
        ],
    },
    Tool {
        name: "read_experiment",
        about: "Read an experiment: its specification, state, runs so far, and its verdict once there is one.",
        method: Method::GET,
        path: "/api/v1/experiments/{id}",
        arguments: &[ID],
    },
    Tool {
        name: "list_runs",
        about: "List the runs of an experiment: arm, seed, state, step and result.",
        method: Method::GET,
        path: "/api/v1/experiments/{id}/runs",
        arguments: &[ID],
    },
    Tool {
        name: "read_run",
        about: "Read one run: how far it is, and what came of it.",
        method: Method::GET,
        path: "/api/v1/runs/{id}",
        arguments: &[ID],
    },
    Tool {
        name: "read_discussion",
        about: "Read the comments of a discussion (`thread` of a claim or an experiment); verdicts are posted there.",
        method: Method::GET,
        path: "/api/v1/threads/{id}/comments",
        arguments: &[ID, CURSOR, LIMIT],
    },
    Tool {
        name: "check_specification",
        about: "Say whether a specification could be registered, everything that keeps it from that, and what it costs. Nothing is proposed.",
        method: Method::POST,
        path: "/api/v1/specifications/check",
        arguments: &[SPEC, EXPLORATORY],
    },
    Tool {
        name: "propose",
        about: "Propose an experiment on a claim. Nothing runs before it is registered.",
        method: Method::POST,
        path: "/api/v1/experiments",
        arguments: &[
            needed("claim", Place::Body, NUMBER, "The claim it tests."),
            SPEC,
            optional(
                "title",
                Place::Body,
                TEXT,
                "Short name; else the specification's.",
            ),
            optional(
                "prediction",
                Place::Body,
                TEXT,
                "What the claim implies here, in one sentence.",
            ),
            optional(
                "rationale",
                Place::Body,
                TEXT,
                "Why this tests the claim (Markdown).",
            ),
            KEY,
        ],
    },
    Tool {
        name: "register",
        about: "Freeze a proposal of yours, for good, and queue its runs.",
        method: Method::POST,
        path: "/api/v1/experiments/{id}/register",
        arguments: &[
            ID,
            EXPLORATORY,
            optional(
                "proposal_sha256",
                Place::Body,
                TEXT,
                "The `acceptance.proposal_sha256` that you read: refused if the proposal was changed since.",
            ),
            KEY,
        ],
    },
    Tool {
        name: "withdraw",
        about: "Withdraw a proposal of yours that is not registered.",
        method: Method::POST,
        path: "/api/v1/experiments/{id}/withdraw",
        arguments: &[ID, KEY],
    },
    Tool {
        name: "comment",
        about: "Post a comment to a discussion (`thread` of a claim or an experiment).",
        method: Method::POST,
        path: "/api/v1/threads/{id}/comments",
        arguments: &[
            ID,
            needed(
                "body",
                Place::Body,
                TEXT,
                "Markdown; `[[run 12 test_mse]]` pins a number of a run.",
            ),
            optional(
                "reply_to",
                Place::Body,
                NUMBER,
                "The comment that it answers.",
            ),
            KEY,
        ],
    },
];

/// The tool of that name.
pub(super) fn named(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.name == name)
}

/// All of them, as the protocol lists them.
pub(super) fn listed() -> Vec<Value> {
    TOOLS.iter().map(Tool::described).collect()
}

impl Tool {
    fn described(&self) -> Value {
        let properties: Map<String, Value> = (self.arguments.iter())
            .map(|one| {
                let kinds = match one.kinds {
                    [kind] => json!(kind),
                    kinds => json!(kinds),
                };
                let mut schema = json!({ "type": kinds, "description": one.about });
                if let Some(most) = one.most().filter(|_| one.kinds == TEXT) {
                    schema["maxLength"] = json!(most);
                }
                (one.name.to_owned(), schema)
            })
            .collect();
        let required: Vec<&str> = (self.arguments.iter())
            .filter(|one| one.needed)
            .map(|one| one.name)
            .collect();
        json!({
            "name": self.name,
            "description": self.about,
            "inputSchema": {
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": false,
            },
            "annotations": { "readOnlyHint": self.method == Method::GET, "destructiveHint": false, "openWorldHint": false },
        })
    }

    /// The request that a call with these arguments is.
    ///
    /// # Errors
    /// A sentence for the agent: an argument is missing, of another type, or none of this tool.
    pub(super) fn call(&self, given: &Value) -> Result<Call, String> {
        let nothing = Map::new();
        let given = given.as_object().unwrap_or(&nothing);
        let unknown = given
            .keys()
            .find(|name| !self.arguments.iter().any(|one| one.name == *name));
        if let Some(name) = unknown {
            return Err(format!("`{name}` is no argument of {}.", self.name));
        }
        let mut call = Call {
            method: self.method.clone(),
            path: self.path.to_owned(),
            body: (self.method != Method::GET).then(|| json!({})),
            key: None,
        };
        let mut query = Vec::new();
        for one in self.arguments {
            let Some(value) = given.get(one.name).filter(|value| !value.is_null()) else {
                match one.needed {
                    true => return Err(format!("`{}` is missing. {}", one.name, one.about)),
                    false => continue,
                }
            };
            if !one.kinds.iter().any(|kind| is(value, kind)) {
                return Err(format!(
                    "`{}` must be of type {}.",
                    one.name,
                    one.kinds.join(" or ")
                ));
            }
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            one.bound(&text)?;
            match one.place {
                Place::Path => {
                    call.path = call
                        .path
                        .replace(&format!("{{{}}}", one.name), &url::component(&text));
                }
                Place::Query => query.push(format!("{}={}", one.name, url::component(&text))),
                Place::Body => {
                    if let Some(Value::Object(body)) = &mut call.body {
                        body.insert(one.name.to_owned(), value.clone());
                    }
                }
                Place::Key => call.key = Some(text),
            }
        }
        if !query.is_empty() {
            call.path = format!("{}?{}", call.path, query.join("&"));
        }
        Ok(call)
    }
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "integer" => value.is_i64() || value.is_u64(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Every tool is an operation of REST, and every argument one of its parameters or fields.
    #[test]
    fn every_tool_is_an_operation_with_these_arguments() {
        let description = serde_json::to_value(crate::api::openapi()).expect("plain data");
        for tool in TOOLS {
            let operation = &description["paths"][tool.path][tool.method.as_str().to_lowercase()];
            assert!(operation.is_object(), "{}", tool.name);
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            let body = body["$ref"].as_str().or_else(|| {
                let options = body["oneOf"].as_array()?;
                options.iter().find_map(|option| option["$ref"].as_str())
            });
            let body = body.and_then(|body| description.pointer(body.trim_start_matches('#')));
            let parameters = operation["parameters"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            for one in tool.arguments {
                let there = match one.place {
                    Place::Body => {
                        body.is_some_and(|body| body["properties"][one.name].is_object())
                    }
                    Place::Key => parameters
                        .iter()
                        .any(|other| other["name"] == "Idempotency-Key"),
                    _ => parameters.iter().any(|other| other["name"] == one.name),
                };
                assert!(there, "{} of {}", one.name, tool.name);
            }
        }
        let names: BTreeSet<_> = TOOLS.iter().map(|tool| tool.name).collect();
        assert_eq!(names.len(), TOOLS.len());
    }

    #[test]
    fn arguments_are_looked_at_before_anything_is_asked() {
        let read = named("read_claim").expect("a tool");
        let call = read.call(&json!({ "id": 7 })).expect("good");
        assert_eq!((call.path.as_str(), call.body), ("/api/v1/claims/7", None));
        let search = named("search").expect("a tool");
        let call = search
            .call(&json!({ "q": "a b&kind=x", "limit": 3 }))
            .expect("good");
        assert_eq!(call.path, "/api/v1/search?q=a%20b%26kind%3Dx&limit=3");
        for (wrong, words) in [
            (json!({}), "is missing"),
            (json!({ "id": "7/../../works" }), "must be of type integer"),
            (json!({ "id": 7, "as": "ada" }), "is no argument"),
        ] {
            let refusal = read.call(&wrong).expect_err("refused");
            assert!(refusal.contains(words), "{refusal}");
        }
    }
}
