//! How a search goes, or went: its space as a picture with a table behind it, and the way to what it found.

use crate::{
    db::{
        experiments::Experiment,
        search::{self as table, SearchResult},
    },
    error::Result,
    render::{
        badge::{self, Badge},
        chart::space::{self, Found, Mark, Space},
        html::Html,
        number,
    },
    search::{self, Seen, Side, seen, telling},
    state::AppState,
};
use breakmywork_protocol::{
    id::ExperimentId,
    search::{Course, Tried, point},
    spec::{SearchPlan, Spec},
};
use serde_json::Value;

/// What the page shows of it.
#[derive(Debug)]
pub(super) struct Search {
    /// How its budget is spent, in words.
    pub(super) plan: String,
    /// How far it is, or what came of it.
    pub(super) words: String,
    pub(super) svg: Option<Html>,
    pub(super) legend: Html,
    /// The points, those that came furthest first.
    pub(super) points: Vec<Row>,
    /// The trials that were to make what was found simpler.
    pub(super) shrinking: Vec<Row>,
    /// What was found.
    pub(super) counterexample: Option<Row>,
    /// The experiment that was proposed there, and how that fares.
    pub(super) proposed: Option<(ExperimentId, Badge)>,
}

/// A point in a table.
#[derive(Debug)]
pub(super) struct Row {
    /// What it is.
    pub(super) point: String,
    /// Of a trial: the field that was set back.
    pub(super) field: String,
    /// The stage that it came to, and what became of it.
    pub(super) stage: String,
    /// Pairs that speak, and those that lie below.
    pub(super) pairs: String,
    /// Typical advantage; none where the pairs say nothing.
    pub(super) effect: Option<f64>,
    /// What is to be said besides.
    pub(super) note: String,
    /// Whether the prediction fails there.
    pub(super) fails: bool,
}

/// What a search will do, for whoever is about to register it; none of what is no search.
pub(super) fn plan(spec: &Spec) -> Option<String> {
    let plan = SearchPlan::of(spec)?;
    let stages: Vec<String> = (plan.rungs.iter())
        .map(|rung| {
            format!(
                "{} with {}",
                number::count(rung.points),
                number::plural(rung.pairs, "pair", "pairs")
            )
        })
        .collect();
    Some(format!(
        "At most {} runs. Points in stages, of each the half that lies worst for the claim going on: {}. Then up to {} that set \
         fields of the worst one back to the specification’s own values, as long as the prediction still fails.",
        number::count(plan.runs()),
        stages.join(", "),
        number::plural(plan.shrinking, "trial", "trials")
    ))
}

/// That of a registered search; none of anything else.
pub(super) async fn of(
    state: &AppState,
    experiment: &Experiment,
    spec: &Spec,
) -> Result<Option<Search>> {
    let Some(plan) = plan(spec).filter(|_| experiment.registered_at.is_some()) else {
        return Ok(None);
    };
    let result = table::result(&state.pool, experiment.id).await?;
    let course = search::course(&state.pool, experiment, result.as_ref()).await?;
    let Some(course) = course else {
        return Ok(Some(Search {
            plan,
            words: "It ended before it came to anything; the discussion below says why.".into(),
            svg: None,
            legend: space::legend(),
            points: Vec::new(),
            shrinking: Vec::new(),
            counterexample: None,
            proposed: None,
        }));
    };
    let seen = seen(&course);
    Ok(Some(Search {
        plan,
        words: words(&course),
        svg: picture(spec, &course, &seen),
        legend: space::legend(),
        points: seen.iter().map(|it| drawn(it, &course)).collect(),
        shrinking: (course.shrinking.iter())
            .map(|attempt| Row {
                field: attempt.field.clone(),
                ..row(&attempt.tried)
            })
            .collect(),
        counterexample: course.counterexample.as_ref().map(row),
        proposed: result.as_ref().and_then(proposed),
    }))
}

fn proposed(result: &SearchResult) -> Option<(ExperimentId, Badge)> {
    let state = result.proposed_state.as_deref().unwrap_or_default();
    let badge = badge::experiment(state, result.proposed_outcome.as_deref());
    Some((result.proposed?, badge))
}

fn words(course: &Course) -> String {
    let stages = course.plan.rungs.len();
    if !course.over {
        let ended = course.rungs.len();
        return match ended < stages {
            true => format!(
                "Stage {} of {stages} is under way, with {}.",
                ended + 1,
                number::plural(
                    course.rungs.last().map_or(course.points, |rung| rung.kept),
                    "point",
                    "points"
                )
            ),
            false => format!(
                "All {stages} stages have ended. The prediction fails{}, which is made simpler: trial {} of at most {} is under way.",
                course
                    .counterexample
                    .as_ref()
                    .map_or_else(String::new, |found| format!(
                        " at {}",
                        point(&found.settings)
                    )),
                course.shrinking.len() + 1,
                course.plan.shrinking
            ),
        };
    }
    match &course.counterexample {
        Some(found) => format!(
            "The prediction fails at {}, as far as so few pairs can tell. That counts for nothing: whoever looks at many places \
             finds one by luck.",
            point(&found.settings)
        ),
        None if says_nothing(course) => format!(
            "Nothing was found: of {} none has pairs that say anything.",
            number::plural(course.points, "point", "points")
        ),
        None => format!(
            "Nothing was found: at the worst of {} the prediction does not fail.",
            number::plural(course.points, "point", "points")
        ),
    }
}

/// Whether not even the worst point that was left has pairs to judge by.
fn says_nothing(course: &Course) -> bool {
    let last = course.rungs.last().and_then(|rung| rung.tried.first());
    last.is_none_or(|worst| worst.effect.is_none())
}

fn row(tried: &Tried) -> Row {
    let mut notes = Vec::new();
    if !tried.silent.is_empty() {
        notes.push(tried.silent.clone());
    }
    for (arm, times) in ["treatment", "control"].into_iter().zip(tried.diverged) {
        if times > 0 {
            let runs = number::plural(times, "run", "runs");
            notes.push(format!("{runs} of the {arm} diverged"));
        }
    }
    if tried.missing > 0 {
        let pairs = number::plural(tried.missing, "pair has", "pairs have");
        notes.push(format!("{pairs} no result"));
    }
    Row {
        point: point(&tried.settings),
        field: String::new(),
        stage: String::new(),
        pairs: format!("{} of {}", tried.below, tried.pairs),
        effect: tried.effect,
        note: notes.join("; "),
        fails: tried.breaks,
    }
}

fn drawn(seen: &Seen<'_>, course: &Course) -> Row {
    let last = course.plan.rungs.len();
    let stage = match (seen.went_on, seen.stage == last) {
        (true, _) => format!("{}, went on", seen.stage),
        (false, true) => format!("{}, the last", seen.stage),
        (false, false) => seen.stage.to_string(),
    };
    Row {
        stage,
        ..row(seen.tried)
    }
}

fn found(tried: &Tried) -> Found {
    match (tried.breaks, tried.effect) {
        (true, _) => Found::Fails,
        (false, Some(_)) => Found::Holds,
        (false, None) => Found::Silent,
    }
}

/// The points over the two fields that say most, and with them the trials that made what was found simpler.
fn picture(spec: &Spec, course: &Course, seen: &[Seen<'_>]) -> Option<Html> {
    let (across, down) = telling(spec, seen)?;
    let counterexample = course.counterexample.as_ref().map(|found| &found.settings);
    let stages = course.plan.rungs.len();
    let trials = course
        .shrinking
        .iter()
        .map(|attempt| (&attempt.tried, stages));
    let points = seen.iter().map(|it| (it.tried, it.stage));
    let mut marks: Vec<Mark> = Vec::new();
    let mut there = Vec::new();
    // A point that was tried again later has more pairs then.
    for (tried, stage) in trials.chain(points) {
        if there.contains(&&tried.settings) {
            continue;
        }
        there.push(&tried.settings);
        let place = |side: Option<&Side>| {
            let Some(side) = side else { return Some(0) };
            let at = search::value(spec, &tried.settings, &side.field)?;
            side.values.iter().position(|value| *value == at)
        };
        let (Some(x), Some(y)) = (place(Some(&across)), place(down.as_ref())) else {
            continue;
        };
        let row = row(tried);
        let effect = row.effect.map_or_else(
            || "no advantage is known".into(),
            |effect| format!("typical advantage {}", number::signed(effect)),
        );
        marks.push(Mark {
            at: [x, y],
            stage,
            found: found(tried),
            ringed: counterexample == Some(&tried.settings),
            words: format!("{}: {effect}, {} pairs below", row.point, row.pairs),
        });
    }
    let shown = |side: &Side| side.values.iter().map(shown).collect();
    let title = format!(
        "{} over {}{}",
        number::plural(marks.len(), "point", "points"),
        across.field,
        down.as_ref()
            .map_or(String::new(), |down| format!(" and {}", down.field))
    );
    Space {
        id: "space",
        title: &title,
        fields: [&across.field, down.as_ref().map_or("", |down| &down.field)],
        values: [shown(&across), down.as_ref().map_or_else(Vec::new, shown)],
        marks,
    }
    .svg()
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(name) => name.clone(),
        Value::Null => "none".to_owned(),
        other => other.as_f64().map_or(other.to_string(), number::plain),
    }
}
