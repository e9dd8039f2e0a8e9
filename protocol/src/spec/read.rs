//! From untrusted text to a [`Spec`], or to everything that is wrong with it.

use super::criterion::criterion;
use super::dropout::Dropout;
use super::fields::{Fields, NOT_FINITE, Problem, Problems, kind};
use super::tuning::tuning;
use super::types::*;
use super::{Board, cost, gates, limits, memory, search, sections, seeds};
use crate::json::Unambiguous;
use crate::visible;
use arm::{Base, arm};
pub(super) use changed::changed;
use serde_json::{Map, Value};

mod arm;
mod changed;

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
        let found = match bytes {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "it is UTF-16".to_owned(),
            _ => format!("byte {} is not", error.valid_up_to()),
        };
        Problems::one(
            "",
            format!("The specification must be UTF-8 text; {found}. Save it as UTF-8."),
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
    // Some editors begin a file with a mark that says UTF-8.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let value = match format {
        Format::Toml => from_toml(text)?,
        Format::Json => serde_json::from_str(text)
            .map(|Unambiguous(value)| value)
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
        if let Some(other) = other_format(text) {
            return Problems::one("", other);
        }
        let before = |span: std::ops::Range<usize>| &text.as_bytes()[..span.start.min(text.len())];
        let newlines = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
        let line = error.span().map(|span| 1 + newlines(before(span)));
        let place = line.map_or_else(String::new, |line| format!("Line {line}: "));
        Problems::one(
            "",
            format!("{place}this is not valid TOML: {}.", error.message()),
        )
    })?;
    Ok(json(toml::Value::Table(table)))
}

/// What to say of a text that is no TOML because it is something else that is well known.
fn other_format(text: &str) -> Option<&'static str> {
    if text.trim_start().starts_with('{') {
        return Some(
            "This looks like JSON, and TOML is expected here: save it in a file whose name ends in .json, or send it \
             over REST as an object.",
        );
    }
    let mut lines = text.lines().map(str::trim_end);
    let is_key =
        |key: &str| !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_');
    let is_yaml = |line: &str| {
        let key = line.split_once(": ").map(|(key, _)| key);
        key.or(line.strip_suffix(':')).is_some_and(is_key)
    };
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#') && *line != "---");
    first.is_some_and(is_yaml).then_some(
        "This looks like YAML, and a specification is TOML: write fields as title = \"…\" and sections as [task], \
         each arm below [[arms]].",
    )
}

/// TOML's values as JSON's. Numbers that are not finite, which JSON has not, become their names: so the field is
/// reported as what was written.
fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::Float(number) if number.is_nan() => NOT_FINITE[0].into(),
        toml::Value::Float(number) if number.is_infinite() => {
            NOT_FINITE[if number > 0.0 { 1 } else { 2 }].into()
        }
        toml::Value::Float(number) => number.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Boolean(truth) => truth.into(),
        toml::Value::String(text) => text.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(json).collect(),
        toml::Value::Table(table) => {
            let entries = table.into_iter().map(|(key, value)| (key, json(value)));
            Value::Object(entries.collect())
        }
    }
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
    let seeds = seeds::read(&mut fields, strict);
    let empty = Value::Object(Map::new());
    let base = SECTIONS.map(|name| {
        let given = fields.take(name);
        if given.is_none() && name == "task" {
            fields.problem(name, "is missing: a [task] section says what is learned.");
        }
        given.unwrap_or(&empty)
    });
    let absent_task = base[0] == &empty;
    let mut wrong = Vec::new();
    let setup = setup(base, [None; 4], "", strict, &mut wrong);
    // Its one complaint is made above, in better words.
    let said = |problem: &&Problem| !(absent_task && problem.pointer.starts_with("/task"));
    fields.problems.extend(wrong.iter().filter(said).cloned());
    let base = Base {
        given: base,
        setup: setup.as_ref(),
        wrong: &wrong,
    };
    let arms = arms(&mut fields, base, strict);
    let criterion_value = fields.take("criterion");
    let criterion = criterion_value.and_then(|value| {
        let pointer = fields.pointer("criterion");
        Fields::open(value, pointer, strict, fields.problems).map(|fields| criterion(fields, &arms))
    });
    let search = search::read(&mut fields, criterion.as_ref(), &arms, strict);
    let tuning = fields.take("tuning").and_then(|value| {
        let pointer = fields.pointer("tuning");
        let own = Fields::open(value, pointer, strict, fields.problems)?;
        Some(tuning(own, &arms, &seeds, criterion.as_ref(), strict))
    });
    if search.is_some() && tuning.is_some() && strict {
        fields.problem("tuning", "is for what is compared, and a search looks for a setting itself; leave one of them out.");
    }
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
        search,
        tuning,
    };
    Some(spec)
}

/// Reads the four sections below `prefix`, of which an arm says `own` itself; `None` where one is not a table.
fn setup(
    given: [&Value; 4],
    own: [Option<&Map<String, Value>>; 4],
    prefix: &str,
    strict: bool,
    problems: &mut Vec<Problem>,
) -> Option<Setup> {
    fn open<'a>(
        value: &'a Value,
        own: Option<&'a Map<String, Value>>,
        pointer: String,
        strict: bool,
        problems: &'a mut Vec<Problem>,
    ) -> Option<Fields<'a>> {
        Fields::open(value, pointer, strict, problems).map(|fields| fields.laid_over(own))
    }
    let pointer = |index: usize| format!("{prefix}/{}", SECTIONS[index]);
    // All four are opened, so that everything that is wrong is said at once.
    let task = open(given[0], own[0], pointer(0), strict, problems).map(sections::task);
    let usual = task
        .clone()
        .unwrap_or_else(|| Task::generated(TaskName::Adding, *limits::LENGTH.start()));
    let model = open(given[1], own[1], pointer(1), strict, problems)
        .map(|fields| sections::model(fields, &usual));
    let network = model.clone().unwrap_or_else(|| Model::new(Cell::Rnn, 1, 1));
    let training = open(given[2], own[2], pointer(2), strict, problems)
        .map(|fields| sections::training(fields, &usual, &network));
    let evaluation = open(given[3], own[3], pointer(3), strict, problems)
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

fn arms(fields: &mut Fields<'_>, base: Base<'_>, strict: bool) -> Vec<Arm> {
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
    let mut skeletons: Vec<String> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let Some(arm) = arm(item, index, base, strict, fields.problems) else {
            continue;
        };
        let looks = visible::skeleton(&arm.name);
        let twin = arms
            .iter()
            .zip(&skeletons)
            .find(|(other, skeleton)| other.name == arm.name || (strict && **skeleton == looks));
        if let Some((twin, _)) = twin.filter(|_| !arm.name.is_empty()) {
            let detail = if twin.name == arm.name {
                format!(
                    "another arm is called \"{}\" too; names must differ.",
                    arm.name
                )
            } else {
                format!(
                    "looks like the name of another arm, \"{}\"; readers must be able to tell them apart.",
                    twin.name
                )
            };
            fields.problems.push(Problem {
                pointer: format!("/arms/{index}/name"),
                detail,
            });
        }
        skeletons.push(looks);
        arms.push(arm);
    }
    arms
}

impl Spec {
    /// Reads a specification that was accepted once: limits that were lowered since do not matter.
    ///
    /// # Errors
    /// If it is not a specification at all.
    pub fn from_stored(value: &Value) -> Result<Self, Problems> {
        read_with(value, false)
    }

    /// The registered level of its verdict; 0, at which nothing can be decided, without a criterion.
    pub fn level(&self) -> f64 {
        self.criterion
            .as_ref()
            .map_or(0.0, |criterion| criterion.alpha)
    }

    /// What must hold, beyond being readable, before the experiment can be registered on a board of one CPU worker.
    ///
    /// # Errors
    /// Everything that stands against it.
    pub fn registrable(&self) -> Result<(), Problems> {
        self.registrable_on(&Board::default())
    }

    /// What must hold, beyond being readable, before the experiment can be registered on that board.
    ///
    /// # Errors
    /// Everything that stands against it.
    pub fn registrable_on(&self, board: &Board) -> Result<(), Problems> {
        let mut problems = match self.is_search() {
            true => self.unsearchable(),
            false => self.undecidable(),
        };
        problems.extend(self.too_much_for(board));
        if problems.is_empty() {
            return Ok(());
        }
        Err(Problems(problems))
    }

    /// What of it is too much for that board; holds for exploratory experiments as well.
    pub fn too_much_for(&self, board: &Board) -> Vec<Problem> {
        let mut problems = cost::problems(self, board);
        problems.extend(match self.is_search() {
            true => self.too_much_of_a_point(),
            false => memory::problem(self).into_iter().collect(),
        });
        problems
    }

    /// What keeps it from saying something about a claim: with that it can be registered as exploratory only.
    pub fn undecidable(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        problems.extend(seeds::undecidable(&self.seeds));
        if self.criterion.is_none() {
            problems.push(Problem {
                pointer: "/criterion".into(),
                detail:
                    "is missing: a [criterion] section says, before the first run, what decides."
                        .into(),
            });
        }
        problems.extend(gates::problems(self));
        problems
    }
}

#[cfg(test)]
mod tests;
