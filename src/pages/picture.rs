//! The arms of a specification as pictures.

use crate::render::{
    dropout,
    html::Html,
    number,
    unrolled::{self, Sheet},
};
use breakmywork_protocol::spec::{Arm, Dropout, MaskTime, Site, Spec, sequence_length};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One arm, drawn.
#[derive(Debug)]
pub struct ArmPicture {
    pub(super) name: String,
    pub(super) part: &'static str,
    pub(super) svg: Html,
    pub(super) notes: Vec<String>,
}

/// All arms of a specification. `prefix` keeps ids of several specifications on a page apart.
pub fn arms(spec: &Spec, prefix: &str) -> Vec<ArmPicture> {
    let criterion = spec.criterion.as_ref();
    let sheet = Sheet::of(spec.arms.iter().map(|arm| &arm.dropout));
    spec.arms
        .iter()
        .enumerate()
        .map(|(index, arm)| ArmPicture {
            name: arm.name.clone(),
            part: criterion.map_or("", |criterion| criterion.part(&arm.name)),
            svg: unrolled::svg(&arm.dropout, &format!("{prefix}-{index}"), sheet),
            notes: notes(arm),
        })
        .collect()
}

/// What the arms differ in: a field, and its value in each arm.
pub fn differences(spec: &Spec) -> Vec<(String, Vec<String>)> {
    let arms: Vec<BTreeMap<String, Value>> = spec
        .arms
        .iter()
        .map(|arm| {
            let mut fields = BTreeMap::new();
            let setup = serde_json::to_value(&arm.setup).unwrap_or_default();
            flatten("", &setup, &mut fields);
            fields
        })
        .collect();
    let names: BTreeSet<&String> = arms.iter().flat_map(BTreeMap::keys).collect();
    let differs = |name: &&String| {
        let mut values = arms.iter().map(|fields| fields.get(name.as_str()));
        let first = values.next().flatten();
        let mut there = arms.iter().filter_map(|fields| fields.get(name.as_str()));
        let one = there.next();
        // Of what an arm has not at all its rate and its time say enough.
        let tells = name.ends_with(".rate")
            || name.ends_with(".time")
            || !there.all(|value| Some(value) == one);
        let whole = arms.iter().all(|fields| fields.contains_key(name.as_str()));
        values.any(|value| value != first) && (whole || tells || !name.starts_with("dropout."))
    };
    let shown = |fields: &BTreeMap<String, Value>, name: &str| match fields.get(name) {
        None => "–".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.as_f64().map_or(other.to_string(), number::plain),
    };
    names
        .into_iter()
        .filter(differs)
        .map(|name| {
            let values = arms.iter().map(|fields| shown(fields, name)).collect();
            (name.clone(), values)
        })
        .collect()
}

/// The leaves of a table, by their paths; what is null is not there.
fn flatten(path: &str, value: &Value, fields: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                let path = match path {
                    "" => key.clone(),
                    path => format!("{path}.{key}"),
                };
                flatten(&path, value, fields);
            }
        }
        Value::Null => {}
        leaf => {
            fields.insert(path.to_owned(), leaf.clone());
        }
    }
}

fn notes(arm: &Arm) -> Vec<String> {
    let mut notes: Vec<String> = dropout::method(&arm.dropout, &arm.setup.model)
        .into_iter()
        .chain(dropout::sites(&arm.dropout))
        .collect();
    if notes.is_empty() {
        notes.push("nothing dropped".to_owned());
    }
    if sequence_length(&arm.setup.task) == 1 {
        notes
            .push("all is read in one step: of the steps drawn there is the first only".to_owned());
    }
    for (section, values) in &arm.overrides {
        for (key, value) in values.as_object().into_iter().flatten() {
            notes.push(format!("{section}.{key} = {value}"));
        }
    }
    notes
}

/// The question of the first page: one mask for all steps, or a new one each time.
pub fn the_question() -> [ArmPicture; 2] {
    [
        ("The same mask at every step", MaskTime::Fixed),
        ("A new mask at each step", MaskTime::PerStep),
    ]
    .map(|(name, time)| {
        let site = Site::new(0.25, time);
        let dropout = Dropout {
            state: Some(site),
            ..Dropout::default()
        };
        let id = if time == MaskTime::Fixed {
            "fixed"
        } else {
            "fresh"
        };
        ArmPicture {
            name: name.to_owned(),
            part: "",
            svg: unrolled::svg(&dropout, id, Sheet::of([&dropout])),
            notes: Vec::new(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakmywork_protocol::spec::{Format, read};

    #[test]
    fn only_what_differs_is_told_and_of_what_is_missing_only_the_gist() {
        let text = "title = \"t\"\nseeds = [1]\n[task]\nname = \"adding\"\nlength = 10\n[training]\nsteps = 10\n\
             [[arms]]\nname = \"a\"\ndropout.state = { rate = 0.2, time = \"fixed\" }\n\
             [[arms]]\nname = \"b\"\ndropout.state = { rate = 0.2, time = \"per_step\" }\ntask.length = 20\n\
             [[arms]]\nname = \"c\"\ndropout.state = { rate = 0.2, time = \"fixed\" }\ndropout.output = { rate = 0.5 }";
        let spec = read(text, Format::Toml).expect("is good");
        let found = differences(&spec);
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "dropout.output.rate",
                "dropout.output.time",
                "dropout.state.time",
                "task.length"
            ]
        );
        assert_eq!(found[0].1, ["–", "–", "0.5"]);
        assert_eq!(found[3].1, ["10", "20", "10"]);
    }
}
