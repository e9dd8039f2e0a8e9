//! Filters of the templates.

#![expect(
    missing_docs,
    reason = "the macro makes types and methods that take no docs"
)]

use super::{form::Escaped, number, time};
use askama::{Values, filters::Safe};
use chrono::{DateTime, Utc};
use std::fmt::Write;

/// A time: relative to read, exact to hover, RFC 3339 for machines.
#[askama::filter_fn]
pub fn when(moment: &DateTime<Utc>, _: &dyn Values) -> askama::Result<Safe<String>> {
    Ok(Safe(format!(
        "<time datetime=\"{}\" title=\"{}\">{}</time>",
        time::machine(moment),
        time::exact(moment),
        time::relative(moment),
    )))
}

/// A time, exact: for what is on the record.
#[askama::filter_fn]
pub fn exactly(moment: &DateTime<Utc>, _: &dyn Values) -> askama::Result<Safe<String>> {
    Ok(Safe(format!(
        "<time datetime=\"{}\">{}</time>",
        time::machine(moment),
        time::exact(moment),
    )))
}

/// How long since then.
#[askama::filter_fn]
pub fn elapsed(moment: &DateTime<Utc>, _: &dyn Values) -> askama::Result<String> {
    Ok(time::since(moment))
}

/// A number stays on one line with its power of ten.
fn whole(number: String) -> String {
    number.replace(' ', "\u{a0}")
}

/// A measured value.
#[askama::filter_fn]
pub fn measured(value: &f64, _: &dyn Values) -> askama::Result<String> {
    Ok(whole(number::value(*value)))
}

/// A difference, with its sign.
#[askama::filter_fn]
pub fn signed(value: &f64, _: &dyn Values) -> askama::Result<String> {
    Ok(whole(number::signed(*value)))
}

/// A whole number.
#[askama::filter_fn]
pub fn grouped(value: &i64, _: &dyn Values) -> askama::Result<String> {
    Ok(number::count(*value))
}

/// Text without the characters that no XML document may hold, escaped or not.
#[askama::filter_fn]
pub fn xml(text: &str, _: &dyn Values) -> askama::Result<String> {
    let may_stand = |char: &char| {
        matches!(char, '\t' | '\n' | '\r')
            || *char >= ' ' && !matches!(char, '\u{fffe}' | '\u{ffff}')
    };
    Ok(text.chars().filter(may_stand).collect())
}

/// A sentence of the board's own that names arms: a name that is read from right to left turns nothing around it, and a number
/// stays on one line with its unit.
#[askama::filter_fn]
pub fn isolated(sentence: &str, _: &dyn Values) -> askama::Result<Safe<String>> {
    Ok(Safe(names_isolated(sentence)))
}

fn names_isolated(sentence: &str) -> String {
    let sentence = sentence.replace(" %", "\u{a0}%");
    let mut out = String::new();
    for piece in sentence.split_inclusive(['“', '”']) {
        // A name stands between quotation marks.
        match piece
            .strip_suffix('”')
            .filter(|name| name.contains(is_right_to_left))
        {
            Some(name) => {
                let _ = write!(out, "<bdi>{}</bdi>”", Escaped(name));
            }
            None => {
                let _ = write!(out, "{}", Escaped(piece));
            }
        }
    }
    out
}

/// Hebrew, Arabic and what stands between and beside them.
fn is_right_to_left(letter: char) -> bool {
    matches!(
        letter,
        '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}'
    )
}

/// Markdown, made safe.
#[askama::filter_fn]
pub fn markdown(source: &str, _: &dyn Values) -> askama::Result<Safe<String>> {
    Ok(Safe(super::markdown::kept::rendered(source).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_from_right_to_left_stand_apart() {
        assert_eq!(
            names_isolated("“قناع” beats “<a>”, and “b” does not."),
            "“<bdi>قناع</bdi>” beats “&lt;a&gt;”, and “b” does not."
        );
        assert_eq!(names_isolated("by 9.5 %."), "by 9.5\u{a0}%.");
    }
}
