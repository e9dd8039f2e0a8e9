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

/// The same of Markdown, without its marks: an excerpt is read, not rendered.
pub fn excerpt(text: &str) -> Html {
    html(&plain(text))
}

/// Text of Markdown: without emphasis, signs of headings, quotations and code, and with links by their words.
fn plain(text: &str) -> String {
    let lines = text.split('\n').map(|line| {
        let words = line.trim_start().trim_start_matches(['#', '>']);
        match words.len() == line.trim_start().len() {
            true => line,
            false => words.trim_start(),
        }
    });
    let letters: Vec<char> = lines.collect::<Vec<_>>().join("\n").chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&letter) = letters.get(at) {
        at += 1;
        match letter {
            '`' => {}
            '*' if is_mark(&letters, at - 1) => {}
            // The address of a link; its words stand before it.
            ']' if letters.get(at) == Some(&'(') => {
                match letters[at..].iter().position(|letter| *letter == ')') {
                    Some(end) => at += end + 1,
                    None => out.push(letter),
                }
            }
            '[' if is_link(&letters[at..]) => {}
            letter => out.push(letter),
        }
    }
    out
}

/// Whether a star is no sign of multiplication: that has a blank at both sides.
fn is_mark(letters: &[char], at: usize) -> bool {
    let blank = |letter: Option<&char>| letter.is_none_or(|letter| letter.is_whitespace());
    let before = at.checked_sub(1).and_then(|before| letters.get(before));
    !(blank(before) && blank(letters.get(at + 1)))
}

/// Whether words in brackets end as those of a link do.
fn is_link(rest: &[char]) -> bool {
    let end = rest.iter().position(|letter| *letter == ']');
    end.is_some_and(|end| rest.get(end + 1) == Some(&'(') && rest[end + 2..].contains(&')'))
}

#[cfg(test)]
mod tests {
    #[test]
    fn excerpts_have_no_marks_of_markdown() {
        for (text, html) in [
            (
                "**one \u{2}mask\u{3}** for all",
                "one <mark>mask</mark> for all",
            ),
            ("cut **one mas", "cut one mas"),
            ("# Head\n> said", "Head\nsaid"),
            (
                "see [a \u{2}b\u{3}](https://x.example/y_z) and `c_d`",
                "see a <mark>b</mark> and c_d",
            ),
            ("2 * 3, [0, 1] and #12", "2 * 3, [0, 1] and #12"),
            ("[0](", "[0]("),
        ] {
            assert_eq!(super::excerpt(text).as_str(), html, "{text:?}");
        }
    }

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
