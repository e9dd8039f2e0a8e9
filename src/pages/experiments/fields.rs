//! The fields of the form, and how they and the TOML become each other.
//!
//! A field's name is its JSON pointer with dashes (`training-learning_rate`,
//! `arms-0-dropout-state-rate`), so that a problem finds its field. Values stay
//! as typed: what is not a number goes into the TOML as text, and the
//! specification's reader says what is wrong with it.

use breakmywork_protocol::spec::{MaskTime, SiteName};
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

/// Sites that the form offers, the usual ones first.
pub(super) const SITES: [SiteName; 9] = [
    SiteName::Input,
    SiteName::State,
    SiteName::Output,
    SiteName::Between,
    SiteName::RecurrentWeights,
    SiteName::Update,
    SiteName::Cell,
    SiteName::ZoneoutCell,
    SiteName::ZoneoutState,
];

/// How many of [`SITES`] are always in view.
pub(super) const USUAL: usize = 3;

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
    /// The named method, if one is chosen.
    pub(super) preset: String,
    /// In the order of [`SITES`].
    pub(super) sites: [SiteFields; SITES.len()],
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
                || field == format!("arms-{arm}-dropout-preset")
                || SITES.iter().any(|site| {
                    let site = format!("arms-{arm}-dropout-{}", site.name());
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
                    preset: get(&format!("arms-{arm}-dropout-preset")).unwrap_or_default(),
                    sites: SITES.map(|site| {
                        let site = format!("arms-{arm}-dropout-{}", site.name());
                        SiteFields {
                            rate: get(&format!("{site}-rate")).unwrap_or_default(),
                            time: get(&format!("{site}-time")).unwrap_or_default(),
                        }
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
        let get = |key| dropout.and_then(|dropout| dropout.get(key));
        let preset = get("preset").map(shown).unwrap_or_default();
        Self {
            name: arm.get("name").map(shown).unwrap_or_default(),
            sites: SITES.map(|site| SiteFields::from_toml(site, get(site.name()), &preset)),
            preset,
        }
    }

    fn apply(&self, arm: &mut Table) {
        let before = Self::from_toml(arm);
        set(arm, "name", &self.name, false);
        let had = arm.contains_key("dropout");
        let mut dropout = match arm.remove("dropout") {
            Some(Value::Table(dropout)) => dropout,
            Some(other) => {
                arm.insert("dropout".into(), other);
                return;
            }
            None => Table::new(),
        };
        let was_empty = dropout.is_empty();
        set(&mut dropout, "preset", &self.preset, false);
        for ((site, typed), before) in SITES.into_iter().zip(&self.sites).zip(&before.sites) {
            let untouched = typed == before;
            // What stood for the preset's time says nothing once the preset is gone.
            if untouched && (self.has_preset() || !typed.time.is_empty() || typed.is_empty()) {
                continue;
            }
            typed.apply(site, &mut dropout, self.has_preset());
        }
        if !dropout.is_empty() || (had && was_empty) {
            arm.insert("dropout".into(), Value::Table(dropout));
        }
    }

    /// Whether a named method is chosen.
    pub(super) fn has_preset(&self) -> bool {
        !self.preset.is_empty()
    }

    /// Whether anything is said about the sites that are not always in view.
    pub(super) fn has_unusual(&self) -> bool {
        self.sites.iter().skip(USUAL).any(|site| !site.is_empty())
    }
}

impl SiteFields {
    /// Without a preset a site that is given drops units even if it leaves its time out, so the time is shown.
    fn from_toml(name: SiteName, site: Option<&Value>, preset: &str) -> Self {
        let Some(site) = site.and_then(Value::as_table) else {
            return Self::default();
        };
        let usual = if preset.is_empty() {
            usual_time(name)
        } else {
            ""
        };
        Self {
            rate: site.get("rate").map(shown).unwrap_or_default(),
            time: site.get("time").map_or_else(|| usual.to_owned(), shown),
        }
    }

    fn is_empty(&self) -> bool {
        self.rate.is_empty() && self.time.is_empty()
    }

    fn apply(&self, name: SiteName, dropout: &mut Table, preset: bool) {
        let name = name.name();
        if self.time.is_empty() && !preset {
            dropout.remove(name);
            return;
        }
        if !self.is_empty() {
            dropout
                .entry(name)
                .or_insert_with(|| Value::Table(Table::new()));
        }
        let Some(Value::Table(site)) = dropout.get_mut(name) else {
            return;
        };
        set(site, "rate", &self.rate, true);
        set(site, "time", &self.time, false);
        if site.is_empty() {
            dropout.remove(name);
        }
    }
}

/// What holds where a site leaves its time out.
fn usual_time(name: SiteName) -> &'static str {
    if name.is_zoneout() {
        MaskTime::PerStep.name()
    } else {
        MaskTime::Fixed.name()
    }
}

#[cfg(test)]
impl ArmFields {
    /// The dropout of an arm as a browser posts it.
    pub(super) fn posted(&self, arm: &str) -> Vec<(String, String)> {
        let mut posted = vec![(format!("{arm}-dropout-preset"), self.preset.clone())];
        for (site, typed) in SITES.iter().zip(&self.sites) {
            let site = format!("{arm}-dropout-{}", site.name());
            posted.push((format!("{site}-rate"), typed.rate.clone()));
            posted.push((format!("{site}-time"), typed.time.clone()));
        }
        posted
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
mod tests;
