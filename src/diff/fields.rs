//! Two specifications, field by field.

use crate::db::experiments::Experiment;
use breakmywork_protocol::spec::FIELD_ORDER;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Where a field stands, in the order in which differences are read: what decides comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// What decides.
    Criterion,
    /// Where a search looks, and with how many runs.
    Search,
    /// How many seeds, or which.
    Seeds,
    /// An arm's own settings.
    Arms,
    /// What is learned.
    Task,
    /// The network.
    Model,
    /// How it is trained.
    Training,
    /// How it is measured.
    Evaluation,
}

const SECTIONS: [(Section, &str); 8] = [
    (Section::Criterion, "criterion"),
    (Section::Search, "search"),
    (Section::Seeds, "seeds"),
    (Section::Arms, "arms"),
    (Section::Task, "task"),
    (Section::Model, "model"),
    (Section::Training, "training"),
    (Section::Evaluation, "evaluation"),
];

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Change {
    /// Where it stands.
    pub section: Section,
    /// Of an arm's field: the arm.
    pub arm: Option<String>,
    /// Its name, or the path to it: `margin`, `task.length`, `arms.fixed.dropout.state.rate`.
    pub path: String,
    /// What it was; null if it was not there.
    pub before: Option<Value>,
    /// What it is; null if it is gone.
    pub after: Option<Value>,
}

impl Change {
    /// What happened to it, in a word.
    pub fn word(&self) -> &'static str {
        match (&self.before, &self.after) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "changed",
        }
    }
}

/// The fields that differ. Arms are told apart by their names, so that one which moved has not changed.
pub(super) fn changes(before: &Experiment, after: &Experiment) -> Vec<Change> {
    differing(&filled_in(before), &filled_in(after))
}

/// The specification with the defaults that this version writes out; as it is stored, if it cannot be read any more.
fn filled_in(experiment: &Experiment) -> Value {
    match experiment.parsed() {
        Ok(spec) => spec.to_json(),
        Err(_) => experiment.spec.clone(),
    }
}

fn differing(before: &Value, after: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    for (section, name) in SECTIONS {
        let (old, new) = (before.get(name), after.get(name));
        if section == Section::Arms {
            arms(old, new, &mut changes);
        } else {
            descend(section, None, name, old, new, &mut changes);
        }
    }
    changes
}

fn arms(before: Option<&Value>, after: Option<&Value>, changes: &mut Vec<Change>) {
    let (before, after) = (named(before), named(after));
    let find = |arms: &[(String, Value)], name: &str| {
        let arm = arms.iter().find(|(other, _)| other == name);
        arm.map(|(_, arm)| arm.clone())
    };
    let mut names: Vec<&String> = before.iter().map(|(name, _)| name).collect();
    let fresh = after.iter().map(|(name, _)| name);
    names.extend(fresh.filter(|name| find(&before, name).is_none()));
    for name in names {
        let (old, new) = (find(&before, name), find(&after, name));
        let path = format!("arms.{name}");
        descend(
            Section::Arms,
            Some(name),
            &path,
            old.as_ref(),
            new.as_ref(),
            changes,
        );
    }
}

/// Arms by their names.
fn named(arms: Option<&Value>) -> Vec<(String, Value)> {
    let arms = arms.and_then(Value::as_array).cloned().unwrap_or_default();
    let named = arms.into_iter().filter_map(|mut arm| {
        let name = arm.as_object_mut()?.remove("name")?;
        Some((name.as_str()?.to_owned(), arm))
    });
    named.collect()
}

/// Notes what differs below `path`: of tables their fields, of anything else the whole.
fn descend(
    section: Section,
    arm: Option<&str>,
    path: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    changes: &mut Vec<Change>,
) {
    if before == after {
        return;
    }
    let table = |value: Option<&Value>| value.and_then(Value::as_object).cloned();
    let (old, new) = (table(before), table(after));
    let fits = |value: Option<&Value>, table: &Option<Map<_, _>>| {
        value.is_none() || table.as_ref().is_some_and(|table| !table.is_empty())
    };
    if fits(before, &old) && fits(after, &new) {
        let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
        for key in keys(&old, &new) {
            let path = format!("{path}.{key}");
            descend(section, arm, &path, old.get(key), new.get(key), changes);
        }
        return;
    }
    changes.push(Change {
        section,
        arm: arm.map(str::to_owned),
        path: path.to_owned(),
        before: before.cloned(),
        after: after.cloned(),
    });
}

/// The names of both, in the order in which people read them.
fn keys<'a>(old: &'a Map<String, Value>, new: &'a Map<String, Value>) -> Vec<&'a String> {
    let all: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let mut keys: Vec<&String> = all.into_iter().collect();
    let place = |key: &str| FIELD_ORDER.iter().position(|name| *name == key);
    keys.sort_by_key(|key| place(key).unwrap_or(FIELD_ORDER.len()));
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(changes: &[Change]) -> Vec<String> {
        let side = |value: &Option<Value>| value.as_ref().map_or("-".into(), Value::to_string);
        changes
            .iter()
            .map(|change| {
                let (before, after) = (side(&change.before), side(&change.after));
                format!("{}: {before} > {after}", change.path)
            })
            .collect()
    }

    #[test]
    fn the_criterion_comes_first_and_arms_are_matched_by_name() {
        let before = json!({
            "title": "a", "seeds": 8, "task": { "name": "adding", "length": 50 },
            "arms": [
                { "name": "x.y", "dropout": { "state": { "rate": 0.5, "time": "fixed" } } },
                { "name": "gone", "dropout": {} },
            ],
            "criterion": { "margin": 0.1, "metric": "test_mse" },
        });
        let after = json!({
            "title": "b", "seeds": 16, "task": { "name": "adding", "length": 50, "fraction": 0.5 },
            "arms": [
                { "name": "new", "dropout": {}, "model": { "hidden": 8 } },
                { "name": "x.y", "dropout": { "state": { "rate": 0.25, "time": "fixed" } } },
            ],
            "criterion": { "margin": 0.2, "metric": "test_mse" },
        });
        assert_eq!(
            told(&differing(&before, &after)),
            [
                "criterion.margin: 0.1 > 0.2",
                "seeds: 8 > 16",
                "arms.x.y.dropout.state.rate: 0.5 > 0.25",
                "arms.gone.dropout: {} > -",
                "arms.new.dropout: - > {}",
                "arms.new.model.hidden: - > 8",
                "task.fraction: - > 0.5",
            ]
        );
        assert!(differing(&before, &before).is_empty());
    }

    #[test]
    fn a_criterion_that_came_or_went_is_told_field_by_field() {
        let with = json!({ "criterion": { "margin": 0.1, "conditions": [["a", "b"]] } });
        assert_eq!(
            told(&differing(&json!({}), &with)),
            [
                "criterion.conditions: - > [[\"a\",\"b\"]]",
                "criterion.margin: - > 0.1"
            ]
        );
        assert_eq!(differing(&with, &json!({}))[0].word(), "removed");
    }
}
