//! The `[search]` section: how many runs a search may take, and over which fields it looks.
//!
//! A criterion of kind `search` says what of the claim is looked at, as that of a difference does, and decides nothing:
//! the search looks for settings at which it fails ([`crate::search`]).

mod gates;
mod plan;
mod settings;

use super::contrast::settings as settings_of;
use super::fields::{Fields, Problem, kind as kind_of};
use super::limits;
use super::read::changed;
use super::types::*;
use crate::metric;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use plan::{Rung, SearchPlan};
pub use settings::Settings;

/// A search: how many runs it may take, and where it looks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Search {
    /// Most runs that it takes, those that make what it found smaller included.
    pub budget: u32,
    /// The fields that are searched over; in all others the points are as the specification.
    pub space: Vec<Axis>,
}

/// A field that is searched over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Axis {
    /// Its path, such as `task.length` or `dropout.state.rate`.
    pub field: String,
    /// The values that are tried.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    pub values: Vec<Value>,
}

impl Search {
    /// Points of the space; as a number that cannot overflow, for nobody makes a list of them.
    pub fn size(&self) -> f64 {
        let counts = self.space.iter().map(|axis| axis.values.len() as f64);
        counts.product()
    }
}

impl Spec {
    /// Whether it looks for settings at which a claim fails, and decides nothing.
    pub fn is_search(&self) -> bool {
        self.search.is_some()
    }
}

/// Longest path of a field, in characters.
const PATH_CHARS: usize = 60;
/// Values of a range, unless it says how many.
pub const USUAL_LEVELS: u32 = 9;
const SCALES: &[(&str, Scale)] = &[("additive", Scale::Additive), ("log", Scale::Log)];

/// Reads `[search]`, which a criterion of kind `search` needs and no other has. `arms` are those that were read.
pub(super) fn read(
    fields: &mut Fields<'_>,
    criterion: Option<&Criterion>,
    arms: &[Arm],
    strict: bool,
) -> Option<Search> {
    let given = fields.take("search");
    let searches = criterion.is_some_and(|criterion| criterion.kind == CriterionKind::Search);
    let given = match (given, searches) {
        (Some(given), true) => given,
        (None, true) => {
            fields.problem(
                "search",
                "is missing: a [search] section says how many runs a search may take (budget) and over which fields it \
                 looks ([[search.space]]).",
            );
            return None;
        }
        (Some(_), false) => {
            fields.problem(
                "search",
                "is only for a criterion of kind \"search\"; leave it out, or take that kind.",
            );
            return None;
        }
        (None, false) => return None,
    };
    let pointer = fields.pointer("search");
    let mut section = Fields::open(given, pointer, strict, fields.problems)?;
    let budget = section.integer("budget", None, limits::SEARCH_BUDGET);
    let space = space(&mut section, criterion?, arms, strict);
    section.close();
    Some(Search { budget, space })
}

fn space(fields: &mut Fields<'_>, criterion: &Criterion, arms: &[Arm], strict: bool) -> Vec<Axis> {
    const EXAMPLE: &str = "give a [[search.space]] section for each field, such as field = \"task.length\" with values = \
                           [20, 50, 100]";
    let items = match fields.take("space") {
        Some(Value::Array(items)) if !items.is_empty() => items,
        Some(Value::Array(_)) | None => {
            fields.problem("space", format!("names no field; {EXAMPLE}."));
            return Vec::new();
        }
        Some(other) => {
            let detail = format!(
                "must be a list of sections, not {}; {EXAMPLE}.",
                kind_of(other)
            );
            fields.problem("space", detail);
            return Vec::new();
        }
    };
    let most = *limits::SEARCH_FIELDS.end();
    if items.len() > most {
        let detail = format!(
            "has {} fields; at most {most} are searched over.",
            items.len()
        );
        fields.problem("space", detail);
        return Vec::new();
    }
    let mut found: Vec<Axis> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let pointer = format!("{}/{index}", fields.pointer("space"));
        let opened = Fields::open(item, pointer.clone(), strict, fields.problems);
        let Some(axis) = opened.and_then(|fields| axis(fields, criterion, arms)) else {
            continue;
        };
        if found.iter().any(|other| other.field == axis.field) {
            fields.problems.push(Problem {
                pointer: format!("{pointer}/field"),
                detail: format!(
                    "{} is there twice; give all its values at once.",
                    axis.field
                ),
            });
            continue;
        }
        found.push(axis);
    }
    found
}

fn axis(mut fields: Fields<'_>, criterion: &Criterion, arms: &[Arm]) -> Option<Axis> {
    let field = fields.required_text("field", PATH_CHARS);
    let given = fields.take("values");
    let ranged = ["from", "to", "scale", "levels"].map(|name| fields.take(name).is_some());
    let before = fields.problems.len();
    let values = match given {
        Some(_) if ranged.contains(&true) => {
            fields.problem(
                "values",
                "stand beside from, to, scale or levels; give either values or a range.",
            );
            Vec::new()
        }
        Some(Value::Array(items)) if limits::SEARCH_VALUES.contains(&items.len()) => items.clone(),
        Some(Value::Array(items)) => {
            let (least, most) = limits::SEARCH_VALUES.into_inner();
            let detail = format!("are {}; from {least} to {most} are tried.", items.len());
            fields.problem("values", detail);
            Vec::new()
        }
        Some(other) => {
            fields.problem("values", format!("must be a list, not {}.", kind_of(other)));
            Vec::new()
        }
        None if ranged.contains(&true) => range(&mut fields, &field, arms),
        None => {
            fields.problem(
                "values",
                "are missing; give a list of them, or a range with from and to.",
            );
            Vec::new()
        }
    };
    let known = !field.is_empty() && fields.problems.len() == before;
    let values = match known.then(|| comparable(&field, criterion, arms)) {
        Some(Ok(())) => checked(
            &mut fields,
            &field,
            &values,
            given.is_some(),
            criterion,
            arms,
        ),
        Some(Err(detail)) => {
            fields.problem("field", detail);
            Vec::new()
        }
        None => Vec::new(),
    };
    fields.close();
    (!values.is_empty()).then_some(Axis { field, values })
}

/// The values of a range: so many at equal distances, on the logarithmic scale at equal ratios.
fn range(fields: &mut Fields<'_>, field: &str, arms: &[Arm]) -> Vec<Value> {
    let before = fields.problems.len();
    let from = fields.number("from", None, -1e9..=1e9);
    let to = fields.number("to", None, -1e9..=1e9);
    let scale = fields.choice("scale", SCALES, Some(Scale::Additive));
    let most = *limits::SEARCH_VALUES.end() as u32;
    let levels = fields.integer("levels", Some(USUAL_LEVELS), 2..=most);
    if fields.problems.len() == before && from >= to {
        fields.problem("to", "must be larger than from.");
    }
    if fields.problems.len() == before && scale == Scale::Log && from <= 0.0 {
        fields.problem(
            "scale",
            "\"log\" has no place for 0 and less; use \"additive\".",
        );
    }
    if fields.problems.len() > before {
        return Vec::new();
    }
    // A range of numbers is of whole numbers where the specification's own is one.
    let whole = arms.iter().any(|arm| {
        settings_of(&arm.setup)
            .get(field)
            .is_some_and(|value| value.is_u64())
    });
    let place = |level: u32| {
        let share = f64::from(level) / f64::from(levels - 1);
        match scale {
            Scale::Additive => from + share * (to - from),
            Scale::Log => from * (to / from).powf(share),
        }
    };
    let mut values: Vec<Value> = (0..levels)
        .map(place)
        .map(|value| match whole {
            true => json!(value.round() as i64),
            false => json!(digits(value)),
        })
        .collect();
    values.dedup();
    values
}

/// Three significant digits: no more is meant by a range.
fn digits(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

/// Whether the field can be changed of both arms alike: what they differ in is what is compared, not where.
fn comparable(field: &str, criterion: &Criterion, arms: &[Arm]) -> Result<(), String> {
    let parts: Vec<&str> = field.split('.').collect();
    let compared: Vec<&Arm> = [&criterion.treatment, &criterion.control]
        .into_iter()
        .filter_map(|name| arms.iter().find(|arm| arm.name == *name))
        .collect();
    if compared.len() < 2 {
        return Err("cannot be checked until treatment and control are named.".into());
    }
    let all: Vec<_> = compared.iter().map(|arm| settings_of(&arm.setup)).collect();
    let holders: Vec<_> = match parts[..] {
        ["task" | "model" | "training" | "evaluation", _] => all.iter().collect(),
        ["dropout", site, _] => {
            let rate = format!("dropout.{site}.rate");
            let holders: Vec<_> = all.iter().filter(|own| own.contains_key(&rate)).collect();
            if holders.is_empty() {
                return Err(format!(
                    "\"{field}\" is of a place that neither arm drops; give the arms that site first."
                ));
            }
            holders
        }
        _ => {
            return Err(format!(
                "\"{field}\" is no path of a setting; write it as task.length, model.cell, training.learning_rate or \
                 dropout.state.rate."
            ));
        }
    };
    let mut own = holders.iter().map(|settings| settings.get(field));
    let first = own.next().flatten();
    if own.any(|value| value != first) {
        return Err(format!(
            "{field} is what \"{}\" and \"{}\" differ in, so it is compared and cannot be searched over; take a field in \
             which they are alike.",
            compared[0].name, compared[1].name
        ));
    }
    Ok(())
}

/// Each value as the arms read it, or a problem where they cannot.
fn checked(
    fields: &mut Fields<'_>,
    field: &str,
    values: &[Value],
    listed: bool,
    criterion: &Criterion,
    arms: &[Arm],
) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let read = as_read(field, value, criterion, arms);
        let detail = match read {
            Ok(value) if found.contains(&value) => format!("{value} is there twice."),
            Ok(value) => {
                found.push(value);
                continue;
            }
            Err(detail) => detail,
        };
        match listed {
            true => fields.problem_at("values", index, detail),
            false => fields.problem("from", format!("and to make the value {value}: {detail}")),
        }
        return Vec::new();
    }
    found
}

fn as_read(
    field: &str,
    value: &Value,
    criterion: &Criterion,
    arms: &[Arm],
) -> Result<Value, String> {
    if value.is_null() || value.is_array() || value.is_object() {
        return Err(format!("must be a single value, not {}.", kind_of(value)));
    }
    let settings = Settings::from([(field.to_owned(), value.clone())]);
    let mut read = None;
    // Others are not searched; a search has no others when it is registered.
    let compared = |arm: &&Arm| [&criterion.treatment, &criterion.control].contains(&&arm.name);
    for arm in arms.iter().filter(compared) {
        let setup = changed(&arm.setup, &settings, true).map_err(|problems| {
            let problem = problems.into_iter().next();
            let (path, detail) = problem.map_or_else(Default::default, |it| (it.path(), it.detail));
            format!("does not fit \"{}\": {path} {detail}", arm.name)
        })?;
        let offered = metric::of(&setup);
        if !offered.contains(&&*criterion.metric) {
            return Err(format!(
                "leaves \"{}\" without {}.",
                arm.name, criterion.metric
            ));
        }
        read = read.or_else(|| settings_of(&setup).get(field).cloned());
    }
    read.ok_or_else(|| format!("changes nothing of any arm: {field} is no setting of theirs."))
}

#[cfg(test)]
mod tests;
