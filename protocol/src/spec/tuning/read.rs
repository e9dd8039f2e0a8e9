//! Reading `[tuning]`, and what it must agree with.

use super::{Tuned, Tuning, TuningSearch, field};
use crate::metric;
use crate::spec::fields::{Fields, Problem, did_you_mean, kind, nearest};
use crate::spec::limits;
use crate::spec::seeds::Seeds;
use crate::spec::types::*;
use crate::text;
use serde_json::Value;
use std::ops::RangeInclusive;

const SEARCHES: &[(&str, TuningSearch)] = &[
    ("grid", TuningSearch::Grid),
    ("random", TuningSearch::Random),
];
const SCALES: &[(&str, Scale)] = &[("additive", Scale::Additive), ("log", Scale::Log)];
/// Seeds of a trial, unless it says otherwise.
const USUAL_SEEDS: u32 = 3;
/// Longest path that is looked up, in characters.
const PATH_CHARS: usize = 60;
/// Fields that a reason names.
const NAMED: usize = 8;

/// What is tuned; the criterion says which validation metric is the usual one.
pub(in crate::spec) fn tuning(
    mut fields: Fields<'_>,
    arms: &[Arm],
    seeds: &Seeds,
    criterion: Option<&Criterion>,
    strict: bool,
) -> Tuning {
    let search = fields.choice("search", SEARCHES, None);
    let random = search == TuningSearch::Random;
    let trials = fields.of(
        "trials",
        random,
        "search \"random\"; of a grid they are all combinations",
        |fields| fields.integer("trials", None, limits::TRIALS),
    );
    let tuning = Tuning {
        search,
        trials,
        seeds: fields.integer("seeds", Some(USUAL_SEEDS), limits::TUNING_SEEDS),
        metric: metric_name(&mut fields, arms, criterion),
        fields: tuned(&mut fields, search, arms, strict),
    };
    // What was accepted once stays readable: rules that came later do not count.
    if strict {
        if matches!(seeds, Seeds::Listed(_)) {
            fields.problems.push(Problem {
                pointer: "/seeds".into(),
                detail: "are named one by one, and where settings are tuned the board draws both the tuning's seeds and \
                         those of the comparison. Say how many there are to be, such as 8."
                    .into(),
            });
        }
        equal(&mut fields, &tuning, arms);
        bounded(&mut fields, &tuning, arms);
    }
    fields.close();
    tuning
}

/// The validation metric: if none is named, what the criterion measures on the test as it is measured in validation.
fn metric_name(fields: &mut Fields<'_>, arms: &[Arm], criterion: Option<&Criterion>) -> String {
    let offered = |arm: &Arm| metric::validation_metrics(arm.setup.task.name);
    let twin = criterion
        .and_then(|criterion| criterion.metric.strip_prefix("test_"))
        .map(|measure| format!("valid_{measure}"))
        .filter(|name| arms.iter().all(|arm| offered(arm).contains(&name.as_str())));
    let usual = arms.first().and_then(|arm| offered(arm).first().copied());
    let usual = twin.or(usual.map(str::to_owned)).unwrap_or_default();
    let Some(name) = fields.text("metric", PATH_CHARS) else {
        return usual;
    };
    let Some(arm) = arms
        .iter()
        .find(|arm| !offered(arm).contains(&name.as_str()))
    else {
        return name;
    };
    let why = match metric::find(&name) {
        Some(metric) if metric.at_end => {
            "is not measured in validation, and nothing else may choose"
        }
        Some(_) | None => "is not reported by every arm",
    };
    fields.problem(
        "metric",
        format!(
            "\"{name}\" {why}. Arm \"{}\" offers: {}.",
            arm.name,
            offered(arm).join(", ")
        ),
    );
    usual
}

fn tuned(fields: &mut Fields<'_>, search: TuningSearch, arms: &[Arm], strict: bool) -> Vec<Tuned> {
    let Some(value) = fields.take("fields") else {
        fields.problem(
            "fields",
            "is missing: a [[tuning.fields]] section names what is tuned, such as field = \"training.learning_rate\" and \
             values = [0.001, 0.003, 0.01].",
        );
        return Vec::new();
    };
    let Value::Array(items) = value else {
        let detail = format!(
            "must be a list of [[tuning.fields]] sections, not {}.",
            kind(value)
        );
        fields.problem("fields", detail);
        return Vec::new();
    };
    if strict && !limits::TUNED_FIELDS.contains(&items.len()) {
        let (least, most) = limits::TUNED_FIELDS.into_inner();
        let detail = format!(
            "has {} fields; from {least} to {most} are allowed.",
            items.len()
        );
        fields.problem("fields", detail);
        return Vec::new();
    }
    let mut all: Vec<Tuned> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let pointer = format!("{}/{index}", fields.pointer("fields"));
        let Some(own) = Fields::open(item, pointer, strict, fields.problems) else {
            continue;
        };
        let tuned = one(own, search, arms, strict);
        if all.iter().any(|other| other.field == tuned.field) && !tuned.field.is_empty() {
            let detail = format!(
                "tunes {} twice; give all of its values at once.",
                tuned.field
            );
            fields.problem_at("fields", index, detail);
            continue;
        }
        all.push(tuned);
    }
    all
}

fn one(mut fields: Fields<'_>, search: TuningSearch, arms: &[Arm], strict: bool) -> Tuned {
    let path = fields.required_text("field", PATH_CHARS);
    let limits = field::limits_of(&path);
    if strict && !path.is_empty() {
        match &limits {
            None => unknown(&mut fields, &path, arms),
            Some(_) => apart(&mut fields, &path, arms),
        }
    }
    let limits = limits.unwrap_or(f64::MIN..=f64::MAX);
    let listed = fields.take("values").is_some();
    let random = search == TuningSearch::Random;
    let ranged = random && !listed;
    let values = match listed || !random {
        true => values(&mut fields, &limits, strict),
        false => Vec::new(),
    };
    let whose = "search \"random\" without values";
    let mut end = |name| {
        fields.of(name, ranged, whose, |fields| {
            fields.number(name, None, limits.clone())
        })
    };
    let (from, to) = (end("from"), end("to"));
    let scale = fields.choice("scale", SCALES, Some(Scale::Additive));
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        fields.problem("to", format!("must be above from, which is {from}."));
    }
    let not_positive = values.iter().chain(&from).any(|value| *value <= 0.0);
    if scale == Scale::Log && not_positive {
        fields.problem(
            "scale",
            "\"log\" has no place for numbers that are not above 0; use \"additive\".",
        );
    }
    fields.close();
    Tuned {
        field: path,
        values,
        from,
        to,
        scale,
    }
}

fn values(fields: &mut Fields<'_>, limits: &RangeInclusive<f64>, strict: bool) -> Vec<f64> {
    let Some(Value::Array(items)) = fields.take("values") else {
        let detail = match fields.take("values") {
            None => "is missing; give the values that are tried, such as [0.001, 0.003, 0.01]."
                .to_owned(),
            Some(other) => format!("must be a list of numbers, not {}.", kind(other)),
        };
        fields.problem("values", detail);
        return Vec::new();
    };
    if strict && !limits::TUNED_VALUES.contains(&items.len()) {
        let (least, most) = limits::TUNED_VALUES.into_inner();
        let detail = format!(
            "has {} values; from {least} to {most} are allowed.",
            items.len()
        );
        fields.problem("values", detail);
        return Vec::new();
    }
    let mut values = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let Some(value) = item
            .as_f64()
            .filter(|value| !strict || limits.contains(value))
        else {
            let (low, high) = (limits.start(), limits.end());
            let detail = format!("must be a number from {low} to {high}, not {item}.");
            fields.problem_at("values", index, detail);
            continue;
        };
        if values.contains(&value) {
            fields.problem_at("values", index, format!("{value} is there twice."));
            continue;
        }
        values.push(value);
    }
    values
}

/// A path that cannot be tuned, and what can.
fn unknown(fields: &mut Fields<'_>, path: &str, arms: &[Arm]) {
    let all = field::tunable_paths();
    let names: Vec<&str> = all.iter().map(String::as_str).collect();
    let there: Vec<String> = (all.iter())
        .filter(|path| arms.iter().any(|arm| field::value(arm, path).is_some()))
        .cloned()
        .collect();
    fields.problem(
        "field",
        format!(
            "\"{path}\" cannot be tuned: it is no number, or what is learned and what a run costs would depend on it.{} Here \
             there are: {}.",
            did_you_mean(nearest(path, &names)),
            text::first_of(&there, NAMED, ", ")
        ),
    );
}

/// A tuned field starts alike in all arms that have it: else it is what they are compared in, and tuning would undo that.
fn apart(fields: &mut Fields<'_>, path: &str, arms: &[Arm]) {
    let mut having = arms
        .iter()
        .filter_map(|arm| Some((arm, field::value(arm, path)?)));
    let Some((first, value)) = having.next() else {
        let detail = format!(
            "no arm has {path}, so there is nothing to tune; give it a value first, in the base or in an arm."
        );
        return fields.problem("field", detail);
    };
    if let Some((other, theirs)) = having.find(|(_, other)| *other != value) {
        let detail = format!(
            "{path} is what arms differ in (\"{}\" has {value}, \"{}\" {theirs}), and tuned it would be chosen anew in each. Tune \
             something else, or let them start alike.",
            first.name, other.name
        );
        fields.problem("field", detail);
    }
}

/// Every arm must have the same number of trials: equal tuning is what this is for.
fn equal(fields: &mut Fields<'_>, tuning: &Tuning, arms: &[Arm]) {
    // What was said of a field is said already.
    if tuning.fields.is_empty()
        || tuning
            .fields
            .iter()
            .any(|tuned| field::limits_of(&tuned.field).is_none())
    {
        return;
    }
    let trials = tuning.trials();
    for arm in arms {
        let own: Vec<&Tuned> = (tuning.fields.iter())
            .filter(|tuned| field::value(arm, &tuned.field).is_some())
            .collect();
        if own.is_empty() {
            let detail = format!(
                "none of these does arm \"{}\" have, so it would not be tuned, and the others would. Tune also what every arm \
                 has, such as training.learning_rate.",
                arm.name
            );
            return fields.problem("fields", detail);
        }
        let drawn = own.iter().any(|tuned| tuned.values.is_empty());
        let points: usize = own.iter().map(|tuned| tuned.values.len()).product();
        if drawn || (tuning.search == TuningSearch::Random && points >= trials) || points == trials
        {
            continue;
        }
        let missing: Vec<String> = (tuning.fields.iter())
            .filter(|tuned| !own.contains(tuned))
            .map(|tuned| tuned.field.clone())
            .collect();
        let lacks = match missing.is_empty() {
            true => String::new(),
            false => format!(", which has no {}", text::first_of(&missing, NAMED, ", ")),
        };
        let (at, advice) = match tuning.search {
            TuningSearch::Grid => (
                "search",
                "Take \"random\" and a range (from, to) of what all arms have: then each has as many trials",
            ),
            TuningSearch::Random => (
                "trials",
                "Take fewer trials, or a range (from, to) in place of values",
            ),
        };
        let detail = format!(
            "gives arm \"{}\"{lacks}, only {points} different trials, and every arm is to have {trials}. {advice}.",
            arm.name
        );
        return fields.problem(at, detail);
    }
}

/// The number of trials and of runs, before any of them is made.
fn bounded(fields: &mut Fields<'_>, tuning: &Tuning, arms: &[Arm]) {
    let trials = tuning.trials();
    let most = *limits::TRIALS.end() as usize;
    if tuning.search == TuningSearch::Grid && trials > most {
        let detail = format!(
            "has {trials} combinations; at most {most} trials of an arm are allowed. Try fewer values, or draw some of the \
             combinations with search = \"random\"."
        );
        return fields.problem("fields", detail);
    }
    let runs = trials * tuning.seeds as usize * arms.len();
    if runs > limits::TUNING_RUNS {
        let detail = format!(
            "makes {runs} runs of {trials} trials, {} seeds and {} arms; at most {} are allowed. Take fewer trials or seeds.",
            tuning.seeds,
            arms.len(),
            limits::TUNING_RUNS
        );
        fields.problem("seeds", detail);
    }
}
