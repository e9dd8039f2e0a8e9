//! Reads a table field by field and collects everything that is wrong, instead of stopping at the first mistake.

use serde_json::{Map, Value};
use std::fmt;
use std::ops::RangeInclusive;

/// One mistake: where (JSON pointer, RFC 6901) and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// JSON pointer of the field, such as `/arms/0/dropout/state/rate`; empty for the whole.
    pub pointer: String,
    /// A sentence a person can act on.
    pub detail: String,
}

/// Mistakes of a specification, in the order in which they were found; at most about a hundred are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

/// Most mistakes that are told: nobody reads more at once, and an answer stays small whatever was sent.
const TOLD: usize = 100;

impl Problems {
    /// What was found, cut to what is told.
    pub(super) fn told(mut found: Vec<Problem>) -> Self {
        let more = found.len().saturating_sub(TOLD);
        if more > 0 {
            found.truncate(TOLD);
            found.push(Problem {
                pointer: String::new(),
                detail: format!("There are {more} more problems; mend these first."),
            });
        }
        Self(found)
    }

    /// A single mistake.
    pub fn one(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self(vec![Problem {
            pointer: pointer.into(),
            detail: detail.into(),
        }])
    }
}

impl fmt::Display for Problem {
    /// The path as it is written in TOML: `arms[0].dropout.state.rate: …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path();
        if path.is_empty() {
            return f.write_str(&self.detail);
        }
        write!(f, "{path}: {}", self.detail)
    }
}

impl Problem {
    /// The field's path as it is written in TOML: `arms[0].dropout.state.rate`.
    pub fn path(&self) -> String {
        let mut path = String::new();
        for part in self.pointer.split('/').skip(1) {
            if part.bytes().all(|byte| byte.is_ascii_digit()) && !part.is_empty() {
                path.push_str(&format!("[{part}]"));
                continue;
            }
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&part.replace("~1", "/").replace("~0", "~"));
        }
        path
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A table that is being read.
pub(super) struct Fields<'a> {
    pointer: String,
    table: &'a Map<String, Value>,
    known: Vec<&'static str>,
    /// What an arm says itself, where the table is the base's with the arm's laid over it.
    own: Option<&'a Map<String, Value>>,
    /// Whether upper limits apply: what was once accepted must stay readable when they shrink.
    strict: bool,
    pub(super) problems: &'a mut Vec<Problem>,
}

impl<'a> Fields<'a> {
    pub(super) fn open(
        value: &'a Value,
        pointer: String,
        strict: bool,
        problems: &'a mut Vec<Problem>,
    ) -> Option<Self> {
        let Value::Object(table) = value else {
            problems.push(Problem {
                pointer,
                detail: format!("must be a table of fields, not {}.", kind(value)),
            });
            return None;
        };
        Some(Self {
            pointer,
            table,
            known: Vec::new(),
            own: None,
            strict,
            problems,
        })
    }

    /// The same table, of which an arm says `own` itself and the base the rest.
    pub(super) fn laid_over(self, own: Option<&'a Map<String, Value>>) -> Self {
        Self { own, ..self }
    }

    /// Whether the arm that is read did not say this itself: then it stands in the base, if anywhere.
    pub(super) fn inherited(&self, name: &str) -> bool {
        self.own
            .is_some_and(|own| own.get(name).is_none_or(Value::is_null))
    }

    pub(super) fn pointer(&self, name: &str) -> String {
        format!("{}/{}", self.pointer, escape(name))
    }

    pub(super) fn problem(&mut self, name: &str, detail: impl Into<String>) {
        let pointer = self.pointer(name);
        self.problems.push(Problem {
            pointer,
            detail: detail.into(),
        });
    }

    /// A problem of one entry of a list.
    pub(super) fn problem_at(&mut self, name: &str, index: usize, detail: impl Into<String>) {
        let pointer = format!("{}/{index}", self.pointer(name));
        self.problems.push(Problem {
            pointer,
            detail: detail.into(),
        });
    }

    /// The raw value; null counts as absent.
    pub(super) fn take(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.table.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&mut self, name: &'static str, most_chars: usize) -> Option<String> {
        let value = self.take(name)?;
        let Value::String(text) = value else {
            self.problem(
                name,
                format!("must be text in quotes, not {}.", kind(value)),
            );
            return None;
        };
        if self.strict && text.trim().chars().count() > most_chars {
            self.problem(name, format!("must have at most {most_chars} characters."));
            return None;
        }
        match crate::visible::line(text) {
            Ok(line) if line.is_empty() => {
                self.problem(name, "must not be empty.");
                None
            }
            Ok(line) => Some(line),
            // What was accepted before the rule about invisible characters stays readable.
            Err(_) if !self.strict => Some(text.trim().to_owned()),
            Err(detail) => {
                self.problem(name, detail);
                None
            }
        }
    }

    pub(super) fn required_text(&mut self, name: &'static str, most_chars: usize) -> String {
        let before = self.problems.len();
        let text = self.text(name, most_chars);
        if text.is_none() && self.problems.len() == before {
            self.problem(name, "is missing.");
        }
        text.unwrap_or_default()
    }

    /// A whole number in `range`; `default` where it is absent, or a problem if there is none.
    pub(super) fn integer(
        &mut self,
        name: &'static str,
        default: Option<u32>,
        range: RangeInclusive<u32>,
    ) -> u32 {
        let fallback = default.unwrap_or(*range.start());
        let Some(value) = self.take(name) else {
            if default.is_none() {
                self.problem(name, format!("is missing; give {}.", span(&range)));
            }
            return fallback;
        };
        match whole(value) {
            Some(number)
                if number >= *range.start() && (!self.strict || range.contains(&number)) =>
            {
                number
            }
            _ => {
                self.problem(
                    name,
                    format!("must be {}, not {}.", span(&range), show(value)),
                );
                fallback
            }
        }
    }

    /// A number in `range`.
    pub(super) fn number(
        &mut self,
        name: &'static str,
        default: Option<f64>,
        range: RangeInclusive<f64>,
    ) -> f64 {
        let fallback = default.unwrap_or(*range.start());
        let Some(value) = self.take(name) else {
            if default.is_none() {
                let (low, high) = (range.start(), range.end());
                self.problem(
                    name,
                    format!("is missing; give a number from {low} to {high}."),
                );
            }
            return fallback;
        };
        match value.as_f64() {
            Some(number) if range.contains(&number) => number,
            _ => {
                let (low, high) = (range.start(), range.end());
                self.problem(
                    name,
                    format!(
                        "must be a number from {low} to {high}, not {}.",
                        show(value)
                    ),
                );
                fallback
            }
        }
    }

    /// A number in `range`, where one is given.
    pub(super) fn given_number(
        &mut self,
        name: &'static str,
        range: RangeInclusive<f64>,
    ) -> Option<f64> {
        self.take(name)?;
        Some(self.number(name, None, range))
    }

    /// A whole number in `range`, where one is given.
    pub(super) fn given_integer(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u32>,
    ) -> Option<u32> {
        self.take(name)?;
        Some(self.integer(name, None, range))
    }

    /// One of the named values.
    pub(super) fn choice<T: Copy>(
        &mut self,
        name: &'static str,
        options: &[(&str, T)],
        default: Option<T>,
    ) -> T {
        let fallback = default.unwrap_or(options[0].1);
        let names: Vec<&str> = options.iter().map(|(name, _)| *name).collect();
        let Some(value) = self.take(name) else {
            if default.is_none() {
                self.problem(name, format!("is missing; give {}.", either(&names)));
            }
            return fallback;
        };
        let found = value
            .as_str()
            .and_then(|text| options.iter().find(|(name, _)| *name == text));
        if let Some((_, option)) = found {
            return *option;
        }
        let hint = value.as_str().and_then(|text| nearest(text, &names));
        self.problem(
            name,
            format!(
                "must be {}, not {}.{}",
                either(&names),
                show(value),
                did_you_mean(hint)
            ),
        );
        fallback
    }

    /// True or false.
    pub(super) fn truth(&mut self, name: &'static str, default: bool) -> bool {
        match self.take(name) {
            None => default,
            Some(Value::Bool(truth)) => *truth,
            Some(other) => {
                self.problem(name, format!("must be true or false, not {}.", show(other)));
                default
            }
        }
    }

    /// A field that only some have, in words `whose`: read where it `applies`, refused where it does not.
    ///
    /// What an arm has from the base and has no use for is left out of the arm.
    pub(super) fn of<T>(
        &mut self,
        name: &'static str,
        applies: bool,
        whose: &str,
        read: impl FnOnce(&mut Self) -> T,
    ) -> Option<T> {
        if applies {
            return Some(read(self));
        }
        if self.take(name).is_some() && !self.inherited(name) {
            self.problem(name, format!("is only for {whose}; leave it out."));
        }
        None
    }

    /// Reports the fields that nobody asked for: the first few by name, the others by their number, so that a text
    /// of nothing else costs no more than one with a few slips.
    pub(super) fn close(mut self) {
        // A field that is read in two ways is known once.
        let mut known: Vec<&str> = Vec::new();
        for name in std::mem::take(&mut self.known) {
            if !known.contains(&name) {
                known.push(name);
            }
        }
        let table = self.table;
        let mut unknown = table.keys().filter(|key| !known.contains(&key.as_str()));
        for key in unknown.by_ref().take(UNKNOWN_NAMED) {
            let detail = unknown_field(key, &known);
            self.problem(key, detail);
        }
        let more = unknown.count();
        if more > 0 {
            self.problems.push(Problem {
                pointer: self.pointer,
                detail: format!("{more} more fields here do not exist."),
            });
        }
    }
}

/// Fields of one table that are reported as unknown by their name.
const UNKNOWN_NAMED: usize = 10;

/// What to say about a field that does not exist.
fn unknown_field(key: &str, known: &[&str]) -> String {
    let hint = nearest(key, known);
    format!(
        "is not a field here.{} Known: {}.",
        did_you_mean(hint),
        known.join(", ")
    )
}

/// What fields are called in other programs, where no slip of a letter leads to ours.
const ELSEWHERE: &[(&str, &str)] = &[
    ("lr", "learning_rate"),
    ("step_size", "learning_rate"),
    ("batch_size", "batch"),
    ("bsz", "batch"),
    ("hidden_size", "hidden"),
    ("rnn_size", "hidden"),
    ("nhid", "hidden"),
    ("units", "hidden"),
    ("num_layers", "layers"),
    ("nlayers", "layers"),
    ("emsize", "embedding"),
    ("tied", "tied_embeddings"),
    ("rnn_type", "cell"),
    ("grad_clip", "clip"),
    ("max_grad_norm", "clip"),
    ("bptt", "length"),
    ("seq_length", "length"),
    ("seq_len", "length"),
    ("max_epoch", "epochs"),
    ("max_max_epoch", "epochs"),
    ("wdecay", "weight_decay"),
    ("lr_decay", "anneal"),
    ("vocab_size", "vocabulary"),
    ("p", "rate"),
    ("eval_every", "every"),
];

pub(super) fn nearest<'a>(text: &str, known: &[&'a str]) -> Option<&'a str> {
    // A typical slip (a letter, a transposition, a plural) scores above this.
    const CLOSE_ENOUGH: f64 = 0.75;
    // No name is nearly that long, and comparing costs the product of both lengths.
    const LONGEST: usize = 64;
    if text.len() > LONGEST {
        return None;
    }
    let text = text.to_ascii_lowercase();
    if let Some((_, name)) = ELSEWHERE
        .iter()
        .find(|(other, name)| *other == text && known.contains(name))
    {
        return Some(name);
    }
    known
        .iter()
        .map(|name| (strsim::jaro_winkler(&text, name), *name))
        .filter(|(score, _)| *score > CLOSE_ENOUGH)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

pub(super) fn did_you_mean(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!(" Did you mean `{name}`?"))
}

/// The whole number that a value is: JSON has one kind of number, so 8.0 is 8.
pub(super) fn whole(value: &Value) -> Option<u32> {
    if let Some(number) = value.as_u64() {
        return u32::try_from(number).ok();
    }
    let number = value.as_f64()?;
    let fits = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    fits.then_some(number as u32)
}

/// Escapes a key for a JSON pointer.
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn either(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

fn span(range: &RangeInclusive<u32>) -> String {
    format!("a whole number from {} to {}", range.start(), range.end())
}

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

/// What TOML calls the numbers that are not finite.
pub(super) const NOT_FINITE: [&str; 3] = ["nan", "inf", "-inf"];

/// The value as it was given, cut short: a mistake is easier to find when it is quoted.
fn show(value: &Value) -> String {
    const MOST: usize = 40;
    match value {
        Value::Array(_) | Value::Object(_) => kind(value).to_owned(),
        // As it was written; JSON has no word for them.
        Value::String(text) if NOT_FINITE.contains(&text.as_str()) => text.clone(),
        other => {
            let text = other.to_string();
            if text.chars().count() <= MOST {
                return text;
            }
            text.chars().take(MOST).chain(['…']).collect()
        }
    }
}
