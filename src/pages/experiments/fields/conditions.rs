//! The conditions beside the first, each a row of two choices: its treatment and its control.

use crate::pages::experiments::posted::Posted;
use breakmywork_protocol::spec::limits;
use toml::{Table, Value};

/// Most rows that the form has. A longer list stays in the TOML alone, where the reader says that it is too long.
const MOST: usize = 2 * *limits::CONDITIONS.end();
/// Rows that are left to fill.
const SPARE: usize = 2;

/// How many rows are shown if so many conditions are there.
pub(super) fn rows(there: usize) -> usize {
    (there + SPARE).min(MOST)
}

/// Names of the two fields of a row.
pub(super) fn names(row: usize) -> [String; 2] {
    [0, 1].map(|side| format!("criterion-conditions-{row}-{side}"))
}

/// What was chosen; a row without any choice is none.
pub(super) fn from_form(posted: &Posted) -> Vec<[String; 2]> {
    (0..MOST)
        .map(|row| names(row).map(|name| posted.get(&name).trim().to_owned()))
        .filter(|pair| pair.iter().any(|name| !name.is_empty()))
        .collect()
}

/// The pairs of a document; nothing where what stands there has no place in the rows.
pub(super) fn from_toml(document: &Table) -> Option<Vec<[String; 2]>> {
    let value = document.get("criterion")?.as_table()?.get("conditions")?;
    let items = value.as_array().filter(|items| items.len() <= MOST)?;
    items.iter().map(pair).collect()
}

fn pair(item: &Value) -> Option<[String; 2]> {
    match item.as_array()?.as_slice() {
        [one, other] => Some([one.as_str()?.to_owned(), other.as_str()?.to_owned()])
            // A row without any choice is none.
            .filter(|pair| pair.iter().any(|name| !name.is_empty())),
        _ => None,
    }
}

/// Writes the pairs into a document. What has no place in the rows stays, unless something was chosen.
pub(super) fn apply(pairs: &[[String; 2]], document: &mut Table) {
    let before = from_toml(document);
    if before.as_deref().unwrap_or_default() == pairs {
        return;
    }
    let criterion = document
        .entry("criterion")
        .or_insert_with(|| Value::Table(Table::new()));
    let Value::Table(criterion) = criterion else {
        return;
    };
    if pairs.is_empty() {
        criterion.remove("conditions");
        return;
    }
    let items = pairs
        .iter()
        .map(|pair| Value::Array(pair.iter().map(|name| Value::from(name.as_str())).collect()));
    criterion.insert("conditions".into(), Value::Array(items.collect()));
}
