//! From untrusted text to a [`Spec`], or to everything that is wrong with it.

use super::criterion::criterion;
use super::dropout::Dropout;
use super::fields::{Fields, Problem, Problems, kind};
use super::types::*;
use super::{cost, limits, masks, memory, sections};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// How a specification is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As people write it.
    Toml,
    /// As scripts send it.
    Json,
}

/// Sections that an arm may override.
const SECTIONS: [&str; 4] = ["task", "model", "training", "evaluation"];

/// Reads a file's bytes. See [`read`].
///
/// # Errors
/// Everything that is wrong, invalid UTF-8 included.
pub fn read_bytes(bytes: &[u8], format: Format) -> Result<Spec, Problems> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Problems::one(
            "",
            format!(
                "The specification must be UTF-8 text; byte {} is not. Save it as UTF-8.",
                error.valid_up_to()
            ),
        )
    })?;
    read(text, format)
}

/// Reads a specification and fills in every default.
///
/// # Errors
/// Everything that is wrong with it, each with a JSON pointer.
pub fn read(text: &str, format: Format) -> Result<Spec, Problems> {
    if text.len() > limits::TEXT_BYTES {
        return Err(Problems::one(
            "",
            format!(
                "The specification has {} bytes; at most {} are read.",
                text.len(),
                limits::TEXT_BYTES
            ),
        ));
    }
    let value = match format {
        Format::Toml => from_toml(text)?,
        Format::Json => serde_json::from_str(text)
            .map_err(|error| Problems::one("", format!("This is not valid JSON: {error}.")))?,
    };
    read_value(&value)
}

/// Reads what can be read of a specification, with usual values for the rest, beside everything that is wrong with it.
///
/// For showing defaults while somebody types; what counts is what [`read`] accepts.
pub fn draft(value: &Value) -> Option<(Spec, Vec<Problem>)> {
    let mut problems = Vec::new();
    let spec = whole(value, true, &mut problems)?;
    Some((spec, problems))
}

fn from_toml(text: &str) -> Result<Value, Problems> {
    let table: toml::Table = toml::from_str(text).map_err(|error| {
        let line = error
            .span()
            .map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count());
        let place = line.map_or_else(String::new, |line| format!("Line {line}: "));
        Problems::one(
            "",
            format!("{place}this is not valid TOML: {}.", error.message()),
        )
    })?;
    // NaN and infinity exist in TOML but not in JSON; they become null here and are then reported as missing.
    serde_json::to_value(table)
        .map_err(|error| Problems::one("", format!("This cannot be read: {error}.")))
}

/// Reads a specification that is already JSON.
///
/// # Errors
/// Everything that is wrong with it, each with a JSON pointer.
pub fn read_value(value: &Value) -> Result<Spec, Problems> {
    read_with(value, true)
}

pub(super) fn read_with(value: &Value, strict: bool) -> Result<Spec, Problems> {
    let mut problems = Vec::new();
    let spec = whole(value, strict, &mut problems);
    match spec {
        Some(spec) if problems.is_empty() => Ok(spec),
        _ => Err(Problems::told(problems)),
    }
}

fn whole(value: &Value, strict: bool, problems: &mut Vec<Problem>) -> Option<Spec> {
    let mut fields = Fields::open(value, String::new(), strict, problems)?;
    let title = fields.required_text("title", limits::TITLE_CHARS);
    let seeds = seeds(&mut fields, strict);
    let empty = Value::Object(Map::new());
    let base = SECTIONS.map(|name| {
        let given = fields.take(name);
        if given.is_none() && name == "task" {
            fields.problem(name, "is missing: a [task] section says what is learned.");
        }
        given.unwrap_or(&empty)
    });
    let absent_task = base[0] == &empty;
    let mut found = Vec::new();
    let setup = setup(base, "", strict, &mut found);
    // Its one complaint is made above, in better words.
    found.retain(|problem| !(absent_task && problem.pointer.starts_with("/task")));
    fields.problems.extend(found);
    let arms = arms(&mut fields, base, strict);
    let criterion_value = fields.take("criterion");
    let criterion = criterion_value.and_then(|value| {
        let pointer = fields.pointer("criterion");
        Fields::open(value, pointer, strict, fields.problems).map(|fields| criterion(fields, &arms))
    });
    fields.close();
    let setup = setup?;
    let spec = Spec {
        title,
        seeds,
        task: setup.task,
        model: setup.model,
        training: setup.training,
        evaluation: setup.evaluation,
        arms,
        criterion,
    };
    Some(spec)
}

fn seeds(fields: &mut Fields<'_>, strict: bool) -> Vec<u32> {
    let Some(value) = fields.take("seeds") else {
        fields.problem(
            "seeds",
            "is missing; give a list such as [1, 2, 3, 4, 5, 6].",
        );
        return Vec::new();
    };
    let Value::Array(items) = value else {
        fields.problem(
            "seeds",
            format!(
                "must be a list such as [1, 2, 3, 4, 5, 6], not {}.",
                kind(value)
            ),
        );
        return Vec::new();
    };
    if items.is_empty() {
        fields.problem(
            "seeds",
            "needs at least one seed; an experiment that is registered needs six.",
        );
    }
    if strict && items.len() > *limits::SEEDS.end() {
        fields.problem(
            "seeds",
            format!(
                "has {} seeds; at most {} are allowed.",
                items.len(),
                limits::SEEDS.end()
            ),
        );
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    let mut seeds = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let pointer = format!("/seeds/{index}");
        let Some(seed) = item.as_u64().and_then(|seed| u32::try_from(seed).ok()) else {
            fields.problems.push(Problem {
                pointer,
                detail: "must be a whole number from 0 to 4294967295.".into(),
            });
            continue;
        };
        if !seen.insert(seed) {
            fields.problems.push(Problem {
                pointer,
                detail: format!("seed {seed} is there twice; each seed gives one run an arm."),
            });
            continue;
        }
        seeds.push(seed);
    }
    seeds
}

/// Reads the four sections below `prefix`; `None` where one is not a table.
fn setup(
    given: [&Value; 4],
    prefix: &str,
    strict: bool,
    problems: &mut Vec<Problem>,
) -> Option<Setup> {
    let pointer = |index: usize| format!("{prefix}/{}", SECTIONS[index]);
    // All four are opened, so that everything that is wrong is said at once.
    let task = Fields::open(given[0], pointer(0), strict, problems).map(sections::task);
    let usual = task
        .clone()
        .unwrap_or_else(|| Task::generated(TaskName::Adding, *limits::LENGTH.start()));
    let model = Fields::open(given[1], pointer(1), strict, problems)
        .map(|fields| sections::model(fields, &usual));
    let network = model.clone().unwrap_or_else(|| Model::new(Cell::Rnn, 1, 1));
    let training = Fields::open(given[2], pointer(2), strict, problems)
        .map(|fields| sections::training(fields, &usual, &network));
    let evaluation = Fields::open(given[3], pointer(3), strict, problems)
        .zip(training.as_ref())
        .map(|(fields, training)| sections::evaluation(fields, &usual, training));
    Some(Setup {
        task: task?,
        model: model?,
        training: training?,
        evaluation: evaluation?,
        dropout: Dropout::default(),
    })
}

fn arms(fields: &mut Fields<'_>, base: [&Value; 4], strict: bool) -> Vec<Arm> {
    let Some(value) = fields.take("arms") else {
        fields.problem(
            "arms",
            "is missing; give an [[arms]] section for each configuration compared.",
        );
        return Vec::new();
    };
    let Value::Array(items) = value else {
        fields.problem(
            "arms",
            format!("must be a list of [[arms]] sections, not {}.", kind(value)),
        );
        return Vec::new();
    };
    if !limits::ARMS.contains(&items.len()) && strict {
        let (least, most) = limits::ARMS.into_inner();
        fields.problem(
            "arms",
            format!(
                "has {} arms; from {least} to {most} are allowed.",
                items.len()
            ),
        );
        return Vec::new();
    }
    let mut arms: Vec<Arm> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let Some(arm) = arm(item, index, base, strict, fields.problems) else {
            continue;
        };
        if arms.iter().any(|other| other.name == arm.name) && !arm.name.is_empty() {
            fields.problems.push(Problem {
                pointer: format!("/arms/{index}/name"),
                detail: format!(
                    "another arm is called \"{}\" too; names must differ.",
                    arm.name
                ),
            });
        }
        arms.push(arm);
    }
    arms
}

fn arm(
    value: &Value,
    index: usize,
    base: [&Value; 4],
    strict: bool,
    problems: &mut Vec<Problem>,
) -> Option<Arm> {
    let prefix = format!("/arms/{index}");
    let mut fields = Fields::open(value, prefix.clone(), strict, problems)?;
    let name = fields.required_text("name", limits::ARM_CHARS);
    let dropout = fields.take("dropout");
    let given: [Option<&Value>; 4] = SECTIONS.map(|name| fields.take(name));
    let merged: Vec<Value> = (0..4).map(|i| merge(base[i], given[i])).collect();
    let mut found = Vec::new();
    let mut setup = setup(
        [&merged[0], &merged[1], &merged[2], &merged[3]],
        &prefix,
        strict,
        &mut found,
    );
    // What is wrong with the base is reported there; here only what the arm itself says.
    found.retain(|problem| says(value, &prefix, problem));
    fields.problems.extend(found);
    if let (Some(dropout), Some(setup)) = (dropout, &mut setup) {
        let pointer = fields.pointer("dropout");
        setup.dropout = masks::dropout(dropout, pointer, &setup.model, strict, fields.problems);
    }
    fields.close();
    let setup = setup?;
    Some(Arm {
        name,
        dropout: setup.dropout.clone(),
        overrides: overrides(given, &setup),
        setup,
    })
}

/// The base section with the arm's fields laid over it.
fn merge(base: &Value, over: Option<&Value>) -> Value {
    match (base, over) {
        (Value::Object(base), Some(Value::Object(over))) => {
            let mut merged = base.clone();
            merged.extend(over.clone());
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

/// The overrides as given, but with values as they were read (1 becomes 1.0 where a fraction is meant).
fn overrides(given: [Option<&Value>; 4], setup: &Setup) -> Map<String, Value> {
    let whole = serde_json::to_value(setup).expect("a setup is plain data");
    let mut overrides = Map::new();
    for (name, value) in SECTIONS.iter().zip(given) {
        let Some(Value::Object(table)) = value else {
            continue;
        };
        let kept: Map<String, Value> = table
            .keys()
            .filter_map(|key| Some((key.clone(), whole.get(name)?.get(key)?.clone())))
            .collect();
        if !kept.is_empty() {
            overrides.insert((*name).to_owned(), Value::Object(kept));
        }
    }
    overrides
}

impl Spec {
    /// Reads a specification that was accepted once: limits that were lowered since do not matter.
    ///
    /// # Errors
    /// If it is not a specification at all.
    pub fn from_stored(value: &Value) -> Result<Self, Problems> {
        read_with(value, false)
    }

    /// What must hold, beyond being readable, before the experiment can be registered.
    pub fn registrable(&self) -> Result<(), Problems> {
        let mut problems = Vec::new();
        if self.seeds.len() < limits::SEEDS_REGISTERED {
            problems.push(Problem {
                pointer: "/seeds".into(),
                detail: format!(
                    "has {} seeds; a criterion needs at least {}: with fewer pairs no exact test can tell.",
                    self.seeds.len(),
                    limits::SEEDS_REGISTERED
                ),
            });
        }
        if self.criterion.is_none() {
            problems.push(Problem {
                pointer: "/criterion".into(),
                detail:
                    "is missing: a [criterion] section says, before the first run, what decides."
                        .into(),
            });
        }
        problems.extend(cost::problem(self));
        problems.extend(memory::problem(self));
        problems.extend(cost::too_many_measurements(self));
        if problems.is_empty() {
            return Ok(());
        }
        Err(Problems(problems))
    }
}

#[cfg(test)]
mod tests;
