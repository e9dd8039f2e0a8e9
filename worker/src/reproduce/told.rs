//! The end of `reproduce`: each number beside the board's, both machines, and one sentence.

use super::board::Posted;
use crate::local::report::{shown, table};
use breakmywork_protocol::reproduction::{Agreement, Handout, Machine, Number, Run, Word, overall};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// A run of the board, and what it came to here.
pub(super) struct Compared {
    pub(super) run: Run,
    /// Its metrics here; none if it diverged.
    pub(super) got: Option<BTreeMap<String, f64>>,
    pub(super) agreement: Agreement,
    /// Whether every bit should be the same.
    pub(super) repeats: bool,
}

/// Everything that was found.
pub(super) struct Told<'a> {
    handout: &'a Handout,
    tolerance: f64,
    /// The machines that trained these runs for the board.
    theirs: Vec<Machine>,
    pub(super) here: Machine,
    pub(super) compared: Vec<Compared>,
    pub(super) word: Word,
}

/// The same as one line of JSON.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    event: &'static str,
    experiment: i64,
    url: &'a str,
    spec_sha256: &'a str,
    word: Word,
    sentence: String,
    tolerance: f64,
    board: &'a [Machine],
    here: &'a Machine,
    runs: Vec<RunLine<'a>>,
    /// Number of the report on the board, if it was reported.
    reported: Option<i64>,
}

#[derive(Serialize)]
struct RunLine<'a> {
    run: i64,
    arm: &'a str,
    seed: u32,
    word: Word,
    should_repeat: bool,
    numbers: &'a [Number],
}

impl<'a> Told<'a> {
    pub(super) fn new(
        handout: &'a Handout,
        tolerance: f64,
        here: Machine,
        compared: Vec<Compared>,
    ) -> Self {
        let mut theirs: Vec<Machine> = Vec::new();
        for made in compared
            .iter()
            .filter_map(|one| one.run.provenance.as_ref())
        {
            let machine = Machine::of(made);
            if !theirs.contains(&machine) {
                theirs.push(machine);
            }
        }
        let word = overall(compared.iter().map(|one| one.agreement.word));
        Self {
            handout,
            tolerance,
            theirs,
            here,
            compared,
            word,
        }
    }

    pub(super) fn json(&self, posted: Option<&Posted>) -> Line<'_> {
        let runs = self.compared.iter().map(|one| RunLine {
            run: one.run.run.0,
            arm: &one.run.arm,
            seed: one.run.seed,
            word: one.agreement.word,
            should_repeat: one.repeats,
            numbers: &one.agreement.numbers,
        });
        Line {
            event: "reproduction",
            experiment: self.handout.experiment.0,
            url: &self.handout.url,
            spec_sha256: &self.handout.spec_sha256,
            word: self.word,
            sentence: self.sentence(),
            tolerance: self.tolerance,
            board: &self.theirs,
            here: &self.here,
            runs: runs.collect(),
            reported: posted.map(|posted| posted.number.0),
        }
    }

    /// What is to be known of it.
    fn sentence(&self) -> String {
        let of = self.compared.len();
        let all = match of {
            1 => "the run has".to_owned(),
            of => format!("all {of} runs have"),
        };
        match self.word {
            Word::Identical => format!("Identical: {all} the board's numbers to the last bit."),
            Word::WithinTolerance => {
                let (run, number) = self.farthest();
                format!(
                    "Within tolerance: the largest difference is {:.1e} of its scale, of {} in {}, and {:.0e} is allowed \
                     between machines that compute otherwise.",
                    number.and_then(|number| number.difference).unwrap_or(0.0),
                    number.map_or("", |number| number.metric.as_str()),
                    named(run),
                    self.tolerance
                )
            }
            Word::Different => {
                let different = (self.compared.iter())
                    .filter(|one| one.agreement.word == Word::Different)
                    .count();
                let (run, number) = self.farthest();
                let why = match number {
                    Some(number) => format!(
                        "{} is {} here and {} on the board",
                        number.metric,
                        ending(number.got),
                        ending(number.expected)
                    ),
                    None => "it diverged on one side alone".to_owned(),
                };
                let bits = match run.repeats {
                    true => {
                        " Processor, arithmetic, threads and program are the board's, so every bit should be the same."
                    }
                    false => "",
                };
                format!(
                    "Different: {different} of {of} run{} {} other numbers; in {} {why}.{bits}",
                    if of == 1 { "" } else { "s" },
                    if different == 1 { "has" } else { "have" },
                    named(run)
                )
            }
        }
    }

    /// The number that is farthest off, and its run.
    fn farthest(&self) -> (&Compared, Option<&Number>) {
        let off = |one: &&Compared| {
            let number = one.agreement.farthest();
            let difference = number.map(|number| number.difference.unwrap_or(f64::INFINITY));
            (one.agreement.word, difference.unwrap_or(f64::INFINITY))
        };
        let worst = self.compared.iter().max_by(|one, other| {
            off(one)
                .partial_cmp(&off(other))
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        // There is one, or nothing was chosen and this is never asked.
        let worst = worst.unwrap_or(&self.compared[0]);
        (worst, worst.agreement.farthest())
    }
}

fn named(one: &Compared) -> String {
    format!(
        "run {} ({}, seed {})",
        one.run.run, one.run.arm, one.run.seed
    )
}

/// A number, or that there is none.
fn ending(value: Option<f64>) -> String {
    value.map_or_else(
        || "nothing (it diverged)".to_owned(),
        |value| format!("{value:?}"),
    )
}

fn described(machine: &Machine) -> String {
    format!(
        "{} ({}, {} thread{}), worker {} built from {}",
        machine.device_name,
        machine.kind(),
        machine.threads,
        if machine.threads == 1 { "" } else { "s" },
        machine.worker_version,
        machine.code_version
    )
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = [
            "arm",
            "seed",
            "run",
            "metric",
            "board",
            "here",
            "difference",
            "",
        ];
        let mut rows = vec![heads.map(str::to_owned).to_vec()];
        for one in &self.compared {
            let start = || {
                vec![
                    one.run.arm.clone(),
                    one.run.seed.to_string(),
                    one.run.run.to_string(),
                ]
            };
            let value = |value: Option<f64>| value.map_or_else(|| "diverged".to_owned(), shown);
            for number in &one.agreement.numbers {
                let difference = match number.difference {
                    Some(0.0) => "0".to_owned(),
                    Some(difference) => format!("{difference:.1e}"),
                    None => "–".to_owned(),
                };
                let mut row = start();
                row.extend([
                    number.metric.clone(),
                    value(number.expected),
                    value(number.got),
                    difference,
                    number.word.words().to_owned(),
                ]);
                rows.push(row);
            }
            if one.agreement.numbers.is_empty() {
                let mut row = start();
                let ends = ["", "diverged", "diverged", "–", one.agreement.word.words()];
                row.extend(ends.map(str::to_owned));
                rows.push(row);
            }
        }
        table(f, &rows)?;
        writeln!(f)?;
        for machine in &self.theirs {
            writeln!(f, "on the board: {}", described(machine))?;
        }
        writeln!(f, "here:         {}", described(&self.here))?;
        writeln!(f, "\n{}", self.sentence())
    }
}
