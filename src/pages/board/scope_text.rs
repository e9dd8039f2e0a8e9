//! The arms of a claim as text: one field a line, as a specification has it.

use breakmywork_protocol::scope::{Range, Wanted};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt::Write;
use toml::{Table, Value};

/// Longest text that is read, in bytes.
const BYTES: usize = 4_000;

/// Reads fields of an arm.
///
/// # Errors
/// What is wrong with the text, for the person who wrote it.
pub(super) fn read(text: &str) -> Result<BTreeMap<String, Wanted>, String> {
    if text.len() > BYTES {
        return Err(format!("At most {BYTES} bytes are read."));
    }
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        format!(
            "It cannot be read: {}. Write one field a line, such as dropout.state.time = \"fixed\".",
            error.message().trim_end_matches('.')
        )
    })?;
    let mut found = BTreeMap::new();
    flatten(table, "", &mut found)?;
    Ok(found)
}

fn flatten(table: Table, path: &str, found: &mut BTreeMap<String, Wanted>) -> Result<(), String> {
    for (key, value) in table {
        let path = match path {
            "" => key,
            path => format!("{path}.{key}"),
        };
        match value {
            Value::Table(ends) if is_range(&ends) => {
                found.insert(path, Wanted::Between(range(&ends)?));
            }
            Value::Table(table) => flatten(table, &path, found)?,
            value => {
                let value: Json = serde_json::to_value(value)
                    .map_err(|_| format!("{path} has a value that cannot be compared with."))?;
                found.insert(path, Wanted::Is(value));
            }
        }
    }
    Ok(())
}

fn is_range(table: &Table) -> bool {
    !table.is_empty() && table.keys().all(|key| key == "least" || key == "most")
}

fn range(table: &Table) -> Result<Range<f64>, String> {
    let end = |name: &str| match table.get(name) {
        None => Ok(None),
        Some(Value::Float(number)) => Ok(Some(*number)),
        Some(Value::Integer(number)) => Ok(Some(*number as f64)),
        Some(_) => Err(format!("{name} must be a number.")),
    };
    Ok(Range {
        least: end("least")?,
        most: end("most")?,
    })
}

/// Writes fields of an arm.
pub(super) fn write(arm: &BTreeMap<String, Wanted>) -> String {
    let mut text = String::new();
    for (path, wanted) in arm {
        let value = match wanted {
            // What JSON writes of words, numbers and truth values, TOML reads.
            Wanted::Is(value) => value.to_string(),
            Wanted::Between(Range { least, most }) => {
                let ends = [("least", least), ("most", most)];
                let ends = ends
                    .iter()
                    .filter_map(|(name, end)| end.map(|end| format!("{name} = {end}")));
                format!("{{ {} }}", ends.collect::<Vec<_>>().join(", "))
            }
        };
        let _ = writeln!(text, "{path} = {value}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let text = "dropout.cell = \"absent\"\ndropout.state.rate = { least = 0.05, most = 0.7 }\ndropout.state.time = \"fixed\"\nevaluation.samples = 0\nmodel.tied_embeddings = true\n";
        let arm = read(text).expect("fields");
        assert_eq!(arm.len(), 5);
        assert_eq!(write(&arm), text);
        // As tables, too.
        let nested = read("[dropout.state]\ntime = \"fixed\"\nrate.most = 1").expect("fields");
        assert_eq!(
            write(&nested),
            "dropout.state.rate = { most = 1 }\ndropout.state.time = \"fixed\"\n"
        );
        assert!(read("").expect("nothing").is_empty());
    }

    #[test]
    fn what_cannot_be_read_says_so() {
        for text in [
            "dropout.state.time = fixed",
            "a = { least = \"x\" }",
            "a = 1\na = 2",
            &"x".repeat(5_000),
        ] {
            let detail = read(text).expect_err("no fields");
            assert!(detail.ends_with('.') && detail.len() < 300, "{detail}");
        }
    }
}
