//! Footnotes of many texts on one page: each text has ids of its own.

use comrak::nodes::{Node, NodeValue};
use std::collections::HashMap;

/// Digits of a text's hash in the ids of its notes.
pub(super) const DIGITS: usize = 8;

/// Names the footnotes by their text and their number, whatever they were called.
pub(super) fn rename(nodes: &[Node<'_>], hash: &str) {
    let mut numbers: HashMap<String, usize> = HashMap::new();
    for node in nodes {
        let mut data = node.data_mut();
        let name = match &mut data.value {
            NodeValue::FootnoteDefinition(note) => &mut note.name,
            NodeValue::FootnoteReference(note) => &mut note.name,
            _ => continue,
        };
        let next = numbers.len() + 1;
        let number = *numbers.entry(std::mem::take(name)).or_insert(next);
        *name = format!("{}-{number}", &hash[..DIGITS]);
    }
}

/// Whether that is the id of a footnote or of a reference to one, as comrak writes them for our names.
pub(super) fn is_id(id: &str) -> bool {
    let rest = id.strip_prefix("fnref-").or_else(|| id.strip_prefix("fn-"));
    let Some((hash, numbers)) = rest.and_then(|rest| rest.split_once('-')) else {
        return false;
    };
    hash.len() == DIGITS
        && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
        && numbers
            .split('-')
            .all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}
