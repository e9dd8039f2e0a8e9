//! The frozen form: one text for one specification, whatever the order in which it was written.

use super::search::SearchPlan;
use super::types::{Plan, Spec};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

impl Spec {
    /// The specification with every default filled in.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("a specification is plain data")
    }

    /// Canonical JSON: keys sorted, no white space, numbers in their shortest form.
    pub fn canonical(&self) -> String {
        canonical(self)
    }

    /// SHA-256 of [`Self::canonical`], in hexadecimal.
    pub fn sha256(&self) -> String {
        sha256(&self.canonical())
    }

    /// Number of runs: one for each arm and seed; of a search the most that it takes. Those of a tuning come before them.
    pub fn runs(&self) -> usize {
        match SearchPlan::of(self) {
            Some(plan) => plan.runs() as usize,
            None => self.arms.len() * self.seeds.count(),
        }
    }

    /// What a run of that arm and seed trains; nothing if there is no such arm.
    pub fn plan(&self, arm: &str, seed: u32) -> Option<Plan> {
        let arm = self.arms.iter().find(|other| other.name == arm)?;
        Some(Plan {
            arm: arm.name.clone(),
            seed,
            setup: arm.setup.clone(),
        })
    }

    /// Whether the seeds run one after the other, until the criterion stops or the last of them has run.
    pub fn is_sequential(&self) -> bool {
        self.criterion
            .as_ref()
            .is_some_and(|criterion| criterion.stopping.is_some())
    }
}

impl Plan {
    /// SHA-256 of the plan's canonical JSON, in hexadecimal.
    pub fn sha256(&self) -> String {
        sha256(&canonical(self))
    }
}

fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

fn canonical(thing: &impl Serialize) -> String {
    let value = serde_json::to_value(thing).expect("plain data");
    let mut text = String::new();
    write(&value, &mut text);
    text
}

/// Sorts keys itself: whether serde_json's maps are sorted depends on a feature that any dependency may turn on.
fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(table) => {
            let mut keys: Vec<&String> = table.keys().collect();
            keys.sort();
            text.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write(&table[key], text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use crate::spec::{self, Format};
    use std::collections::BTreeMap;
    use std::fs;

    /// What is registered keeps its bytes whatever is built later: seeds are drawn from their hash, and checkpoints belong to
    /// that of their plan. A field that is new is left out of the JSON where it is absent (`skip_serializing_if`); a line of
    /// this list is never changed for an experiment that may stand on a board.
    #[test]
    fn what_was_frozen_keeps_its_hash() {
        let mut hashes = BTreeMap::new();
        for entry in fs::read_dir("../examples/specs").expect("the ready specifications") {
            let path = entry.expect("an entry").path();
            let name = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            let text = fs::read_to_string(&path).expect("reads");
            let spec = spec::read(&text, Format::Toml).expect("a good specification");
            let plans = spec.arms.iter().filter_map(|arm| spec.plan(&arm.name, 1));
            let plans: Vec<String> = plans.map(|plan| plan.sha256()).collect();
            hashes.insert(name, (spec.sha256(), plans));
        }
        assert!(hashes.len() > 40, "{}", hashes.len());
        insta::assert_json_snapshot!("frozen", hashes);
    }
}
