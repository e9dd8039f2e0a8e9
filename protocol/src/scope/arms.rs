//! Which arms a claim compares: its treatment and its control, told by fields of what they train.
//!
//! Without this a prediction could be turned round, or an arm be spoilt beside the point, and the claim would pay for it.

use super::{Range, table};
use crate::spec::Setup;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A field that may not be there.
const ABSENT: &str = "absent";
/// A field that may differ between the arms.
const ANY: &str = "any";

/// Fields of the two arms that are compared, by their path, such as `dropout.state.time`. In all others they are alike.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(remote = "Self", deny_unknown_fields, default)]
pub struct Arms {
    /// Of the arm that the claim says is better.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub treatment: BTreeMap<String, Wanted>,
    /// Of the arm that it is compared with.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub control: BTreeMap<String, Wanted>,
}

table::read_as_one!(Arms, "a treatment and a control");

/// What a field must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Wanted {
    /// A number between two, both included; either may be open.
    Between(Range<f64>),
    /// This; `"absent"` where neither the field nor anything below it may be there, `"any"` where it only may differ between
    /// the arms.
    Is(Value),
}

impl Wanted {
    fn is_met(&self, path: &str, leaves: &Leaves) -> bool {
        match self {
            Self::Is(wanted) if wanted == ABSENT => !leaves.keys().any(|leaf| covers(path, leaf)),
            Self::Is(wanted) if wanted == ANY => true,
            Self::Is(wanted) => leaves.get(path) == Some(wanted),
            Self::Between(range) => leaves
                .get(path)
                .and_then(Value::as_f64)
                .is_some_and(|number| range.holds(number)),
        }
    }

    /// What it asks for, after the field's path; nothing where the field may be anything.
    pub(super) fn demand(&self) -> Option<String> {
        let number = crate::spec::number;
        Some(match self {
            Self::Is(wanted) if wanted == ANY => return None,
            Self::Is(wanted) if wanted == ABSENT => "is absent".into(),
            Self::Is(wanted) => format!("is {}", wanted.to_string().replace('"', "")),
            Self::Between(Range { least, most }) => match (least, most) {
                (Some(least), Some(most)) => {
                    format!("is from {} to {}", number(*least), number(*most))
                }
                (Some(least), None) => format!("is at least {}", number(*least)),
                (None, Some(most)) => format!("is at most {}", number(*most)),
                (None, None) => "is a number".into(),
            },
        })
    }
}

impl Arms {
    /// Whether the claim says nothing about them.
    pub fn are_open(&self) -> bool {
        self.treatment.is_empty() && self.control.is_empty()
    }

    /// Whether the claim says what this field, and not only one above it, is in an arm.
    pub(super) fn name(&self, path: &str) -> bool {
        self.treatment.contains_key(path) || self.control.contains_key(path)
    }

    /// What of the two arms is not what the claim compares, each as a sentence.
    pub fn mismatches(&self, treatment: &Setup, control: &Setup) -> Vec<String> {
        let [treatment, control] = [treatment, control].map(leaves);
        let sides = [
            ("treatment", &self.treatment, &treatment),
            ("control", &self.control, &control),
        ];
        let mut found = Vec::new();
        for (side, wanted, leaves) in sides {
            for (path, wanted) in wanted.iter().filter(|(path, it)| !it.is_met(path, leaves)) {
                let given = leaves.get(path).map_or(ABSENT.into(), Value::to_string);
                found.push(format!(
                    "In the claim's {side} {path} {}; here it is {}.",
                    wanted.demand().unwrap_or_default(),
                    given.replace('"', "")
                ));
            }
        }
        let meant = |leaf: &&String| {
            let mut paths = self.treatment.keys().chain(self.control.keys());
            paths.any(|path| covers(path, leaf))
        };
        let all: BTreeSet<&String> = treatment.keys().chain(control.keys()).collect();
        let apart: Vec<&str> = all
            .into_iter()
            .filter(|leaf| treatment.get(*leaf) != control.get(*leaf) && !meant(leaf))
            .map(String::as_str)
            .collect();
        if !apart.is_empty() {
            found.push(format!(
                "The arms differ in more than the claim is about: in {}.",
                apart.join(", ")
            ));
        }
        found
    }
}

/// The paths of all fields of a setup.
#[cfg(test)]
pub(super) fn paths(setup: &Setup) -> Vec<String> {
    leaves(setup).into_keys().collect()
}

type Leaves = BTreeMap<String, Value>;

/// Whether a field is that of the path, or lies below it.
fn covers(path: &str, leaf: &str) -> bool {
    leaf.strip_prefix(path)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Every field of a setup by its path. A site that drops nothing is no site.
fn leaves(setup: &Setup) -> Leaves {
    let mut value = serde_json::to_value(setup).expect("a setup is plain data");
    if let Some(sites) = value["dropout"].as_object_mut() {
        sites.retain(|_, site| site["rate"] != 0.0);
    }
    let mut found = Leaves::new();
    flatten(&value, String::new(), &mut found);
    found
}

fn flatten(value: &Value, path: String, found: &mut Leaves) {
    let Value::Object(table) = value else {
        found.insert(path, value.clone());
        return;
    };
    for (key, value) in table {
        let path = match path.as_str() {
            "" => key.clone(),
            path => format!("{path}.{key}"),
        };
        flatten(value, path, found);
    }
}
