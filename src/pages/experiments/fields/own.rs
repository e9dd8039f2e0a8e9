//! What an arm has differently from the base, each a row: a setting, and its value.

use super::value::{set, shown};
use super::{FIELDS, name};
use toml::{Table, Value};

/// Sections of the base that an arm may say differently.
const SECTIONS: [&str; 4] = ["task", "model", "training", "evaluation"];

/// Most rows that are read: no arm has more settings.
const MOST: usize = FIELDS.len();

/// A setting, such as `training.batch`, and what is typed for it.
pub(in crate::pages::experiments) type Row = [String; 2];

/// Settings that an arm can have differently, as they are chosen from.
pub(in crate::pages::experiments) fn settings() -> impl Iterator<Item = String> {
    settable().map(|(section, key, _)| format!("{section}.{key}"))
}

fn settable() -> impl Iterator<Item = (&'static str, &'static str, super::Kind)> {
    let fields = FIELDS.into_iter();
    fields.filter(|(section, ..)| SECTIONS.contains(section))
}

/// Names of the two fields of a row.
pub(in crate::pages::experiments) fn names(arm: usize, row: usize) -> [String; 2] {
    [0, 1].map(|side| format!("arms-{arm}-own-{row}-{side}"))
}

/// The rows that were posted, as far as something was typed into them.
pub(super) fn from_form(arm: usize, get: impl Fn(&str) -> Option<String>) -> Vec<Row> {
    let rows = (0..MOST).map_while(|row| {
        let [setting, value] = names(arm, row);
        Some([get(&setting)?, get(&value)?])
    });
    rows.filter(|row| row.iter().any(|typed| !typed.is_empty()))
        .collect()
}

pub(super) fn from_toml(arm: &Table) -> Vec<Row> {
    settable()
        .filter_map(|(section, key, _)| {
            let value = arm.get(section)?.as_table()?.get(key)?;
            Some([format!("{section}.{key}"), shown(value)])
        })
        .collect()
}

/// Writes the rows into an arm; what has no row stays as it is.
pub(super) fn apply(rows: &[Row], arm: &mut Table) {
    for (section, key, kind) in settable() {
        let setting = format!("{section}.{key}");
        let row = rows.iter().find(|[named, _]| *named == setting);
        let typed = row.map_or("", |[_, typed]| typed.as_str());
        if typed.is_empty() && !arm.contains_key(section) {
            continue;
        }
        let entry = arm
            .entry(section)
            .or_insert_with(|| Value::Table(Table::new()));
        let Value::Table(table) = entry else { continue };
        let was_empty = table.is_empty();
        set(table, key, typed, kind);
        if table.is_empty() && !was_empty {
            arm.remove(section);
        }
    }
}

/// Whether a row says both what and how.
pub(super) fn is_whole(row: &Row) -> bool {
    row.iter().all(|typed| !typed.is_empty())
}

/// Under which name a mistake in a row is found, and the field that it leads to.
pub(super) fn aliases(arm: usize, rows: &[Row]) -> impl Iterator<Item = (String, String)> {
    rows.iter().enumerate().filter_map(move |(place, row)| {
        let (section, key) = row[0].split_once('.')?;
        let [_, value] = names(arm, place);
        Some((format!("arms-{arm}-{}", name(section, key)), value))
    })
}
