//! The JSON Schema of a specification, for editors that complete TOML: made from the types that read it, so that it cannot
//! say anything else than they do. Where a file may leave out what the types always have, or say it shorter, it is put right
//! here.

use axum::Json;
use axum::http::{HeaderName, header};
use axum::response::IntoResponse;
use breakmywork_protocol::metric::METRICS;
use breakmywork_protocol::spec::{Spec, limits, presets::PRESETS};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;
use utoipa::{PartialSchema, ToSchema};

/// Where it lies.
pub const PATH: &str = "/schemas/specification.json";

/// The first line of a file, by which editors (Even Better TOML, taplo) find the schema.
pub fn directive(address: &str) -> String {
    format!("#:schema {address}\n")
}

/// The schema (draft 7, which all editors read).
pub fn schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(made);
    &SCHEMA
}

/// Hands out the schema.
pub async fn handed_out() -> impl IntoResponse {
    let headers: [(HeaderName, &str); 2] = [
        (header::CONTENT_TYPE, "application/schema+json"),
        (header::CACHE_CONTROL, "public, max-age=300"),
    ];
    (headers, Json(schema()))
}

/// Bounds that the types do not have, by type and field.
fn bounds() -> Vec<(&'static str, &'static str, f64, f64)> {
    macro_rules! bound {
        ($($ty:literal . $field:literal: $limits:expr;)*) => {
            vec![$(($ty, $field, f64::from(*$limits.start()), f64::from(*$limits.end()))),*]
        };
    }
    bound! {
        "Task"."length": (*limits::PICTURE_LENGTH.start()..=*limits::LENGTH.end());
        "Task"."vocabulary": limits::VOCABULARY;
        "Task"."fraction": limits::FRACTION;
        "Model"."layers": limits::LAYERS;
        "Model"."hidden": limits::HIDDEN;
        "Model"."embedding": limits::EMBEDDING;
        "Model"."initial_range": limits::INITIAL_RANGE;
        "Model"."forget_bias": limits::FORGET_BIAS;
        "Model"."normalization_gain": limits::NORMALIZATION_GAIN;
        "Training"."learning_rate": limits::LEARNING_RATE;
        "Training"."batch": limits::BATCH;
        "Training"."steps": limits::STEPS;
        "Training"."epochs": limits::EPOCHS;
        "Training"."anneal": limits::ANNEAL;
        "Training"."clip": limits::CLIP;
        "Training"."weight_decay": limits::WEIGHT_DECAY;
        "Training"."ar": limits::PENALTY;
        "Training"."tar": limits::PENALTY;
        "Training"."networks": limits::NETWORKS;
        "Evaluation"."sequences": limits::SEQUENCES;
        "Evaluation"."samples": limits::SAMPLES;
        "Evaluation"."shift": limits::SHIFT;
        "Evaluation"."length": limits::LENGTH;
        "Criterion"."alpha": limits::ALPHA;
        "Search"."budget": limits::SEARCH_BUDGET;
    }
}

fn made() -> Value {
    let mut parts = Vec::new();
    Spec::schemas(&mut parts);
    let mut definitions = Map::new();
    for (name, part) in parts {
        definitions.insert(name, file(serde_json::to_value(part).unwrap_or_default()));
    }
    let mut root = file(serde_json::to_value(Spec::schema()).unwrap_or_default());
    definitions.insert("Arm".into(), arm(&definitions));
    definitions["Dropout"]["properties"]["preset"] = preset();
    definitions["Criterion"]["properties"]["metric"]["enum"] = METRICS
        .iter()
        .filter(|metric| metric.at_end)
        .map(|metric| metric.name)
        .collect();
    definitions["Axis"]["properties"]["values"]["items"] = json!({});
    for (field, about) in [
        (
            "from",
            "The least value that is tried, in place of `values`.",
        ),
        (
            "to",
            "The greatest value that is tried, in place of `values`.",
        ),
    ] {
        definitions["Axis"]["properties"][field] =
            json!({ "type": "number", "description": about });
    }
    definitions["Axis"]["properties"]["levels"] =
        json!({ "type": "integer", "description": "How many values from `from` to `to`." });
    definitions["Axis"]["properties"]["scale"] = json!({
        "enum": ["additive", "log"], "description": "Whether `levels` are at equal distances or at equal ratios."
    });
    for (ty, field, least, most) in bounds() {
        let field = &mut definitions[ty]["properties"][field];
        field["minimum"] = json!(least);
        field["maximum"] = json!(most);
    }
    root["required"] = json!(["title", "seeds", "task", "arms"]);
    root["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    root["title"] = json!("A specification for Break My Work");
    root["definitions"] = Value::Object(definitions);
    root
}

/// An arm as a file has it: settings of its own stand in sections, any of them.
fn arm(definitions: &Map<String, Value>) -> Value {
    let mut properties = Map::new();
    properties.insert(
        "name".into(),
        json!({ "type": "string", "description": "Unique within the specification.", "maxLength": limits::ARM_CHARS }),
    );
    for (field, ty) in [
        ("dropout", "Dropout"),
        ("task", "Task"),
        ("model", "Model"),
        ("training", "Training"),
        ("evaluation", "Evaluation"),
    ] {
        debug_assert!(definitions.contains_key(ty), "{ty}");
        properties.insert(
            field.into(),
            json!({ "allOf": [{ "$ref": format!("#/definitions/{ty}") }] }),
        );
    }
    json!({
        "type": "object", "description": "One configuration being compared.", "required": ["name"],
        "properties": properties, "additionalProperties": false
    })
}

fn preset() -> Value {
    let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
    json!({
        "enum": names,
        "description": "A named method, which stands for its sites; what is given beside it replaces the method’s own."
    })
}

/// A type as a file may write it: references within the document, what has a default left out, nothing unknown.
fn file(mut schema: Value) -> Value {
    loosen(&mut schema);
    schema
}

fn loosen(schema: &mut Value) {
    match schema {
        Value::Object(table) => {
            if let Some(Value::String(to)) = table.get_mut("$ref") {
                *to = to.replace("#/components/schemas/", "#/definitions/");
            }
            if table.contains_key("properties") {
                table.remove("required");
                table.insert("additionalProperties".into(), false.into());
            }
            table.values_mut().for_each(loosen);
        }
        Value::Array(items) => items.iter_mut().for_each(loosen),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::TEMPLATES;
    use std::io::Write;
    use std::process::{Command, Stdio};

    /// Every template fits, in the eyes of Python's jsonschema, and what has a slip in it does not.
    #[test]
    fn an_outside_validator_agrees() {
        let mut cases = Vec::new();
        let mut case = |name: &str, toml: &str, fits: bool| {
            let table: toml::Table = toml.parse().expect("TOML");
            cases.push(json!({ "name": name, "value": table, "fits": fits }));
        };
        for template in TEMPLATES {
            case(template.name, template.toml, true);
        }
        let first = TEMPLATES[0].toml;
        for (slip, right, wrong) in [
            ("unknown field", "length = 30", "lenght = 30"),
            ("unknown task", "name = \"adding\"", "name = \"addition\""),
            ("too many units", "hidden = 32", "hidden = 32000"),
            ("unknown time", "time = \"fixed\"", "time = \"sometimes\""),
            (
                "unknown metric",
                "metric = \"test_mse\"",
                "metric = \"speed\"",
            ),
            ("a word for a number", "batch = 32", "batch = \"many\""),
            ("no seeds", "seeds = 8", ""),
        ] {
            assert!(first.contains(right), "{right}");
            case(slip, &first.replacen(right, wrong, 1), false);
        }
        let input = json!({ "schema": schema(), "cases": cases }).to_string();
        let program = r#"
import json, sys, jsonschema
given = json.load(sys.stdin)
jsonschema.Draft7Validator.check_schema(given["schema"])
validator = jsonschema.Draft7Validator(given["schema"])
for case in given["cases"]:
    errors = [f"{e.json_path}: {e.message}" for e in validator.iter_errors(case["value"])]
    if (not errors) != case["fits"]:
        print(case["name"], errors[:3])
"#;
        let mut python = Command::new("python3")
            .args(["-c", program])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("python3 is there");
        let mut stdin = python.stdin.take().expect("a pipe");
        stdin.write_all(input.as_bytes()).expect("it reads");
        drop(stdin);
        let output = python.wait_with_output().expect("it ends");
        let told = String::from_utf8_lossy(&output.stdout);
        let trouble = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && told.is_empty(),
            "{told}{trouble}"
        );
    }

    #[test]
    fn every_bound_is_of_a_field_and_every_type_is_closed() {
        let definitions = schema()["definitions"].as_object().expect("types");
        for (ty, field, least, most) in bounds() {
            let property = &definitions[ty]["properties"][field];
            assert!(
                property["type"].is_string() || property["type"].is_array(),
                "{ty}.{field}: {property}"
            );
            assert!(least < most);
        }
        for name in [
            "Task",
            "Model",
            "Training",
            "Evaluation",
            "Dropout",
            "Site",
            "Criterion",
            "Arm",
        ] {
            assert_eq!(definitions[name]["additionalProperties"], false, "{name}");
        }
        assert!(!schema().to_string().contains("#/components/"));
    }
}
