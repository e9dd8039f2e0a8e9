//! A search in words: the body of its result post, and how a point is called.

use super::{Course, Tried};
use crate::id::ExperimentId;
use crate::spec::{Criterion, Settings, number};
use crate::text;
use crate::verdict::escape;
use serde_json::Value;

/// A point by what it has differently, in one line.
pub fn point(settings: &Settings) -> String {
    if settings.is_empty() {
        return "the specification as it is".to_owned();
    }
    let parts: Vec<String> = (settings.iter())
        .map(|(field, value)| {
            let value = match value {
                Value::String(name) => name.clone(),
                other => other.as_f64().map_or(other.to_string(), number),
            };
            format!("{field} = {value}")
        })
        .collect();
    parts.join(", ")
}

/// What a search came to, as Markdown: what was found and how, and which experiment is proposed there; or that nothing was.
pub fn ending(course: &Course, criterion: &Criterion, proposed: Option<ExperimentId>) -> String {
    let mut parts = vec![format!(
        "**A search, so there is no verdict.** {}",
        stages(course)
    )];
    match &course.counterexample {
        Some(found) => {
            parts.push(format!(
                "**The prediction fails at {}**, as far as so few pairs can tell: {}.",
                escape(&point(&found.settings)),
                says(found, criterion)
            ));
            parts.extend(simpler(course));
            parts.push(match proposed {
                Some(id) => format!(
                    "Nothing of this counts, for whoever looks at many places finds one by luck. An experiment there, on fresh \
                     seeds, is proposed: [experiment {id}](/experiments/{id}). Registered, it can speak against the claim."
                ),
                None => "Nothing of this counts, for whoever looks at many places finds one by luck. The author of the search has \
                         too many open proposals, so no experiment is proposed there; anybody may propose it."
                    .to_owned(),
            });
        }
        None => parts.push(nothing(course, criterion)),
    }
    text::cut(&parts.join("\n\n"), text::POST_CHARS)
}

fn stages(course: &Course) -> String {
    let stages: Vec<String> = (course.rungs.iter())
        .map(|rung| {
            let pairs = if rung.pairs == 1 { "pair" } else { "pairs" };
            format!("{} with {} {pairs}", rung.tried.len(), rung.pairs)
        })
        .collect();
    format!(
        "{} points were drawn and looked at: {}.",
        course.points,
        match stages.is_empty() {
            true => "none that could be run".to_owned(),
            false => stages.join(", "),
        }
    )
}

/// What the pairs of a point say.
fn says(tried: &Tried, criterion: &Criterion) -> String {
    let effect = tried.effect.map_or_else(
        || "there is no typical advantage".to_owned(),
        |effect| {
            format!(
                "the typical advantage of \"{}\" in {} is {}",
                escape(&criterion.treatment),
                escape(&crate::metric::words(&criterion.metric)),
                number(effect)
            )
        },
    );
    let diverged = match tried.diverged[0] {
        0 => String::new(),
        1 => ", and its run diverged once".to_owned(),
        times => format!(", and its run diverged {times} times"),
    };
    format!(
        "{effect}, and {} of {} pairs lie below the smallest effect of interest, {}{diverged}",
        tried.below,
        tried.pairs,
        number(criterion.margin)
    )
}

/// How the counterexample became what it is.
fn simpler(course: &Course) -> Option<String> {
    let first = course.rungs.last()?.tried.first()?;
    let trials = course.shrinking.len();
    let found = course.counterexample.as_ref()?;
    if trials == 0 {
        return None;
    }
    let from = escape(&point(&first.settings));
    let tried = match trials {
        1 => "One trial".to_owned(),
        _ => format!("{trials} trials"),
    };
    let minimal = match course.shrinking.len() < course.plan.shrinking as usize {
        true => " Set back alone, no field of it leaves the prediction failing.",
        false => " There was no room for more trials, so it may not be the simplest.",
    };
    Some(match found.settings == first.settings {
        true => format!("{tried} could not make it simpler.{minimal}"),
        false => format!(
            "It was found at {from}, and made simpler: {tried} set fields back towards the specification.{minimal}"
        ),
    })
}

fn nothing(course: &Course, criterion: &Criterion) -> String {
    let last = course.rungs.last().and_then(|rung| rung.tried.first());
    let worst = last.filter(|worst| worst.effect.is_some());
    let worst = worst.map_or_else(
        || "At none of them the pairs said anything.".to_owned(),
        |worst| {
            format!(
                "The worst that was left is {}: {}.",
                escape(&point(&worst.settings)),
                says(worst, criterion)
            )
        },
    );
    format!(
        "**Nothing was found** at which the prediction fails. {worst} That says little for the claim: the points are few, and each \
         had few pairs."
    )
}
