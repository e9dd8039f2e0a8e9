//! The fields of the form, and how they and the TOML become each other.
//!
//! A field's name is its JSON pointer with dashes (`training-learning_rate`,
//! `arms-0-dropout-state-rate`), so that a problem finds its field. Values stay
//! as typed: what is not a number goes into the TOML as text, and the
//! specification's reader says what is wrong with it.

mod arm;
mod base;
mod conditions;
pub(super) mod listed;
pub(super) mod own;
mod value;

use super::posted::Posted;
use base::FIELDS;
use listed::LISTS;
use std::collections::{BTreeMap, HashMap, HashSet};
use toml::{Table, Value};
use value::{Kind, seeds_shown, set, shown};

#[cfg(test)]
use arm::SiteFields;
pub(super) use arm::{ArmFields, FINER, SITES, USUAL, has, when};
pub(super) use value::seeds_read;

/// Most arms that have fields, twice what a specification may have. Further ones stay in the TOML alone, where the
/// reader says that they are too many.
const MOST_ARMS: usize = 24;

/// Most characters of unreadable seeds that are written into the TOML.
const SEEDS_CHARS: usize = 200;

/// The form, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Fields {
    values: BTreeMap<String, String>,
    pub(super) seeds: String,
    pub(super) arms: Vec<ArmFields>,
    /// Pairs of arms, treatment and control: of `cells` the conditions beside the first.
    conditions: Vec<[String; 2]>,
    /// The rows of each of [`LISTS`]; nothing where a form from before did not have them.
    lists: [Option<Vec<listed::Row>>; LISTS.len()],
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

    /// The rows of conditions, each with its place: those that are there and two to fill.
    pub(super) fn conditions(&self) -> impl Iterator<Item = (usize, [&str; 2])> {
        let rows = conditions::rows(self.conditions.len());
        (0..rows).map(|row| {
            let pair = self.conditions.get(row);
            (row, pair.map_or(["", ""], |[one, other]| [one, other]))
        })
    }

    /// The rows of a list: those that are there and one to fill.
    pub(super) fn rows(&self, list: &listed::List) -> Vec<listed::Row> {
        let at = LISTS.iter().position(|other| other == list);
        let rows = at.and_then(|at| self.lists[at].clone());
        list.with_spare(rows.unwrap_or_default())
    }

    /// Names of all fields that the form has.
    pub(super) fn names(&self) -> HashSet<String> {
        let base = FIELDS.iter().map(|(section, key, _)| name(section, key));
        let arms = self.arms.iter().enumerate();
        let arms = arms.flat_map(|(place, arm)| arm.names(place));
        let conditions = (self
            .conditions()
            .flat_map(|(row, _)| conditions::names(row)))
        .collect::<Vec<_>>();
        base.chain(["seeds".to_owned()])
            .chain(arms)
            .chain(conditions)
            .chain(LISTS.iter().flat_map(|list| {
                let rows = 0..self.rows(list).len();
                rows.flat_map(|row| list.names(row))
            }))
            .collect()
    }

    /// Under which names mistakes are found whose fields have others, and these.
    pub(super) fn aliases(&self) -> HashMap<String, String> {
        let arms = self.arms.iter().enumerate();
        arms.flat_map(|(place, arm)| own::aliases(place, &arm.own))
            .collect()
    }

    /// Without the rows that do not yet say both what and how, of which no document can tell.
    pub(super) fn whole(&self) -> Self {
        let mut whole = self.clone();
        for arm in &mut whole.arms {
            arm.own.retain(own::is_whole);
        }
        whole
    }

    /// Takes what an earlier form had no fields for from the document: it was not said, and is not to be lost.
    pub(super) fn fill_unsaid(&mut self, document: &Table) {
        let before = Self::from_toml(document).arms;
        if before.len() != self.arms.len() {
            return;
        }
        for (arm, before) in self.arms.iter_mut().zip(before) {
            arm.own = before.own;
            for (site, before) in arm.sites.iter_mut().zip(before.sites) {
                site.finer = before.finer;
            }
        }
    }

    /// The same of lists, which no form had at first.
    pub(super) fn fill_unsaid_lists(&mut self, document: &Table) {
        for (rows, list) in self.lists.iter_mut().zip(&LISTS) {
            rows.get_or_insert_with(|| list.rows_of(document).unwrap_or_default());
        }
    }

    /// Adds the rows that somebody has only begun to fill, where the arms are the same.
    pub(super) fn keep_begun(&mut self, typed: &Self) {
        if self.arms.len() != typed.arms.len() {
            return;
        }
        for (arm, typed) in self.arms.iter_mut().zip(&typed.arms) {
            let begun = typed.own.iter().filter(|row| !own::is_whole(row));
            arm.own.extend(begun.cloned());
        }
    }

    /// From what a browser posted.
    pub(super) fn from_form(posted: &Posted) -> Self {
        let get = |field: &str| posted.find(field).map(|value| value.trim().to_owned());
        let values = FIELDS
            .iter()
            .map(|(section, key, _)| name(section, key))
            .filter_map(|field| Some((field.clone(), get(&field)?)))
            .collect();
        let arms = (0..MOST_ARMS)
            .map_while(|arm| ArmFields::from_form(arm, get))
            .collect();
        Self {
            values,
            seeds: get("seeds").unwrap_or_default(),
            arms,
            conditions: conditions::from_form(posted),
            lists: LISTS.map(|list| list.typed_rows(posted)),
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
            .take(MOST_ARMS)
            .map(ArmFields::from_toml)
            .collect();
        Self {
            values,
            seeds: document.get("seeds").map(seeds_shown).unwrap_or_default(),
            arms,
            conditions: conditions::from_toml(document).unwrap_or_default(),
            lists: LISTS.map(|list| Some(list.rows_of(document).unwrap_or_default())),
        }
    }

    /// Where an arm got another name, whatever spoke of it by its old name does so by the new one.
    pub(super) fn follow_renames(&mut self, document: &Table) {
        let before = Self::from_toml(document).arms;
        if before.len() != self.arms.len() {
            return;
        }
        for (old, new) in before.iter().zip(&self.arms) {
            let gone = !self.arms.iter().any(|arm| arm.name == old.name);
            if old.name.is_empty() || new.name.is_empty() || !gone {
                continue;
            }
            for part in ["treatment", "control", "other_treatment", "other_control"] {
                let part = &format!("criterion-{part}");
                if let Some(named) = self.values.get_mut(part)
                    && *named == old.name
                {
                    named.clone_from(&new.name);
                }
            }
            let conditions = self.conditions.iter_mut().flatten();
            for named in conditions.filter(|named| **named == old.name) {
                named.clone_from(&new.name);
            }
        }
    }

    /// Writes the fields into a document; what has no field stays as it is.
    pub(super) fn apply(&self, document: &mut Table) {
        let said = LISTS.map(|list| list.is_said(document));
        for (section, key, kind) in FIELDS {
            // A field that was not posted, since a form from before did not have it, says nothing.
            let Some(typed) = self.values.get(&name(section, key)) else {
                continue;
            };
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
            set(table, key, typed, kind);
        }
        conditions::apply(&self.conditions, document);
        for ((list, rows), said) in LISTS.iter().zip(&self.lists).zip(said) {
            if let Some(rows) = rows {
                list.apply(rows, document);
            }
            // A section of which nothing is left would still ask for something.
            if said && !list.is_said(document) {
                document.remove(list.section);
            }
        }
        if self.seeds.is_empty() {
            document.remove("seeds");
        } else if document.get("seeds").map(seeds_shown).as_deref() != Some(&self.seeds) {
            // What is wrong with it is said beside the field, which keeps all of it.
            let seeds = seeds_read(&self.seeds).unwrap_or_else(|_| {
                Value::from(self.seeds.chars().take(SEEDS_CHARS).collect::<String>())
            });
            document.insert("seeds".into(), seeds);
        }
        let mut arms: Vec<Value> = document
            .remove("arms")
            .and_then(|arms| arms.as_array().cloned())
            .unwrap_or_default();
        // What has no fields is not theirs to remove.
        if arms.len() <= MOST_ARMS && arms.iter().all(Value::is_table) {
            arms.resize_with(self.arms.len(), || Value::Table(Table::new()));
        }
        let tables = arms.iter_mut().filter_map(Value::as_table_mut);
        for (arm, table) in self.arms.iter().zip(tables) {
            arm.apply(table);
        }
        if !arms.is_empty() {
            document.insert("arms".into(), Value::Array(arms));
        }
    }
}

#[cfg(test)]
mod tests;
