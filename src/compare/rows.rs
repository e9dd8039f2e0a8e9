//! The rows of a comparison: settings, and what was measured.

use super::Group;
use crate::render::summary::Summary;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A setting, in each column.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Setting {
    /// Its path in a specification, as `model.hidden`.
    pub path: String,
    /// Its values, column by column; null where a column has none.
    pub values: Vec<Option<Value>>,
}

impl Setting {
    /// The values as a specification has them.
    pub fn words(&self) -> Vec<String> {
        let word = |value: &Option<Value>| match value {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
        };
        self.values.iter().map(word).collect()
    }
}

/// Something that was measured, in each column.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// Over the runs of each column that succeeded; null where none has it.
    pub summaries: Vec<Option<Summary>>,
}

/// Sections of a plan, in the order in which they are read.
const SECTIONS: [&str; 6] = [
    "dropout",
    "task",
    "model",
    "training",
    "evaluation",
    "criterion",
];

/// The settings of a plan by their paths, without what names the run itself.
pub(super) fn flattened(plan: Value) -> BTreeMap<String, Value> {
    let mut fields = BTreeMap::new();
    let sections = plan.as_object().into_iter().flatten();
    for (name, value) in sections.filter(|(name, _)| SECTIONS.contains(&name.as_str())) {
        flatten(value, name, &mut fields);
    }
    fields
}

/// Adds what lies below a path.
pub(super) fn flatten(value: &Value, path: &str, fields: &mut BTreeMap<String, Value>) {
    match value {
        Value::Null => {}
        Value::Object(parts) => {
            for (name, value) in parts {
                flatten(value, &format!("{path}.{name}"), fields);
            }
        }
        value => {
            fields.insert(path.to_owned(), value.clone());
        }
    }
}

/// The settings that differ between columns, and those that do not.
pub(super) fn settings(columns: &[&BTreeMap<String, Value>]) -> (Vec<Setting>, Vec<Setting>) {
    let paths: BTreeSet<&String> = columns.iter().flat_map(|column| column.keys()).collect();
    let mut paths: Vec<&String> = paths.into_iter().collect();
    let section = |path: &str| {
        let name = path.split('.').next().unwrap_or_default();
        SECTIONS.iter().position(|section| *section == name)
    };
    paths.sort_by_key(|path| section(path));
    let settings = paths.into_iter().map(|path| Setting {
        path: path.clone(),
        values: (columns.iter().map(|column| column.get(path).cloned())).collect(),
    });
    settings.partition(|setting| setting.values.windows(2).any(|pair| pair[0] != pair[1]))
}

/// What was measured, on unseen data first.
pub(super) fn metrics(groups: &[Group]) -> Vec<Metric> {
    let all = groups.iter().flat_map(|group| &group.metrics);
    let names: BTreeSet<&String> = all.flat_map(BTreeMap::keys).collect();
    let mut names: Vec<&String> = names.into_iter().collect();
    names.sort_by_key(|name| !name.starts_with("test"));
    let summary = |group: &Group, name: &str| {
        let values: Vec<f64> = (group.metrics.iter())
            .filter_map(|metrics| metrics.get(name).copied())
            .collect();
        Summary::of(&values)
    };
    names
        .into_iter()
        .map(|name| Metric {
            name: name.clone(),
            summaries: groups.iter().map(|group| summary(group, name)).collect(),
        })
        .collect()
}
