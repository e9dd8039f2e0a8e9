//! Finds the line of a specification that a problem is about.

use toml::de::{DeTable, DeValue};

/// Line of the field that a JSON pointer names, or of the nearest table around it.
pub(super) fn of(text: &str, pointer: &str) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let mut start = None;
    let mut here: Option<&DeValue<'_>> = None;
    for (depth, part) in pointer.split('/').skip(1).enumerate() {
        let part = part.replace("~1", "/").replace("~0", "~");
        let table = if depth == 0 {
            Some(document.get_ref())
        } else {
            here.and_then(DeValue::as_table)
        };
        let next = match table {
            Some(table) => table
                .iter()
                .find(|(key, _)| key.get_ref().as_ref() == part)
                .map(|(key, value)| (key.span().start, value.get_ref())),
            None => here
                .and_then(DeValue::as_array)
                .and_then(|items| items.get(part.parse::<usize>().ok()?))
                .map(|item| (item.span().start, item.get_ref())),
        };
        let Some((at, value)) = next else { break };
        start = Some(at);
        here = Some(value);
    }
    let start = start?.min(text.len());
    Some(
        1 + text.as_bytes()[..start]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found() {
        let text = "title = \"a\"\n\n[task]\nname = \"x\"\n\n[[arms]]\nname = \"a\"\ndropout.state = { rate = 2 }\n\n[[arms]]\nname = \"b\"\n";
        assert_eq!(of(text, "/title"), Some(1));
        assert_eq!(of(text, "/task/name"), Some(4));
        assert_eq!(of(text, "/arms/0/dropout/state/rate"), Some(8));
        assert_eq!(of(text, "/arms/1/name"), Some(11));
        assert_eq!(
            of(text, "/task/length"),
            Some(3),
            "the table around what is missing"
        );
        assert_eq!(of(text, ""), None);
        assert_eq!(of("not toml [", "/x"), None);
    }
}
