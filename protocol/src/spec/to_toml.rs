//! A specification as TOML, laid out as a person would write it.

use super::dropout::Site;
use super::tuning::Tuning;
use super::types::*;
use serde_json::{Map, Value};
use std::fmt::Write;

impl Spec {
    /// The specification as TOML, every default written out. Reading it again gives the same specification.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        line(&mut text, "title", &Value::from(self.title.as_str()));
        let seeds = serde_json::to_value(&self.seeds).unwrap_or_default();
        line(&mut text, "seeds", &seeds);
        section(&mut text, "[task]", &self.task);
        section(&mut text, "[model]", &self.model);
        section(&mut text, "[training]", &self.training);
        section(&mut text, "[evaluation]", &self.evaluation);
        for arm in &self.arms {
            text.push_str("\n[[arms]]\n");
            line(&mut text, "name", &Value::from(arm.name.as_str()));
            for (name, site) in arm.dropout.sites() {
                let _ = writeln!(text, "dropout.{} = {{ {} }}", name.name(), inline(site));
            }
            for (section, values) in &arm.overrides {
                for (key, value) in values.as_object().into_iter().flatten() {
                    line(&mut text, &format!("{section}.{key}"), value);
                }
            }
        }
        if let Some(criterion) = &self.criterion {
            section(&mut text, "[criterion]", criterion);
        }
        if let Some(search) = &self.search {
            text.push_str("\n[search]\n");
            line(&mut text, "budget", &Value::from(search.budget));
            for axis in &search.space {
                section(&mut text, "[[search.space]]", axis);
            }
        }
        if let Some(tuning) = &self.tuning {
            section(
                &mut text,
                "[tuning]",
                &Tuning {
                    fields: Vec::new(),
                    ..tuning.clone()
                },
            );
            for tuned in &tuning.fields {
                section(&mut text, "[[tuning.fields]]", tuned);
            }
        }
        text
    }
}

fn section(text: &mut String, header: &str, content: &impl serde::Serialize) {
    let Ok(Value::Object(table)) = serde_json::to_value(content) else {
        return;
    };
    let _ = writeln!(text, "\n{header}");
    for key in ordered(&table) {
        line(text, key, &table[key]);
    }
}

/// Fields of all sections in the order in which a person reads them, which is better than the alphabet.
pub const FIELD_ORDER: [&str; 77] = [
    "title",
    "seeds",
    "name",
    "dropout",
    "preset",
    "embedding",
    "input",
    "between",
    "state",
    "recurrent_weights",
    "update",
    "cell",
    "zoneout_cell",
    "zoneout_state",
    "output",
    "rate",
    "by",
    "time",
    "shared",
    "noise",
    "gates",
    "carry",
    "scaling",
    "until",
    "data",
    "vocabulary",
    "length",
    "windows",
    "fraction",
    "layers",
    "hidden",
    "tied_embeddings",
    "normalization",
    "normalization_gain",
    "initial_range",
    "forget_bias",
    "optimizer",
    "learning_rate",
    "batch",
    "steps",
    "epochs",
    "anneal",
    "anneal_after",
    "loss_over_time",
    "clip",
    "weight_decay",
    "decay_by",
    "ar",
    "tar",
    "networks",
    "every",
    "sequences",
    "samples",
    "uncertainty",
    "temperature",
    "shift",
    "search",
    "trials",
    "kind",
    "metric",
    "threshold",
    "treatment",
    "control",
    "other_treatment",
    "other_control",
    "field",
    "values",
    "from",
    "to",
    "field_scale",
    "conditions",
    "at_least",
    "better",
    "margin",
    "scale",
    "alpha",
    "stopping",
];

/// The fields of a site on one line.
fn inline(site: &Site) -> String {
    let Ok(Value::Object(table)) = serde_json::to_value(site) else {
        return String::new();
    };
    let fields = ordered(&table)
        .into_iter()
        .map(|key| format!("{key} = {}", plain(&table[key])));
    fields.collect::<Vec<_>>().join(", ")
}

fn ordered(table: &Map<String, Value>) -> Vec<&String> {
    let place = |key: &str| {
        FIELD_ORDER
            .iter()
            .position(|name| *name == key)
            .unwrap_or(FIELD_ORDER.len())
    };
    let mut keys: Vec<&String> = table.keys().collect();
    keys.sort_by_key(|key| place(key));
    keys
}

fn line(text: &mut String, key: &str, value: &Value) {
    let _ = writeln!(text, "{key} = {}", plain(value));
}

fn plain(value: &Value) -> String {
    match value {
        // A TOML float needs a point or an exponent.
        Value::Number(number) if number.is_f64() => {
            format!("{:?}", number.as_f64().unwrap_or_default())
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            format!("[{}]", items.join(", "))
        }
        Value::String(string) => toml::Value::from(string.as_str()).to_string(),
        other => other.to_string(),
    }
}
