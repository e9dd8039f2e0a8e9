//! The fields of the form, and how they and the TOML become each other.
//!
//! A field's name is its JSON pointer with dashes (`training-learning_rate`,
//! `arms-0-dropout-state-rate`), so that a problem finds its field. Values stay
//! as typed: what is not a number goes into the TOML as text, and the
//! specification's reader says what is wrong with it.

use std::collections::BTreeMap;
use toml::{Table, Value};

/// Fields outside the arms: name of the section (empty: top level), key, whether it is a number.
const FIELDS: [(&str, &str, bool); 21] = [
    ("", "title", false),
    ("task", "name", false),
    ("task", "length", true),
    ("model", "cell", false),
    ("model", "layers", true),
    ("model", "hidden", true),
    ("training", "optimizer", false),
    ("training", "learning_rate", true),
    ("training", "batch", true),
    ("training", "steps", true),
    ("training", "clip", true),
    ("evaluation", "every", true),
    ("evaluation", "sequences", true),
    ("criterion", "kind", false),
    ("criterion", "metric", false),
    ("criterion", "treatment", false),
    ("criterion", "control", false),
    ("criterion", "better", false),
    ("criterion", "margin", true),
    ("criterion", "alpha", true),
    ("criterion", "threshold", true),
];

/// Sites that the form offers.
pub(super) const SITES: [&str; 3] = ["input", "state", "output"];

/// Most arms that are read from a posted form; the specification's limit is lower.
const MOST_ARMS: usize = 50;

/// Dropout at one site, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct SiteFields {
    pub(super) rate: String,
    pub(super) time: String,
}

/// An arm, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct ArmFields {
    pub(super) name: String,
    /// In the order of [`SITES`].
    pub(super) sites: [SiteFields; 3],
}

/// The form, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Fields {
    values: BTreeMap<String, String>,
    pub(super) seeds: String,
    pub(super) arms: Vec<ArmFields>,
}

fn name(section: &str, key: &str) -> String {
    if section.is_empty() {
        key.to_owned()
    } else {
        format!("{section}-{key}")
    }
}

impl Fields {
    /// What was typed into a field.
    pub(super) fn get(&self, field: &str) -> &str {
        self.values.get(field).map_or("", String::as_str)
    }

    /// Whether the form has a field of that name.
    pub(super) fn has(&self, field: &str) -> bool {
        let base = field == "seeds"
            || FIELDS
                .iter()
                .any(|(section, key, _)| name(section, key) == field);
        base || self.arms.iter().enumerate().any(|(arm, _)| {
            field == format!("arms-{arm}-name")
                || SITES.iter().any(|site| {
                    let site = format!("arms-{arm}-dropout-{site}");
                    field == format!("{site}-rate") || field == format!("{site}-time")
                })
        })
    }

    /// From what a browser posted.
    pub(super) fn from_form(posted: &[(String, String)]) -> Self {
        let get = |field: &str| {
            let found = posted.iter().find(|(name, _)| name == field);
            found.map(|(_, value)| value.trim().to_owned())
        };
        let values = FIELDS
            .iter()
            .map(|(section, key, _)| name(section, key))
            .filter_map(|field| Some((field.clone(), get(&field)?)))
            .collect();
        let arms = (0..MOST_ARMS)
            .map_while(|arm| {
                Some(ArmFields {
                    name: get(&format!("arms-{arm}-name"))?,
                    sites: SITES.map(|site| SiteFields {
                        rate: get(&format!("arms-{arm}-dropout-{site}-rate")).unwrap_or_default(),
                        time: get(&format!("arms-{arm}-dropout-{site}-time")).unwrap_or_default(),
                    }),
                })
            })
            .collect();
        Self {
            values,
            seeds: get("seeds").unwrap_or_default(),
            arms,
        }
    }

    /// From a parsed document. What has no field stays in the document alone.
    pub(super) fn from_toml(document: &Table) -> Self {
        let values = FIELDS
            .iter()
            .map(|(section, key, _)| {
                let table = if section.is_empty() {
                    Some(document)
                } else {
                    document.get(*section).and_then(Value::as_table)
                };
                let value = table.and_then(|table| table.get(*key)).map(shown);
                (name(section, key), value.unwrap_or_default())
            })
            .collect();
        let arms = document.get("arms").and_then(Value::as_array);
        let arms = arms
            .into_iter()
            .flatten()
            .filter_map(Value::as_table)
            .map(ArmFields::from_toml)
            .collect();
        Self {
            values,
            seeds: document.get("seeds").map(seeds_shown).unwrap_or_default(),
            arms,
        }
    }

    /// Writes the fields into a document; what has no field stays as it is.
    pub(super) fn apply(&self, document: &mut Table) {
        for (section, key, is_number) in FIELDS {
            let typed = self.get(&name(section, key));
            let table = if section.is_empty() {
                &mut *document
            } else {
                if typed.is_empty() && !document.contains_key(section) {
                    continue;
                }
                let entry = document
                    .entry(section)
                    .or_insert_with(|| Value::Table(Table::new()));
                let Value::Table(table) = entry else { continue };
                table
            };
            set(table, key, typed, is_number);
        }
        if self.seeds.is_empty() {
            document.remove("seeds");
        } else if document.get("seeds").map(seeds_shown).as_deref() != Some(&self.seeds) {
            document.insert("seeds".into(), seeds_read(&self.seeds));
        }
        let mut arms: Vec<Value> = document
            .remove("arms")
            .and_then(|arms| arms.as_array().cloned())
            .unwrap_or_default();
        arms.resize_with(self.arms.len(), || Value::Table(Table::new()));
        for (arm, value) in self.arms.iter().zip(&mut arms) {
            if let Value::Table(table) = value {
                arm.apply(table);
            }
        }
        if !arms.is_empty() {
            document.insert("arms".into(), Value::Array(arms));
        }
    }
}

impl ArmFields {
    fn from_toml(arm: &Table) -> Self {
        let dropout = arm.get("dropout").and_then(Value::as_table);
        Self {
            name: arm.get("name").map(shown).unwrap_or_default(),
            sites: SITES.map(|site| {
                let site = dropout
                    .and_then(|dropout| dropout.get(site))
                    .and_then(Value::as_table);
                let get = |key| {
                    site.and_then(|site| site.get(key))
                        .map(shown)
                        .unwrap_or_default()
                };
                SiteFields {
                    rate: get("rate"),
                    time: get("time"),
                }
            }),
        }
    }

    fn apply(&self, arm: &mut Table) {
        set(arm, "name", &self.name, false);
        let mut dropout = match arm.remove("dropout") {
            Some(Value::Table(dropout)) => dropout,
            Some(other) => {
                arm.insert("dropout".into(), other);
                return;
            }
            None => Table::new(),
        };
        for (name, typed) in SITES.into_iter().zip(&self.sites) {
            if typed.time.is_empty() {
                dropout.remove(name);
                continue;
            }
            let site = dropout
                .entry(name)
                .or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(site) = site {
                set(site, "rate", &typed.rate, true);
                set(site, "time", &typed.time, false);
            }
        }
        if !dropout.is_empty() {
            arm.insert("dropout".into(), Value::Table(dropout));
        }
    }
}

/// Sets a key from what was typed. A value that is shown just so already keeps its spelling.
fn set(table: &mut Table, key: &str, typed: &str, is_number: bool) {
    if typed.is_empty() {
        table.remove(key);
    } else if table.get(key).map(shown).as_deref() != Some(typed) {
        let value = if is_number {
            number(typed)
        } else {
            Value::from(typed)
        };
        table.insert(key.to_owned(), value);
    }
}

fn number(typed: &str) -> Value {
    // A comma for the decimal point is common; it can mean nothing else here.
    let plain = typed.replace(',', ".");
    if let Ok(whole) = plain.parse::<i64>() {
        return Value::Integer(whole);
    }
    match plain.parse::<f64>() {
        Ok(number) if number.is_finite() => Value::Float(number),
        _ => Value::from(typed),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Seeds as people write them: runs of consecutive numbers as `1-8`.
fn seeds_shown(value: &Value) -> String {
    let numbers: Option<Vec<i64>> = value
        .as_array()
        .and_then(|seeds| seeds.iter().map(Value::as_integer).collect());
    let Some(numbers) = numbers else {
        return shown(value);
    };
    let mut parts: Vec<(i64, i64)> = Vec::new();
    for number in numbers {
        match parts.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => parts.push((number, number)),
        }
    }
    let parts: Vec<String> = parts
        .into_iter()
        .map(|(first, last)| match last - first {
            0 => first.to_string(),
            1 => format!("{first}, {last}"),
            _ => format!("{first}-{last}"),
        })
        .collect();
    parts.join(", ")
}

/// Most seeds that a range is spelled out to; the specification's limit is lower and says so.
const MOST_SEEDS: i64 = 1000;

fn seeds_read(typed: &str) -> Value {
    let mut seeds = Vec::new();
    for part in typed.split([',', ' ']).filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once(['-', '–']).unwrap_or((part, part));
        match (first.trim().parse::<i64>(), last.trim().parse::<i64>()) {
            (Ok(first), Ok(last)) if first <= last && last - first < MOST_SEEDS => {
                seeds.extend((first..=last).map(Value::Integer));
            }
            _ => return Value::from(typed),
        }
    }
    Value::Array(seeds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::TEMPLATES;

    fn posted(fields: &Fields) -> Vec<(String, String)> {
        let mut posted: Vec<(String, String)> = fields.values.clone().into_iter().collect();
        posted.push(("seeds".into(), fields.seeds.clone()));
        for (index, arm) in fields.arms.iter().enumerate() {
            posted.push((format!("arms-{index}-name"), arm.name.clone()));
            for (site, typed) in SITES.iter().zip(&arm.sites) {
                posted.push((
                    format!("arms-{index}-dropout-{site}-rate"),
                    typed.rate.clone(),
                ));
                posted.push((
                    format!("arms-{index}-dropout-{site}-time"),
                    typed.time.clone(),
                ));
            }
        }
        posted
    }

    #[test]
    fn untouched_fields_change_nothing() {
        for template in TEMPLATES {
            let document: Table = template.toml.parse().expect("TOML");
            let fields = Fields::from_form(&posted(&Fields::from_toml(&document)));
            let mut applied = document.clone();
            fields.apply(&mut applied);
            assert_eq!(applied, document, "{}", template.name);
        }
    }

    #[test]
    fn what_is_typed_arrives_and_the_rest_stays() {
        let mut document: Table =
            "[task]\nname = \"adding\"\nodd = 1\n[[arms]]\nname = \"a\"\ntraining.steps = 5\n"
                .parse()
                .expect("TOML");
        let mut fields = Fields::from_toml(&document);
        fields.values.insert("task-length".into(), "abc".into());
        fields.values.insert("training-clip".into(), "0,5".into());
        fields.seeds = "1-3, 7".into();
        fields.arms[0].sites[1] = SiteFields {
            rate: "0.25".into(),
            time: "fixed".into(),
        };
        fields.apply(&mut document);
        assert_eq!(document["task"]["odd"].as_integer(), Some(1));
        assert_eq!(document["task"]["length"].as_str(), Some("abc"));
        assert_eq!(document["training"]["clip"].as_float(), Some(0.5));
        assert_eq!(document["seeds"].as_array().map(Vec::len), Some(4));
        assert_eq!(
            document["arms"][0]["training"]["steps"].as_integer(),
            Some(5)
        );
        assert_eq!(
            document["arms"][0]["dropout"]["state"]["rate"].as_float(),
            Some(0.25)
        );
        assert_eq!(Fields::from_toml(&document), {
            fields.values.insert("training-clip".into(), "0.5".into());
            fields
        });
    }

    #[test]
    fn seeds_read_as_they_are_shown() {
        for text in ["1-8", "1, 2", "5", "1-3, 7, 9-12"] {
            assert_eq!(seeds_shown(&seeds_read(text)), text);
        }
        assert_eq!(seeds_read("many").as_str(), Some("many"));
        assert_eq!(seeds_read("1-99999999999").as_str(), Some("1-99999999999"));
    }
}
