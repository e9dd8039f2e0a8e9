//! A narrower scope: a claim may come to speak of less, and of nothing else than before.

use super::{Range, Scope, table};
use crate::data_set::Reference;
use crate::spec::{Cell, Problem, Problems, TaskName, limits};
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::ops::RangeInclusive;

/// Most data sets that a scope names.
const DATA_SETS: usize = 20;

/// Rates that dropout may have.
const RATES: RangeInclusive<f64> = 0.0..=1.0;

/// The fields over which a claim may be narrowed. What is empty or absent stays as it is. Arms, metrics and the smallest
/// effect of interest are those of the earlier claim: another comparison, or another margin, would be another claim.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(remote = "Self", deny_unknown_fields, default)]
pub struct Narrower {
    /// Tasks.
    pub tasks: Vec<TaskName>,
    /// Recurrent cells.
    pub cells: Vec<Cell>,
    /// Data sets, with or without their version.
    pub data: Vec<String>,
    /// Units of a layer.
    pub hidden: Range<u32>,
    /// Time steps of a sequence.
    pub length: Range<u32>,
    /// The strongest dropout of the two arms.
    pub rate: Range<f64>,
}

table::read_as_one!(Narrower, "what a claim is narrowed to");

impl Scope {
    /// The fields over which it may be narrowed, as they are.
    pub fn narrowest(&self) -> Narrower {
        Narrower {
            tasks: self.tasks.clone(),
            cells: self.cells.clone(),
            data: self.data.clone(),
            hidden: self.hidden,
            length: self.length,
            rate: self.rate,
        }
    }

    /// The same claim over less: every experiment that lies in what comes back lies in this scope, too, at the same margin.
    ///
    /// # Errors
    /// Each field that reaches beyond this scope or that no experiment can meet, and a scope that is no narrower.
    pub fn narrowed(&self, to: &Narrower) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let mut problem = |pointer: &str, detail: String| {
            problems.push(Problem {
                pointer: pointer.to_owned(),
                detail,
            });
        };
        let mut scope = self.clone();
        let names = |tasks: &[TaskName]| tasks.iter().map(|it| it.name()).collect::<Vec<_>>();
        match chosen(&self.tasks, &to.tasks, |earlier, task| earlier == task) {
            Ok(tasks) => scope.tasks = tasks,
            Err(beyond) => problem(
                "/tasks",
                format!(
                    "The earlier claim does not speak about {}, only about {}.",
                    beyond.name(),
                    names(&self.tasks).join(", ")
                ),
            ),
        }
        match chosen(&self.cells, &to.cells, |earlier, cell| earlier == cell) {
            Ok(cells) => scope.cells = cells,
            Err(beyond) => problem(
                "/cells",
                format!("The earlier claim does not speak about {}.", beyond.name()),
            ),
        }
        if to.data.len() > DATA_SETS {
            let detail = format!("Name at most {DATA_SETS} data sets.");
            problem("/data", detail);
        } else if let Some(error) = to
            .data
            .iter()
            .find_map(|name| name.parse::<Reference>().err())
        {
            problem("/data", format!("A data set's name: {error}."));
        } else {
            match chosen(&self.data, &to.data, |earlier, name| is_data(earlier, name)) {
                Ok(data) => scope.data = data,
                Err(beyond) => problem(
                    "/data",
                    format!(
                        "The earlier claim does not speak about {beyond}, only about {}.",
                        self.data.join(", ")
                    ),
                ),
            }
        }
        let lengths = *limits::PICTURE_LENGTH.start()..=*limits::LENGTH.end();
        match within(self.hidden, to.hidden, limits::HIDDEN) {
            Ok(range) => scope.hidden = range,
            Err(detail) => problem("/hidden", detail),
        }
        match within(self.length, to.length, lengths) {
            Ok(range) => scope.length = range,
            Err(detail) => problem("/length", detail),
        }
        match within(self.rate, to.rate, RATES) {
            Ok(range) => scope.rate = range,
            Err(detail) => problem("/rate", detail),
        }
        if let Some(detail) = scope.unread() {
            problem("/data", detail);
        }
        if problems.is_empty() && scope == *self {
            problems.push(Problem {
                pointer: String::new(),
                detail: "This is the scope of the earlier claim: leave something out of at least one field.".into(),
            });
        }
        match problems.is_empty() {
            true => Ok(scope),
            false => Err(Problems(problems)),
        }
    }

    /// Why nothing can lie in it: data sets that none of its tasks reads.
    fn unread(&self) -> Option<String> {
        if self.data.is_empty() || self.tasks.is_empty() {
            return None;
        }
        let read = |name: &String| {
            let known = name.parse::<Reference>().ok()?.known()?.holds;
            Some(self.tasks.iter().any(|task| task.reads() == Some(known)))
        };
        let generated = self.tasks.iter().all(|task| task.is_generated());
        let none = generated || self.data.iter().all(|name| read(name) == Some(false));
        none.then(|| "No task of the scope learns from these data sets, so no experiment could test the claim.".into())
    }
}

/// What of the earlier ones is left: those that were chosen, each once; all of them where nothing was. Nothing earlier
/// means anything.
///
/// # Errors
/// The first that is none of the earlier ones.
fn chosen<T: Clone + PartialEq>(
    earlier: &[T],
    wanted: &[T],
    is: impl Fn(&T, &T) -> bool,
) -> Result<Vec<T>, T> {
    if wanted.is_empty() {
        return Ok(earlier.to_vec());
    }
    let mut left = Vec::new();
    for one in wanted {
        if !earlier.is_empty() && !earlier.iter().any(|it| is(it, one)) {
            return Err(one.clone());
        }
        if !left.contains(one) {
            left.push(one.clone());
        }
    }
    // All of them, in whatever order, is no choice.
    let all = !earlier.is_empty() && earlier.iter().all(|one| left.contains(one));
    Ok(if all { earlier.to_vec() } else { left })
}

/// Whether a name of a scope, with or without a version, stands for this data set.
pub(super) fn is_data(name: &str, data: &str) -> bool {
    let bare = data.split('@').next().unwrap_or(data);
    name == data || name == bare
}

/// The part of the earlier range; an open end is that of the earlier range.
///
/// # Errors
/// A sentence, where it reaches beyond the earlier range or holds no number that can be.
fn within<T: PartialOrd + Copy + Display>(
    earlier: Range<T>,
    wanted: Range<T>,
    possible: RangeInclusive<T>,
) -> Result<Range<T>, String> {
    // What is no number is in no order.
    let is_number = |bound: Option<T>| bound.is_none_or(|it| it.partial_cmp(&it).is_some());
    if !is_number(wanted.least) || !is_number(wanted.most) {
        return Err("A bound is a number.".into());
    }
    let inside = |bound: Option<T>| bound.is_none_or(|it| earlier.holds(it));
    if !inside(wanted.least) || !inside(wanted.most) {
        return Err(format!(
            "The earlier claim speaks about {} alone; stay within.",
            earlier.words().unwrap_or_default()
        ));
    }
    let range = Range {
        least: wanted.least.or(earlier.least),
        most: wanted.most.or(earlier.most),
    };
    let turned = matches!((range.least, range.most), (Some(least), Some(most)) if least > most);
    if turned {
        return Err("The least is more than the most.".into());
    }
    let beyond = range.least.is_some_and(|it| it > *possible.end())
        || range.most.is_some_and(|it| it < *possible.start());
    if beyond {
        return Err(format!(
            "No experiment can lie there: it may have {} to {}.",
            possible.start(),
            possible.end()
        ));
    }
    Ok(range)
}
