//! Text with the words marked that a search looked for.

use super::{form::Escaped, html::Html};
use crate::db::text_search::{BEGIN, END};
use std::fmt::Write;

/// The text escaped, and its marks as `<mark>`: each begun is ended, whatever people typed.
pub fn html(text: &str) -> Html {
    let mut out = String::with_capacity(text.len() + 64);
    let mut open = false;
    for part in text.split_inclusive([BEGIN, END]) {
        let words = part.trim_end_matches([BEGIN, END]);
        let _ = write!(out, "{}", Escaped(words));
        let tag = match part.chars().next_back() {
            Some(BEGIN) if !open => "<mark>",
            Some(END) if open => "</mark>",
            _ => continue,
        };
        open = !open;
        out.push_str(tag);
    }
    if open {
        out.push_str("</mark>");
    }
    Html(out)
}

#[cfg(test)]
mod tests {
    #[test]
    fn marks_are_balanced_and_the_rest_is_escaped() {
        for (text, html) in [
            ("a \u{2}b\u{3} c", "a <mark>b</mark> c"),
            ("<b>\u{2}&\u{3}", "&lt;b&gt;<mark>&amp;</mark>"),
            ("\u{3}a\u{2}\u{2}b", "a<mark>b</mark>"),
            ("", ""),
        ] {
            assert_eq!(super::html(text).as_str(), html, "{text:?}");
        }
    }
}
