//! Writes a table as TOML the way a person lays out a specification, whatever is in it.
//!
//! Unlike [`Spec::to_toml`](breakmywork_protocol::spec::Spec::to_toml) it also writes what is
//! not (yet) a valid specification: while somebody types, nothing may get lost.

use breakmywork_protocol::spec::FIELD_ORDER;
use std::fmt::Write;
use toml::{Table, Value};

/// Sections in reading order; others follow by name.
const SECTIONS: [&str; 8] = [
    "task",
    "model",
    "training",
    "evaluation",
    "arms",
    "criterion",
    "search",
    "tuning",
];

/// The whole document.
pub(super) fn write(table: &Table) -> String {
    let mut text = String::new();
    for (key, value) in ordered(table, &FIELD_ORDER) {
        if !is_section(value) {
            let _ = writeln!(text, "{} = {}", bare(key), inline(value));
        }
    }
    for (key, value) in ordered(table, &SECTIONS) {
        match value {
            Value::Table(section) => {
                let _ = writeln!(text, "\n[{}]", bare(key));
                let (lists, fields): (Vec<_>, Vec<_>) = ordered(section, &FIELD_ORDER)
                    .into_iter()
                    .partition(|(_, value)| value.is_array() && is_section(value));
                for (name, value) in fields {
                    let _ = writeln!(text, "{} = {}", bare(name), inline(value));
                }
                for (name, items) in lists {
                    entries(&mut text, &format!("{}.{}", bare(key), bare(name)), items);
                }
            }
            Value::Array(_) if is_section(value) => entries(&mut text, &bare(key), value),
            _ => {}
        }
    }
    text.trim_start().to_owned()
}

/// A list of sections: of arms, or of settings.
fn entries(text: &mut String, header: &str, items: &Value) {
    let items = items.as_array().into_iter().flatten();
    for item in items.filter_map(Value::as_table) {
        let _ = writeln!(text, "\n[[{header}]]");
        entry(text, item);
    }
}

/// An arm: its sub-tables as dotted keys, one line for each site.
fn entry(text: &mut String, item: &Table) {
    for (key, value) in ordered(item, &FIELD_ORDER) {
        match value {
            Value::Table(inner) if !inner.is_empty() => {
                for (name, value) in ordered(inner, &FIELD_ORDER) {
                    let _ = writeln!(text, "{}.{} = {}", bare(key), bare(name), inline(value));
                }
            }
            other => {
                let _ = writeln!(text, "{} = {}", bare(key), inline(other));
            }
        }
    }
}

fn is_section(value: &Value) -> bool {
    match value {
        Value::Table(_) => true,
        Value::Array(items) => !items.is_empty() && items.iter().all(Value::is_table),
        _ => false,
    }
}

fn ordered<'a>(table: &'a Table, order: &[&str]) -> Vec<(&'a String, &'a Value)> {
    let place = |key: &str| {
        order
            .iter()
            .position(|name| *name == key)
            .unwrap_or(order.len())
    };
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_cached_key(|(key, _)| (place(key), (*key).clone()));
    entries
}

fn inline(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Table(table) if table.is_empty() => "{}".to_owned(),
        Value::Table(table) => {
            let entries: Vec<String> = ordered(table, &FIELD_ORDER)
                .into_iter()
                .map(|(key, value)| format!("{} = {}", bare(key), inline(value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
        plain => plain.to_string(),
    }
}

fn bare(key: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    if !key.is_empty() && key.chars().all(plain) {
        key.to_owned()
    } else {
        Value::from(key).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::TEMPLATES;

    #[test]
    fn what_is_written_reads_the_same() {
        for template in TEMPLATES {
            let table: Table = template.toml.parse().expect("a template is TOML");
            let text = write(&table);
            assert_eq!(text.parse::<Table>().expect("TOML again"), table, "{text}");
        }
    }

    #[test]
    fn settings_that_are_listed_have_a_section_each() {
        let table: Table = "search = { budget = 9, space = [{ field = \"a\", values = [1] }, {}] }"
            .parse()
            .expect("TOML");
        let text = "[search]\nbudget = 9\n\n[[search.space]]\nfield = \"a\"\nvalues = [1]\n\n[[search.space]]\n";
        assert_eq!(write(&table), text);
    }

    #[test]
    fn odd_things_survive() {
        let odd = "x = [1, \"a\"]\n\"k k\" = 1.5\n[t]\n\"ü\" = {}\nd = { e = [{ f = 1 }] }\n[[arms]]\nname = 3\nq = { r = { s = true } }\n";
        let table: Table = odd.parse().expect("TOML");
        assert_eq!(write(&table).parse::<Table>().expect("TOML again"), table);
    }
}
