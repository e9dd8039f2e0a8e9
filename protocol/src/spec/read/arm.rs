//! Reading an arm: what it says itself laid over the base, checked as what that makes.

use super::{SECTIONS, setup};
use crate::spec::fields::{Fields, Problem};
use crate::spec::to_toml::FIELD_ORDER;
use crate::spec::types::{Arm, Setup};
use crate::spec::{limits, masks};
use serde_json::{Map, Value};

/// The base settings, beside which arms are read.
#[derive(Clone, Copy)]
pub(super) struct Base<'a> {
    /// The four sections as they were given.
    pub(super) given: [&'a Value; 4],
    /// What they make, every default filled in; none if one is not a table.
    pub(super) setup: Option<&'a Setup>,
    /// What is wrong with them.
    pub(super) wrong: &'a [Problem],
}

/// Reads the arm of that number.
pub(super) fn arm(
    value: &Value,
    index: usize,
    base: Base<'_>,
    strict: bool,
    problems: &mut Vec<Problem>,
) -> Option<Arm> {
    let prefix = format!("/arms/{index}");
    let mut fields = Fields::open(value, prefix.clone(), strict, problems)?;
    let name = fields.required_text("name", limits::ARM_CHARS);
    let dropout = fields.take("dropout");
    let own = SECTIONS.map(|name| fields.take(name));
    let (setup, found) = laid_over(base.given, own, &prefix, strict);
    for problem in found {
        // What the arm says itself, or what the base says just as wrongly, needs no search for its cause. What was
        // accepted once stays readable: rules that came later do not count.
        if says(value, &prefix, &problem) {
            fields.problems.push(problem);
        } else if strict && !base.has(&problem, &prefix) {
            fields.problems.push(caused(problem, base, own, &prefix));
        }
    }
    let mut setup = setup;
    if let (Some(dropout), Some(setup)) = (dropout, &mut setup) {
        let pointer = fields.pointer("dropout");
        setup.dropout = masks::dropout(dropout, pointer, &setup.model, strict, fields.problems);
    }
    fields.close();
    let setup = setup?;
    Some(Arm {
        name,
        dropout: setup.dropout.clone(),
        overrides: overrides(own, base, &setup),
        setup,
    })
}

/// What the base makes with the arm's own sections laid over it, and everything that is wrong with that.
pub(super) fn laid_over(
    base: [&Value; 4],
    own: [Option<&Value>; 4],
    prefix: &str,
    strict: bool,
) -> (Option<Setup>, Vec<Problem>) {
    let merged: Vec<Value> = base
        .iter()
        .zip(own)
        .map(|(base, own)| merge(base, own))
        .collect();
    let none = Map::new();
    let said = own.map(|own| own.map_or(Some(&none), Value::as_object));
    let mut found = Vec::new();
    let setup = setup(
        [&merged[0], &merged[1], &merged[2], &merged[3]],
        said,
        prefix,
        strict,
        &mut found,
    );
    (setup, found)
}

/// The base section with the arm's fields laid over it.
fn merge(base: &Value, over: Option<&Value>) -> Value {
    match (base, over) {
        (Value::Object(base), Some(Value::Object(over))) => {
            let mut merged = base.clone();
            // null says nothing, in an arm as elsewhere.
            let said = over.iter().filter(|(_, value)| !value.is_null());
            merged.extend(said.map(|(key, value)| (key.clone(), value.clone())));
            Value::Object(merged)
        }
        (_, Some(over)) => over.clone(),
        (base, None) => base.clone(),
    }
}

/// Whether the field a problem points at was written in the arm itself.
fn says(arm: &Value, prefix: &str, problem: &Problem) -> bool {
    problem
        .pointer
        .strip_prefix(prefix)
        .is_some_and(|inner| arm.pointer(inner).is_some())
}

impl Base<'_> {
    /// Whether the same is wrong here, where it is reported.
    fn has(&self, problem: &Problem, prefix: &str) -> bool {
        self.wrong.iter().any(|wrong| {
            Some(wrong.pointer.as_str()) == problem.pointer.strip_prefix(prefix)
                && wrong.detail == problem.detail
        })
    }
}

/// The problem at the field of the arm that causes it: without that one it would not be there.
fn caused(problem: Problem, base: Base<'_>, own: [Option<&Value>; 4], prefix: &str) -> Problem {
    let inner = problem.path();
    let inner = inner.split_once('.').map_or("", |(_, inner)| inner);
    let section = inner.split('.').next().unwrap_or_default();
    // The section in which the problem shows comes first.
    let mut order: Vec<usize> = (0..SECTIONS.len()).collect();
    order.sort_by_key(|&index| SECTIONS[index] != section);
    let is_cause = |index: usize, key: &str| {
        let mut without = own[index].cloned();
        if let Some(Value::Object(table)) = &mut without {
            table.remove(key);
        }
        let mut own = own;
        own[index] = without.as_ref();
        !laid_over(base.given, own, prefix, true)
            .1
            .contains(&problem)
    };
    let cause = order.into_iter().find_map(|index| {
        let table = own[index]?.as_object()?;
        // Fields that do not exist, of which there may be thousands, cause nothing.
        let mut keys = FIELD_ORDER.iter().filter(|key| table.contains_key(**key));
        let key = keys.find(|key| is_cause(index, key))?;
        Some(format!("{prefix}/{}/{key}", SECTIONS[index]))
    });
    let verb = ["is ", "must ", "has "]
        .iter()
        .any(|verb| problem.detail.starts_with(verb));
    let colon = if verb { "" } else { ":" };
    Problem {
        pointer: cause.unwrap_or_else(|| prefix.to_owned()),
        detail: format!(
            "does not fit the rest of this arm, most of which stands in the base: {inner}{colon} {}",
            problem.detail
        ),
    }
}

/// What the arm has differently from the base: what it says itself, as it was read (1 becomes 1.0 where a fraction is
/// meant), and what follows from that, such as the usual length of another task. So the frozen form, in which the base
/// has its defaults written out, makes the same arm again.
fn overrides(own: [Option<&Value>; 4], base: Base<'_>, setup: &Setup) -> Map<String, Value> {
    let table = |setup: &Setup| serde_json::to_value(setup).expect("a setup is plain data");
    let (whole, frozen) = (table(setup), base.setup.map(table).unwrap_or_default());
    let mut overrides = Map::new();
    for (name, own) in SECTIONS.iter().zip(own) {
        let Some(Value::Object(fields)) = whole.get(name) else {
            continue;
        };
        let said =
            |key: &str| own.is_some_and(|own| own.get(key).is_some_and(|value| !value.is_null()));
        let differs = |key: &str, value: &Value| frozen[*name].get(key) != Some(value);
        let kept: Map<String, Value> = fields
            .iter()
            .filter(|(key, value)| said(key) || differs(key, value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if !kept.is_empty() {
            overrides.insert((*name).to_owned(), Value::Object(kept));
        }
    }
    overrides
}

#[cfg(test)]
mod tests;
