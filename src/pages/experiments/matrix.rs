//! The runs of an experiment as a table: a row for each seed, a column for each arm, so that pairs stand side by side.

use crate::{
    db::{data_sets::Availability, queue::Waiting, runs},
    render::{badge, html::Html, number, progress, verdict_words::ArmRuns},
};
use breakmywork_protocol::{
    metric::words,
    spec::{Better, Criterion, CriterionKind, Scale, Spec},
};
use std::collections::HashMap;

/// One run in the table.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) run: i64,
    pub(super) badge: badge::Badge,
    pub(super) text: String,
    pub(super) progress: Option<f64>,
    /// Whether it has the better number of its pair.
    pub(super) better: bool,
    /// Its number, once it has one.
    value: Option<f64>,
    end: End,
}

/// How a run ended, as the verdict counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Finished,
    Diverged,
    Missing,
}

impl End {
    fn of(run: &runs::Cell) -> Self {
        match run.state.as_str() {
            "succeeded" if run.value.is_none_or(f64::is_finite) => Self::Finished,
            "succeeded" => Self::Diverged,
            "failed" if run.failure.as_deref() == Some("diverged") => Self::Diverged,
            _ => Self::Missing,
        }
    }
}

/// The runs of a seed.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) seed: u32,
    pub(super) cells: Vec<Option<Cell>>,
    /// How much better the treatment is than the control, on the criterion's scale; empty until both have ended.
    pub(super) difference: String,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Matrix {
    pub(super) metric: String,
    pub(super) arms: Vec<String>,
    pub(super) rows: Vec<Row>,
    /// Whether each seed is one pair, so that there is a difference.
    pub(super) pairs: bool,
}

impl Matrix {
    /// Runs in the table.
    pub(super) fn runs(&self) -> usize {
        self.rows
            .iter()
            .flat_map(|row| &row.cells)
            .flatten()
            .count()
    }

    /// How the runs of each arm ended.
    pub(super) fn ends(&self, spec: &Spec) -> Vec<ArmRuns> {
        let contrast = spec.contrast();
        let called = |arm: &String| match contrast.iter().position(|term| term.arm == *arm) {
            Some(0) => "the treatment".to_owned(),
            Some(1) => "the control".to_owned(),
            _ => format!("“{arm}”"),
        };
        let of_arm = |(place, arm): (usize, &String)| {
            let cells = || {
                self.rows
                    .iter()
                    .filter_map(move |row| row.cells.get(place)?.as_ref())
            };
            let count = |end: End| cells().filter(|cell| cell.end == end).count();
            ArmRuns {
                arm: called(arm),
                finished: count(End::Finished),
                diverged: count(End::Diverged),
                missing: count(End::Missing),
            }
        };
        self.arms.iter().enumerate().map(of_arm).collect()
    }
}

/// The metric that the table shows: the criterion's, or else the first that its runs report.
pub(super) fn metric(spec: &Spec) -> String {
    match &spec.criterion {
        Some(criterion) => criterion.metric.clone(),
        None => breakmywork_protocol::metric::final_metrics(spec.task.name, 0, None)
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
    let compared = spec
        .criterion
        .as_ref()
        .and_then(|criterion| pair(spec, criterion));
    let mut rows: Vec<Row> = seeds
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
            Row {
                seed,
                cells,
                difference: String::new(),
            }
        })
        .collect();
    if let (Some(places), Some(criterion)) = (compared, &spec.criterion) {
        for row in &mut rows {
            compare(row, places, criterion);
        }
    }
    align(&mut rows);
    Matrix {
        metric: words(&metric(spec)),
        arms: spec.arms.iter().map(|arm| arm.name.clone()).collect(),
        rows,
        pairs: compared.is_some(),
    }
}

/// The places of treatment and control, where the difference of their numbers is what is judged.
fn pair(spec: &Spec, criterion: &Criterion) -> Option<[usize; 2]> {
    let judged = matches!(
        criterion.kind,
        CriterionKind::Difference | CriterionKind::Equivalence | CriterionKind::NonInferiority
    );
    let place = |name: &str| spec.arms.iter().position(|arm| arm.name == name);
    let places = [place(&criterion.treatment)?, place(&criterion.control)?];
    judged.then_some(places)
}

/// Says how the runs of a pair compare.
fn compare(row: &mut Row, places: [usize; 2], criterion: &Criterion) {
    let value = |place: usize| row.cells[place].as_ref()?.value;
    let (Some(treatment), Some(control)) = (value(places[0]), value(places[1])) else {
        return;
    };
    let difference = match criterion.scale {
        Scale::Additive => treatment - control,
        Scale::Log if treatment > 0.0 && control > 0.0 => (treatment / control).ln(),
        Scale::Log => return,
    };
    let advantage = match criterion.better {
        Better::Lower => -difference,
        Better::Higher => difference,
    };
    row.difference = number::signed(advantage);
    let better = places[usize::from(advantage < 0.0)];
    if let Some(cell) = row.cells[better].as_mut().filter(|_| advantage != 0.0) {
        cell.better = true;
    }
}

/// Most decimals of a column.
const DECIMALS: i32 = 6;

/// Gives all numbers as many decimals as the smallest one needs for three digits, so that they stand one below the other;
/// where that would be too many each keeps its own.
fn align(rows: &mut [Row]) {
    let values = |rows: &[Row]| -> Vec<f64> {
        let cells = rows.iter().flat_map(|row| row.cells.iter().flatten());
        cells
            .filter_map(|cell| cell.value)
            .filter(|value| *value != 0.0)
            .collect()
    };
    let sizes: Vec<f64> = values(rows).into_iter().map(f64::abs).collect();
    let least = sizes.iter().copied().fold(f64::INFINITY, f64::min);
    let most = sizes.iter().copied().fold(0.0, f64::max);
    let decimals = 2 - least.log10().floor() as i32;
    if !(0..=DECIMALS).contains(&decimals) || most >= 1e6 {
        return;
    }
    for cell in rows
        .iter_mut()
        .flat_map(|row| row.cells.iter_mut().flatten())
    {
        if let Some(value) = cell.value {
            cell.text = format!("{value:.*}", decimals as usize).replace('-', "−");
        }
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
        better: false,
        value: run
            .value
            .filter(|value| value.is_finite() && run.state == "succeeded"),
        end: End::of(run),
    }
}

/// A table cell's contents.
pub(super) fn contents(cell: &Cell) -> Html {
    if cell.value.is_some() {
        return badge::number(cell.run, &cell.badge, &cell.text, cell.better);
    }
    badge::cell(cell.run, &cell.badge, &cell.text, cell.progress)
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakmywork_protocol::spec::{Format, read};

    fn row(values: [f64; 2]) -> Row {
        let cell = |value: f64| {
            Some(Cell {
                run: 1,
                badge: badge::run("succeeded", None),
                text: number::value(value),
                progress: None,
                better: false,
                value: Some(value),
                end: End::Finished,
            })
        };
        Row {
            seed: 1,
            cells: values.map(cell).into(),
            difference: String::new(),
        }
    }

    fn texts(rows: &[Row]) -> Vec<&str> {
        let cells = rows.iter().flat_map(|row| row.cells.iter().flatten());
        cells.map(|cell| cell.text.as_str()).collect()
    }

    #[test]
    fn numbers_of_a_table_have_one_number_of_decimals() {
        let mut rows = [row([0.00122, 0.000_810_4]), row([0.167, 0.0])];
        align(&mut rows);
        assert_eq!(
            texts(&rows),
            ["0.001220", "0.000810", "0.167000", "0.000000"]
        );
        let mut far = [row([1e-9, 2.0])];
        align(&mut far);
        assert_eq!(texts(&far), ["1.00 × 10⁻⁹", "2.00"]);
    }

    #[test]
    fn the_better_of_a_pair_is_marked_and_by_how_much() {
        let text = "title = \"t\"\nseeds = 8\n[task]\nname = \"adding\"\nlength = 10\n[training]\nsteps = 10\n\
             [[arms]]\nname = \"a\"\n[[arms]]\nname = \"b\"\ndropout.state.rate = 0.2\n\
             [criterion]\nkind = \"difference\"\nmetric = \"test_mse\"\ntreatment = \"b\"\ncontrol = \"a\"\n\
             scale = \"log\"\nmargin = 0.1";
        let spec = read(text, Format::Toml).expect("is good");
        let criterion = spec.criterion.as_ref().expect("has one");
        let places = pair(&spec, criterion).expect("a pair");
        assert_eq!(places, [1, 0]);
        let better = |values: [f64; 2]| {
            let mut row = row(values);
            compare(&mut row, places, criterion);
            let marks: Vec<bool> = row.cells.iter().flatten().map(|cell| cell.better).collect();
            (row.difference, marks)
        };
        // The first is the control; less is better.
        assert_eq!(better([0.2, 0.1]), ("+0.693".to_owned(), vec![false, true]));
        assert_eq!(better([0.1, 0.2]), ("−0.693".to_owned(), vec![true, false]));
        assert_eq!(better([0.1, 0.1]).1, [false, false]);
    }
}
