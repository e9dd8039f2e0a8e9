//! Lists of settings, each setting a row of the form: what a search looks over, and what is tuned.

use super::value::{Kind, set, shown_as};
use crate::pages::experiments::posted::Posted;
use breakmywork_protocol::spec::limits;
use toml::{Table, Value};

/// A list of settings in a section of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pages::experiments) struct List {
    pub(super) section: &'static str,
    /// The field of the section that a mistake in all of it leads to.
    first: &'static str,
    key: &'static str,
    /// What a row says of its setting, beginning with which one it is.
    keys: &'static [(&'static str, Kind)],
    /// Most rows that the form has. A longer list stays in the TOML alone, where the reader says that it is too long.
    most: usize,
}

/// What is typed into a row, in the order of its list's keys.
pub(in crate::pages::experiments) type Row = Vec<String>;

/// The fields that a search looks over.
pub(in crate::pages::experiments) const SPACE: List = List {
    section: "search",
    first: "budget",
    key: "space",
    keys: &[
        ("field", Kind::Text),
        ("values", Kind::List),
        ("from", Kind::Real),
        ("to", Kind::Real),
        ("scale", Kind::Text),
        ("levels", Kind::Whole),
    ],
    most: 2 * *limits::SEARCH_FIELDS.end(),
};

/// The fields that each arm chooses for itself.
pub(in crate::pages::experiments) const TUNED: List = List {
    section: "tuning",
    first: "search",
    key: "fields",
    keys: &[
        ("field", Kind::Text),
        ("values", Kind::List),
        ("from", Kind::Real),
        ("to", Kind::Real),
        ("scale", Kind::Text),
    ],
    most: 2 * *limits::TUNED_FIELDS.end(),
};

/// Every list that has rows.
pub(super) const LISTS: [List; 2] = [SPACE, TUNED];

/// The control that a mistake leads to which names none: the first of a section or of a row, the field of one of several
/// values.
pub(in crate::pages::experiments) fn control(id: &str) -> Option<String> {
    let mut parts = id.split('-');
    let section = parts.next()?;
    let List { first, key, .. } = LISTS.into_iter().find(|list| list.section == section)?;
    match parts.collect::<Vec<_>>()[..] {
        [] => Some(format!("{section}-{first}")),
        [list] if list == key => Some(format!("{section}-{list}-0-field")),
        [list, row] => Some(format!("{section}-{list}-{row}-field")),
        [list, row, field, _] => Some(format!("{section}-{list}-{row}-{field}")),
        _ => None,
    }
}

impl List {
    /// Names of the fields of a row.
    pub(in crate::pages::experiments) fn names(&self, row: usize) -> Vec<String> {
        let named = |(key, _): &(&str, Kind)| format!("{}-{}-{row}-{key}", self.section, self.key);
        self.keys.iter().map(named).collect()
    }

    /// Id of the list of settings that a row suggests.
    pub(in crate::pages::experiments) fn suggestions(&self) -> &'static str {
        self.key
    }

    /// The rows, and one to fill if there may be more.
    pub(super) fn with_spare(&self, mut rows: Vec<Row>) -> Vec<Row> {
        if rows.len() < self.most {
            rows.push(vec![String::new(); self.keys.len()]);
        }
        rows
    }

    /// What was typed, without the rows into which nothing was; `None` if the form had no such rows.
    pub(super) fn typed_rows(&self, posted: &Posted) -> Option<Vec<Row>> {
        posted.find(&self.names(0)[0])?;
        let typed = |name: String| posted.get(&name).trim().to_owned();
        let rows = (0..self.most).map(|row| self.names(row).into_iter().map(typed).collect());
        Some(rows.filter(|row: &Row| is_begun(row)).collect())
    }

    /// The rows of a document; `None` where what stands there has no place in rows.
    pub(super) fn rows_of(&self, document: &Table) -> Option<Vec<Row>> {
        let value = document.get(self.section)?.as_table()?.get(self.key)?;
        let items = value.as_array().filter(|items| items.len() <= self.most)?;
        let row = |item: &Value| {
            let item = item.as_table()?;
            let shown = |(key, kind): &(&str, Kind)| match item.get(*key) {
                Some(value) => shown_as(value, *kind),
                None => String::new(),
            };
            Some(self.keys.iter().map(shown).collect()).filter(|row: &Row| is_begun(row))
        };
        items.iter().map(row).collect()
    }

    /// Writes the rows into a document. What has no place in rows stays, unless something was typed.
    pub(super) fn apply(&self, rows: &[Row], document: &mut Table) {
        let before = self.rows_of(document);
        if before.as_deref().unwrap_or_default() == rows {
            return;
        }
        let section = document
            .entry(self.section)
            .or_insert_with(|| Value::Table(Table::new()));
        let Value::Table(section) = section else {
            return;
        };
        let mut there = match section.remove(self.key) {
            Some(Value::Array(items)) => items.into_iter(),
            _ => Vec::new().into_iter(),
        };
        let item = |row: &Row| {
            let mut item = match there.next() {
                Some(Value::Table(item)) => item,
                _ => Table::new(),
            };
            for ((key, kind), typed) in self.keys.iter().zip(row) {
                set(&mut item, key, typed, *kind);
            }
            Value::Table(item)
        };
        let items: Vec<Value> = rows.iter().map(item).collect();
        if !items.is_empty() {
            section.insert(self.key.to_owned(), Value::Array(items));
        }
    }

    /// Whether a document says anything in the section.
    pub(super) fn is_said(&self, document: &Table) -> bool {
        let section = document.get(self.section);
        section.is_some_and(|section| section.as_table().is_none_or(|table| !table.is_empty()))
    }

    /// The rows as a browser posts them.
    #[cfg(test)]
    pub(in crate::pages::experiments) fn posted(&self, rows: &[Row]) -> Vec<(String, String)> {
        let rows = rows.iter().enumerate();
        rows.flat_map(|(place, row)| self.names(place).into_iter().zip(row.clone()))
            .collect()
    }
}

fn is_begun(row: &[String]) -> bool {
    row.iter().any(|typed| !typed.is_empty())
}
