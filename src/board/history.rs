//! What edits changed, field by field and word by word.

use super::Item;
use crate::db::board::{self as table, Edited};
use crate::diff::{Piece, pieces};
use crate::error::Result;
use crate::heavy;
use breakmywork_protocol::scope::Scope;
use serde_json::Value;
use sqlx::PgPool;

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its name in words.
    pub name: &'static str,
    /// What was kept, left out and put in.
    pub pieces: Vec<Piece>,
}

/// An edit and what it changed.
#[derive(Debug, Clone)]
pub struct Changed {
    /// Who edited, when, and the fields before and after.
    pub edit: Edited,
    /// The fields that differ.
    pub differences: Vec<Difference>,
}

/// Fields of works and claims, in the order of their forms.
const FIELDS: [(&str, &str); 14] = [
    ("kind", "Kind"),
    ("title", "Title"),
    ("authors", "Authors"),
    ("year", "Year"),
    ("url", "Address"),
    ("doi", "DOI"),
    ("arxiv", "arXiv"),
    ("citation", "Citation"),
    ("phenomenon", "What it explains"),
    ("sentence", "The claim"),
    ("said_at", "Where in the work it is said"),
    ("scope", "Where it is said to hold"),
    ("covers", "Over what it speaks"),
    ("evidence", "What others found before"),
];

/// The newest edits of a work or a claim before that one, and what they changed.
///
/// # Errors
/// If the database is away.
pub async fn history(pool: &PgPool, of: Item, before: i64, limit: i64) -> Result<Vec<Changed>> {
    let edits = table::edits(pool, of, before, limit).await?;
    heavy::run(move || {
        let edits = edits.into_iter();
        edits
            .map(|edit| Changed {
                differences: differences(&edit.before, &edit.after),
                edit,
            })
            .collect()
    })
    .await
}

/// The fields that differ between what is stored and what is typed, away from the threads that answer.
///
/// # Errors
/// If the work fails, which it should not.
pub async fn differences_of(stored: Value, typed: Value) -> Result<Vec<Difference>> {
    heavy::run(move || differences(&stored, &typed)).await
}

/// The fields that differ between two states of a work or a claim.
fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let differing = FIELDS
        .into_iter()
        .filter(|(field, _)| before[*field] != after[*field]);
    differing
        .map(|(field, name)| Difference {
            name,
            pieces: pieces(&words(field, &before[field]), &words(field, &after[field])),
        })
        .collect()
}

/// A field's value as people read it.
fn words(field: &str, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(names) => {
            let names = names.iter().filter_map(Value::as_str);
            names.collect::<Vec<_>>().join("\n")
        }
        Value::Object(_) if field == "covers" => {
            match serde_json::from_value::<Scope>(value.clone()).ok() {
                Some(scope) => {
                    let lines = scope.words().into_iter();
                    let lines = lines.map(|(subject, wanted)| format!("{subject}: {wanted}"));
                    lines.collect::<Vec<_>>().join("\n")
                }
                None => value.to_string(),
            }
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_field_that_differs_is_told_word_by_word() {
        let before =
            json!({ "title": "Old work", "authors": ["A", "B"], "year": 2016, "doi": null });
        let after =
            json!({ "title": "New work", "authors": ["A", "B"], "year": 2017, "doi": "10.1000/1" });
        let found = differences(&before, &after);
        let names: Vec<&str> = found.iter().map(|it| it.name).collect();
        assert_eq!(names, ["Title", "Year", "DOI"]);
        assert_eq!(
            found[0].pieces,
            [
                Piece::Removed("Old".into()),
                Piece::Added("New".into()),
                Piece::Same(" work".into())
            ]
        );
        let narrow = json!({ "covers": { "tasks": ["char_lm"] } });
        let wide = json!({ "covers": {} });
        let scope = differences(&wide, &narrow);
        assert_eq!(scope[0].name, "Over what it speaks");
        let added = Piece::Added("Task: character-level language modelling\n".into());
        assert!(scope[0].pieces.contains(&added), "{:?}", scope[0].pieces);
    }
}
