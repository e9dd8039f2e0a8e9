//! What is typed into a field, as TOML, and back.

use crate::render::number;
use breakmywork_protocol::spec::limits;
use toml::{Table, Value};

/// What a field takes; anything else that is typed goes into the TOML as text, where the reader complains of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pages::experiments) enum Kind {
    /// Text, or the name of a choice.
    Text,
    /// A whole number.
    Whole,
    /// A number.
    Real,
    /// True or false.
    Truth,
    /// Several values, with commas between.
    List,
}

/// Sets a key from what was typed. A value that is shown just so already keeps its spelling.
pub(super) fn set(table: &mut Table, key: &str, typed: &str, kind: Kind) {
    if typed.is_empty() {
        table.remove(key);
    } else if table.get(key).map(|value| shown_as(value, kind)).as_deref() != Some(typed) {
        table.insert(key.to_owned(), read(typed, kind));
    }
}

fn read(typed: &str, kind: Kind) -> Value {
    match kind {
        Kind::Text => Value::from(typed),
        Kind::Whole => grouped(typed).map_or_else(|| number(typed), Value::Integer),
        Kind::Real => number(typed),
        Kind::Truth => typed
            .parse::<bool>()
            .map_or_else(|_| Value::from(typed), Value::Boolean),
        Kind::List => list(typed),
    }
}

/// A list as people write it, or in brackets as TOML has it. With semicolons between, a comma is a decimal point.
fn list(typed: &str) -> Value {
    if typed.starts_with('[')
        && let Ok(mut table) = format!("list = {typed}").parse::<Table>()
        && let Some(list) = table.remove("list").filter(|_| table.is_empty())
    {
        return list;
    }
    let between = if typed.contains(';') { ';' } else { ',' };
    let items = typed.split([between, ' ', '\t']);
    let items = items.filter(|item| !item.is_empty());
    Value::Array(items.map(item).collect())
}

fn item(typed: &str) -> Value {
    match typed.parse::<bool>() {
        Ok(truth) => Value::Boolean(truth),
        Err(_) => number(typed),
    }
}

/// A value as it is shown in a field of that kind.
pub(super) fn shown_as(value: &Value, kind: Kind) -> String {
    let (Kind::List, Some(items)) = (kind, value.as_array()) else {
        return shown(value);
    };
    let plain = items.iter().map(shown).collect::<Vec<_>>().join(", ");
    // What would be read as something else stands as TOML has it.
    match !items.is_empty() && list(&plain) == *value {
        true => plain,
        false => value.to_string(),
    }
}

/// A whole number with its thousands set apart, as people and the pages write it: 10,000.
fn grouped(typed: &str) -> Option<i64> {
    let separators = [',', ' ', '\u{a0}', '\u{202f}'];
    let (first, rest) = typed.split_once(separators)?;
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let thousands = rest
        .split(separators)
        .all(|part| part.len() == 3 && digits(part));
    if !thousands || !(1..=3).contains(&first.len()) || !digits(first) {
        return None;
    }
    typed.replace(separators, "").parse().ok()
}

fn number(typed: &str) -> Value {
    // A comma for the decimal point is common; it can mean nothing else here.
    let plain = typed.replace(',', ".");
    if let Ok(whole) = plain.parse::<i64>() {
        return Value::Integer(whole);
    }
    match plain.parse::<f64>() {
        Ok(number) if number.is_finite() => Value::Float(number),
        _ => Value::from(typed),
    }
}

pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Seeds as people write them: how many, or runs of consecutive numbers as `1-8`.
pub(super) fn seeds_shown(value: &Value) -> String {
    let numbers: Option<Vec<i64>> = value
        .as_array()
        .and_then(|seeds| seeds.iter().map(Value::as_integer).collect());
    let Some(numbers) = numbers else {
        return shown(value);
    };
    let mut parts: Vec<(i64, i64)> = Vec::new();
    for number in numbers {
        match parts.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => parts.push((number, number)),
        }
    }
    let alone = parts.len() == 1;
    let parts: Vec<String> = parts
        .into_iter()
        .map(|(first, last)| match last - first {
            // A number alone would say how many.
            0 if alone => format!("{first}-{last}"),
            0 => first.to_string(),
            1 => format!("{first}, {last}"),
            _ => format!("{first}-{last}"),
        })
        .collect();
    parts.join(", ")
}

/// Most seeds that are spelled out, in all; the specification's limit is lower and says so.
const SPELLED_OUT: u64 = 1000;

/// Seeds as people write them: a number alone says how many, anything else is a list, one by one.
///
/// # Errors
/// What is wrong with the text, as a sentence about it. Nothing is spelled out before all of it is counted.
pub(in crate::pages::experiments) fn seeds_read(typed: &str) -> Result<Value, String> {
    if let Ok(count) = typed.trim().parse() {
        return Ok(Value::Integer(count));
    }
    let mut ranges = Vec::new();
    let mut total: u64 = 0;
    for part in typed.split([',', ' ']).filter(|part| !part.is_empty()) {
        let (first, last) = range(part)?;
        let seeds = last.abs_diff(first).saturating_add(1);
        total = total.saturating_add(seeds);
        // Only as many are kept as could be spelled out.
        if total <= SPELLED_OUT {
            ranges.push((first, last));
        }
    }
    if total > SPELLED_OUT {
        let (most, named) = (
            limits::SEEDS.end(),
            number::count(total.min(i64::MAX as u64)),
        );
        return Err(format!("names {named} seeds; at most {most} are allowed."));
    }
    let seeds = ranges.into_iter().flat_map(|(first, last)| first..=last);
    Ok(Value::Array(seeds.map(Value::Integer).collect()))
}

fn range(part: &str) -> Result<(i64, i64), String> {
    let (first, last) = part.split_once(['-', '–']).unwrap_or((part, part));
    match (first.trim().parse(), last.trim().parse()) {
        (Ok(first), Ok(last)) if first <= last => Ok((first, last)),
        (Ok(first), Ok(last)) => Err(format!(
            "cannot be read at {part}: a range begins with its smallest seed; write {last}-{first}."
        )),
        _ => {
            let shown: String = part.chars().take(20).collect();
            Err(format!(
                "cannot be read at \"{shown}\": write whole numbers and ranges, such as 1-8 or 3, 5, 8."
            ))
        }
    }
}
