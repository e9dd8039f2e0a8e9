//! The end of `train`: a table of runs and arms, and the verdict if there is one.

use super::Ended;
use breakmywork_protocol::metric;
use breakmywork_protocol::result::RunResult;
use breakmywork_protocol::spec::{Spec, TunedSettings};
use breakmywork_protocol::tuning::{self, Choice};
use breakmywork_protocol::verdict::{self, End, RunOutcome, Verdict};
use breakmywork_training::events::FailureKind;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Everything that `train` found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Title of the specification.
    title: String,
    /// SHA-256 of the specification's canonical JSON.
    spec_sha256: String,
    /// What each arm chose before, where its settings were tuned.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    chosen: BTreeMap<String, TunedSettings>,
    /// The same in words.
    #[serde(skip)]
    told: String,
    /// The runs that ended.
    runs: Vec<Run>,
    /// What the criterion says, if every run of the specification ended.
    verdict: Option<Verdict>,
}

#[derive(Debug, Serialize)]
struct Run {
    arm: String,
    seed: u32,
    result: Option<RunResult>,
    failure: Option<breakmywork_training::events::Failure>,
}

/// The last line of `train --json` when there is a verdict.
#[derive(Serialize)]
pub(super) struct VerdictLine<'a> {
    event: &'static str,
    verdict: &'a Verdict,
}

impl Report {
    pub(super) fn new(spec: &Spec, choice: &Choice, ended: &[Ended], complete: bool) -> Self {
        let verdict = (complete && spec.criterion.is_some()).then(|| {
            let outcomes: Vec<RunOutcome> = ended.iter().map(outcome).collect();
            verdict::decide(spec, &spec.seeds_drawn(None), &outcomes, spec.level())
        });
        let run = |run: &Ended| Run {
            arm: run.plan.arm.clone(),
            seed: run.plan.seed,
            result: run.end.as_ref().ok().map(|result| (**result).clone()),
            failure: run.end.as_ref().err().cloned(),
        };
        Self {
            title: spec.title.clone(),
            spec_sha256: spec.sha256(),
            chosen: tuning::settings(choice),
            told: match choice.is_empty() {
                true => String::new(),
                false => tuning::told(spec, None, choice),
            },
            runs: ended.iter().map(run).collect(),
            verdict,
        }
    }

    pub(super) fn verdict_line(&self) -> Option<VerdictLine<'_>> {
        self.verdict.as_ref().map(|verdict| VerdictLine {
            event: "verdict",
            verdict,
        })
    }
}

fn outcome(run: &Ended) -> RunOutcome {
    RunOutcome {
        arm: run.plan.arm.clone(),
        seed: run.plan.seed,
        end: end(run),
    }
}

/// How a run ended, for whoever concludes something from it.
pub(super) fn end(run: &Ended) -> End {
    match &run.end {
        Ok(result) => End::Finished(result.clone()),
        Err(failure) if failure.kind == FailureKind::Diverged => End::Diverged,
        Err(failure) => End::Missing(failure.message.clone()),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.runs.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = metric::METRICS
            .iter()
            .filter(|metric| metric.at_end)
            .map(|metric| metric.name)
            .filter(|name| {
                self.runs
                    .iter()
                    .flat_map(|run| &run.result)
                    .any(|r| r.metrics.contains_key(*name))
            })
            .collect();
        let mut rows = vec![vec!["arm".to_owned(), "seed".to_owned()]];
        rows[0].extend(names.iter().map(|&name| name.to_owned()));
        rows[0].extend(["treatment".to_owned(), "seconds".to_owned()]);
        // The arms in the order of the specification, each with its mean.
        let mut arms: Vec<&str> = Vec::new();
        for run in &self.runs {
            if !arms.contains(&run.arm.as_str()) {
                arms.push(&run.arm);
            }
        }
        for arm in arms {
            let of_arm: Vec<&Run> = self.runs.iter().filter(|run| run.arm == arm).collect();
            rows.extend(of_arm.iter().map(|run| run.row(&names)));
            let results: Vec<&RunResult> = of_arm
                .iter()
                .filter_map(|run| run.result.as_ref())
                .collect();
            if results.len() > 1 {
                rows.push(mean(arm, &names, &results));
            }
        }
        table(f, &rows)?;
        if !self.told.is_empty() {
            writeln!(f, "\n{}", self.told)?;
        }
        match &self.verdict {
            Some(verdict) => writeln!(f, "\n{}", verdict.explanation),
            None => Ok(()),
        }
    }
}

impl Run {
    fn row(&self, names: &[&str]) -> Vec<String> {
        let mut row = vec![self.arm.clone(), self.seed.to_string()];
        match (&self.result, &self.failure) {
            (Some(result), _) => {
                row.extend(names.iter().map(|name| number(result.metrics.get(*name))));
                let verified = result.treatment.verified;
                row.push(if verified { "verified" } else { "not applied" }.to_owned());
                row.push(format!("{:.1}", result.provenance.wall_seconds));
            }
            (None, failure) => {
                row.extend(names.iter().map(|_| "–".to_owned()));
                row.push(
                    failure
                        .as_ref()
                        .map(ToString::to_string)
                        .unwrap_or_default(),
                );
            }
        }
        row
    }
}

fn mean(arm: &str, names: &[&str], results: &[&RunResult]) -> Vec<String> {
    let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
    for result in results {
        for (name, value) in &result.metrics {
            *sums.entry(name).or_default() += value / results.len() as f64;
        }
    }
    let mut row = vec![arm.to_owned(), "mean".to_owned()];
    row.extend(names.iter().map(|name| number(sums.get(*name))));
    row
}

fn number(value: Option<&f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |&value| shown(value))
}

/// A value as people read it: steps whole, what is very large or very small by its power of ten, the rest to five
/// places.
pub(crate) fn shown(value: f64) -> String {
    let size = value.abs();
    if size >= 1e7 || (size > 0.0 && size < 1e-3) {
        return format!("{value:.3e}");
    }
    if value.fract() == 0.0 && size >= 1.0 {
        return format!("{value:.0}");
    }
    format!("{value:.5}")
}

/// Columns as wide as their widest cell.
pub(crate) fn table(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..columns)
        .map(|column| width(column).unwrap_or(0))
        .collect();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:<width$}"))
            .collect();
        writeln!(f, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn no_value_is_wider_than_a_column_bears() {
        for (value, expected) in [
            (1_000_000.0, "1000000"),
            (0.0, "0.00000"),
            (0.166_666_7, "0.16667"),
            (123.456, "123.45600"),
            (1.89e73, "1.890e73"),
            (-5e117, "-5.000e117"),
            (2.5e-7, "2.500e-7"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(shown(value), expected);
        }
    }
}
