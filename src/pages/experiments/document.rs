//! A specification as typed, parsed once: the table that it makes, and the line of each field.

use breakmywork_protocol::spec::limits;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::{
    Spanned, Table,
    de::{DeTable, DeValue, Deserializer},
};

/// A TOML text that could be parsed.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) table: Table,
    places: Place,
}

/// Where a value stands in the text, and where what is in it stands.
#[derive(Debug)]
struct Place {
    /// Byte at which its key begins, or an item of a list itself.
    at: usize,
    inside: Inside,
}

#[derive(Debug)]
enum Inside {
    Table(BTreeMap<String, Place>),
    List(Vec<Place>),
    Nothing,
}

impl Document {
    /// Parses a text; none if it is no TOML, or longer than a specification may be.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > limits::TEXT_BYTES {
            return None;
        }
        let root = DeTable::parse(text).ok()?;
        let places = Place {
            at: 0,
            inside: table(root.get_ref()),
        };
        let table = Table::deserialize(Deserializer::from(root)).ok()?;
        Some(Self { table, places })
    }

    /// Line of the field that a JSON pointer names, or of the nearest table around it. `text` is what was parsed.
    pub(super) fn line(&self, text: &str, pointer: &str) -> Option<usize> {
        let mut start = None;
        let mut here = &self.places;
        for part in pointer.split('/').skip(1) {
            let next = match &here.inside {
                Inside::Table(table) => table.get(&part.replace("~1", "/").replace("~0", "~")),
                Inside::List(items) => part.parse().ok().and_then(|at: usize| items.get(at)),
                Inside::Nothing => None,
            };
            let Some(next) = next else { break };
            start = Some(next.at);
            here = next;
        }
        let before = &text.as_bytes()[..start?.min(text.len())];
        Some(1 + before.iter().filter(|byte| **byte == b'\n').count())
    }
}

/// As deep as the parser lets a text nest, which is not deep.
fn table(table: &DeTable<'_>) -> Inside {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let key: &Spanned<std::borrow::Cow<'_, str>> = key;
        let place = Place {
            at: key.span().start,
            inside: inside(value.get_ref()),
        };
        (key.get_ref().clone().into_owned(), place)
    };
    Inside::Table(table.iter().map(entry).collect())
}

fn inside(value: &DeValue<'_>) -> Inside {
    if let Some(inner) = value.as_table() {
        return table(inner);
    }
    let Some(items) = value.as_array() else {
        return Inside::Nothing;
    };
    let place = |item: &Spanned<DeValue<'_>>| Place {
        at: item.span().start,
        inside: inside(item.get_ref()),
    };
    Inside::List(items.iter().map(place).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, pointer: &str) -> Option<usize> {
        Document::parse(text)?.line(text, pointer)
    }

    #[test]
    fn fields_are_found() {
        let text = "title = \"a\"\n\n[task]\nname = \"x\"\n\n[[arms]]\nname = \"a\"\ndropout.state = { rate = 2 }\n\n[[arms]]\nname = \"b\"\n";
        assert_eq!(line(text, "/title"), Some(1));
        assert_eq!(line(text, "/task/name"), Some(4));
        assert_eq!(line(text, "/arms/0/dropout/state/rate"), Some(8));
        assert_eq!(line(text, "/arms/1/name"), Some(11));
        assert_eq!(
            line(text, "/task/length"),
            Some(3),
            "the table around what is missing"
        );
        assert_eq!(line(text, ""), None);
        assert_eq!(line("not toml [", "/x"), None);
        assert_eq!(line("\n\"a/b~c\" = 1", "/a~1b~0c"), Some(2));
    }
}
