//! The runs of an experiment as a table: a row for each seed, a column for each arm, so that pairs stand side by side.

use crate::{
    db::{data_sets::Availability, queue::Waiting, runs},
    render::{badge, html::Html, number, progress},
};
use breakmywork_protocol::spec::Spec;
use std::collections::HashMap;

/// One run in the table.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) run: i64,
    pub(super) badge: badge::Badge,
    pub(super) text: String,
    pub(super) progress: Option<f64>,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Matrix {
    pub(super) metric: String,
    pub(super) arms: Vec<String>,
    pub(super) rows: Vec<(u32, Vec<Option<Cell>>)>,
}

impl Matrix {
    /// Runs in the table.
    pub(super) fn runs(&self) -> usize {
        self.rows
            .iter()
            .flat_map(|(_, cells)| cells)
            .flatten()
            .count()
    }
}

/// The metric that the table shows: the criterion's, or else the first that its runs report.
pub(super) fn metric(spec: &Spec) -> String {
    match &spec.criterion {
        Some(criterion) => criterion.metric.clone(),
        None => breakmywork_protocol::metric::final_metrics(spec.task.name, 0)
            .first()
            .map_or_else(String::new, |name| (*name).to_owned()),
    }
}

/// Lays out the runs that count, a row for each seed. `waiting` gives their places in the queue, `data_sets` who has what they need.
pub(super) fn of(
    spec: &Spec,
    seeds: &[u32],
    runs: &[runs::Cell],
    waiting: &[Waiting],
    data_sets: &Availability,
) -> Matrix {
    let places: HashMap<i64, i64> = waiting
        .iter()
        .map(|waiting| (waiting.run.0, waiting.position))
        .collect();
    // A later run of the same arm and seed is the retry, which counts.
    let by_place: HashMap<(&str, i64), &runs::Cell> = runs
        .iter()
        .map(|run| ((run.arm.as_str(), run.seed), run))
        .collect();
    let rows = seeds
        .iter()
        .map(|&seed| {
            let cells = spec
                .arms
                .iter()
                .map(|arm| {
                    let run = by_place.get(&(arm.name.as_str(), i64::from(seed)))?;
                    Some(cell(run, &places, data_sets))
                })
                .collect();
            (seed, cells)
        })
        .collect();
    Matrix {
        metric: breakmywork_protocol::metric::words(&metric(spec)),
        arms: spec.arms.iter().map(|arm| arm.name.clone()).collect(),
        rows,
    }
}

fn cell(run: &runs::Cell, places: &HashMap<i64, i64>, data_sets: &Availability) -> Cell {
    let wait = data_sets.wait(run.data_set.as_deref());
    let missing = wait.is_some_and(|wait| wait.is_missing());
    let (text, progress) = match run.state.as_str() {
        "succeeded" => (run.value.map(number::value).unwrap_or_default(), None),
        "running" => (progress::steps(run.step, run.steps), run.progress()),
        "queued" if missing => ("waits for data".to_owned(), None),
        "queued" => {
            let place = places
                .get(&run.id.0)
                .map(|place| format!("place {}", number::count(*place)));
            (place.unwrap_or_default(), None)
        }
        "failed" => (
            run.failure.clone().unwrap_or_default().replace('_', " "),
            None,
        ),
        _ => (String::new(), None),
    };
    Cell {
        run: run.id.0,
        badge: badge::run(&run.state, run.failure.as_deref()),
        text,
        progress,
    }
}

/// A table cell's contents.
pub(super) fn contents(cell: &Cell) -> Html {
    crate::render::badge::cell(cell.run, &cell.badge, &cell.text, cell.progress)
}
