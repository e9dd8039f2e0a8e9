//! Full-text search over what is on the board: what was asked, and straight ways to a thing by its name.

use crate::db::text_search as table;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

pub use table::{Found, Hit};

/// Longest text that is looked for, in characters.
pub const LONGEST: usize = 200;

/// Most words of it: each costs a look into the index.
const WORDS: usize = 16;

/// Parts that a text may fall into: one that is not written in words falls into many.
const PARTS: i32 = 60;

/// What is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Papers and posts under test.
    Works,
    /// Claims.
    Claims,
    /// Experiments that are not sealed.
    Experiments,
    /// What people wrote in threads.
    Comments,
    /// People, by how their name begins.
    People,
}

impl Kind {
    /// All there are, in the order in which they are shown.
    pub const ALL: [Self; 5] = [
        Self::Works,
        Self::Claims,
        Self::Experiments,
        Self::Comments,
        Self::People,
    ];

    /// As in addresses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Claims => "claims",
            Self::Experiments => "experiments",
            Self::Comments => "comments",
            Self::People => "people",
        }
    }

    /// As a heading.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Works => "Works",
            Self::Claims => "Claims",
            Self::Experiments => "Experiments",
            Self::Comments => "Comments",
            Self::People => "People",
        }
    }
}

/// What is looked for: in one line, not too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// Reads what was typed; none of an empty box.
    ///
    /// # Errors
    /// A sentence for the person who typed it.
    pub fn read(typed: &str) -> Result<Option<Self>, String> {
        let words: Vec<&str> = typed
            .split(|char: char| char.is_whitespace() || char.is_control())
            .filter(|word| !word.is_empty())
            .collect();
        if words.is_empty() {
            return Ok(None);
        }
        if typed.chars().count() > LONGEST || words.len() > WORDS {
            return Err(format!(
                "At most {WORDS} words and {LONGEST} characters are looked for at once. Leave some out."
            ));
        }
        Ok(Some(Self(words.join(" "))))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a text asks of the index.
#[derive(Debug, Clone)]
pub enum Asked {
    /// Words that can be looked for.
    Words(table::Terms),
    /// Nothing that can be, and why.
    Nothing(&'static str),
}

/// Reads a text as the index does.
///
/// # Errors
/// If the database is away.
pub async fn asked(pool: &PgPool, text: &Text) -> Result<Asked> {
    let terms = table::terms(pool, text.as_str()).await?;
    Ok(match &terms {
        terms if terms.exact.is_empty() => {
            Asked::Nothing("These words are too common to look for. Add one that says more.")
        }
        terms if terms.parts > PARTS => {
            Asked::Nothing("This falls into too many parts to look for. Leave some out.")
        }
        terms if !terms.selects => Asked::Nothing(
            "Everything that lacks a word is too much. Add a word that should be there.",
        ),
        _ => Asked::Words(terms),
    })
}

/// The one thing that a text names: `C3` a claim, `#12` an experiment, `@name` a person. None if it names none, or claims of
/// several works.
///
/// # Errors
/// If the database is away.
pub async fn named(pool: &PgPool, text: &Text) -> Result<Option<String>> {
    let text = text.as_str();
    if let Some(number) = text.strip_prefix('#') {
        let Ok(id) = number.parse() else {
            return Ok(None);
        };
        let there = table::experiment_is_there(pool, id).await?;
        return Ok(there.then(|| format!("/experiments/{id}")));
    }
    if let Some(name) = text.strip_prefix('@') {
        let name = name.to_lowercase();
        let there = table::person_is_there(pool, &name).await?;
        return Ok(there.then(|| format!("/people/{name}")));
    }
    let Some(label) = label(text) else {
        return Ok(None);
    };
    let claims = table::claims_labelled(pool, &label).await?;
    Ok(match claims.as_slice() {
        [one] => Some(format!("/claims/{one}")),
        _ => None,
    })
}

/// The label that a text is, as it is written: a capital letter, digits, and perhaps a small letter.
fn label(text: &str) -> Option<String> {
    let mut chars = text.chars();
    let first = chars.next().filter(char::is_ascii_alphabetic)?;
    let rest = chars.as_str().to_ascii_lowercase();
    let digits = rest.trim_end_matches(|char: char| char.is_ascii_lowercase());
    let whole = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && rest.len() - digits.len() <= 1
        && rest.len() < 12;
    whole.then(|| format!("{}{rest}", first.to_ascii_uppercase()))
}

/// Things of one kind, the best first: `limit` of them after the first `skip`.
///
/// # Errors
/// If the database is away, or takes too long over it.
pub async fn find(
    pool: &PgPool,
    kind: Kind,
    terms: &table::Terms,
    text: &Text,
    limit: i64,
    skip: i64,
) -> Result<Found> {
    match table::find(pool, kind, terms, text.as_str(), limit, skip).await {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("57014") => {
            Err(Error::Busy {
                detail:
                    "This took too long to look for. Use fewer words, or rarer ones, and try again."
                        .into(),
                retry_after: 5,
            })
        }
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_as_they_are_typed() {
        for (typed, meant) in [
            ("C3", Some("C3")),
            ("c12", Some("C12")),
            ("C3A", Some("C3a")),
            ("C", None),
            ("C3ab", None),
            ("3C", None),
            ("C3 ", None),
            ("cell", None),
            ("C-3", None),
            ("ü3", None),
            ("C99999999999999", None),
        ] {
            assert_eq!(label(typed).as_deref(), meant, "{typed}");
        }
    }

    #[test]
    fn what_is_typed_becomes_one_line_of_bounded_length() {
        let read = |text: &str| Text::read(text).map(|text| text.map(|text| text.0));
        assert_eq!(read(" a\n\0b\t"), Ok(Some("a b".to_owned())));
        assert_eq!(read(" \u{0}\n"), Ok(None));
        assert!(read(&"a ".repeat(17)).is_err());
        assert!(read(&"ä".repeat(201)).is_err());
        assert!(read(&"ä".repeat(200)).is_ok());
    }
}
