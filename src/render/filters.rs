//! Filters of the templates.

#![expect(
    missing_docs,
    reason = "the macro makes types and methods that take no docs"
)]

use super::{number, time};
use askama::{Values, filters::Safe};
use chrono::{DateTime, Utc};

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

/// A measured value.
#[askama::filter_fn]
pub fn measured(value: &f64, _: &dyn Values) -> askama::Result<String> {
    Ok(number::value(*value))
}

/// A difference, with its sign.
#[askama::filter_fn]
pub fn signed(value: &f64, _: &dyn Values) -> askama::Result<String> {
    Ok(number::signed(*value))
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

/// Markdown, made safe.
#[askama::filter_fn]
pub fn markdown(source: &str, _: &dyn Values) -> askama::Result<Safe<String>> {
    Ok(Safe(super::markdown::kept::rendered(source).to_string()))
}
