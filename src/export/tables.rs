//! An experiment's runs, pairs and measurements as tables.

use super::csv::{self, Cell};
use crate::db::runs::{Curve, Run};
use breakmywork_protocol::verdict::Verdict;
use std::collections::BTreeSet;

/// The runs, a row each, with every metric that any of them has at its end.
pub fn runs(runs: &[Run]) -> String {
    let results = || runs.iter().filter_map(Run::result);
    let metrics: BTreeSet<&String> = results().flat_map(|result| result.metrics.keys()).collect();
    let mut out = String::new();
    let fixed = [
        "run",
        "arm",
        "trial",
        "seed",
        "state",
        "failure",
        "steps",
        "retry_of",
        "queued_at",
        "started_at",
        "finished_at",
        "device",
        "worker_version",
        "plan_sha256",
        "data_set",
        "data_sha256",
        "treatment_verified",
    ];
    csv::row(
        &mut out,
        fixed
            .into_iter()
            .chain(metrics.iter().map(|name| name.as_str()))
            .map(Cell::Text),
    );
    for run in runs {
        let result = run.result();
        let made = result.map(|result| &result.provenance);
        let at = |time: Option<chrono::DateTime<chrono::Utc>>| time.map(|time| time.to_rfc3339());
        let (queued, started, finished) = (
            at(Some(run.created_at)),
            at(run.started_at),
            at(run.finished_at),
        );
        let whole = |number: Option<i64>| number.map_or(Cell::Empty, Cell::Whole);
        let mut cells = vec![
            Cell::Whole(run.id.0),
            Cell::Text(&run.arm),
            whole(run.trial.map(i64::from)),
            Cell::Whole(run.seed),
            Cell::Text(&run.state),
            run.failure.as_deref().into(),
            whole(run.steps.map(i64::from)),
            whole(run.retry_of.map(|id| id.0)),
            Cell::from(queued.as_deref()),
            Cell::from(started.as_deref()),
            Cell::from(finished.as_deref()),
            Cell::from(made.map(|made| made.device_name.as_str())),
            Cell::from(made.map(|made| made.worker_version.as_str())),
            Cell::from(made.map(|made| made.plan_sha256.as_str())),
            run.data_set.as_deref().into(),
            Cell::from(made.and_then(|made| made.data_sha256.as_deref())),
            Cell::from(result.map(|result| {
                if result.treatment.verified {
                    "true"
                } else {
                    "false"
                }
            })),
        ];
        let value = |name: &String| result.and_then(|result| result.metrics.get(name).copied());
        cells.extend(metrics.iter().map(|name| Cell::from(value(name))));
        csv::row(&mut out, cells);
    }
    out
}

/// The pairs that a verdict is made of, in its own numbers.
pub fn pairs(verdict: &Verdict) -> String {
    let mut out = String::new();
    let others = verdict.others.iter().map(|other| other.arm.as_str());
    let heads = ["seed", "treatment", "control"].into_iter().chain(others);
    csv::row(
        &mut out,
        heads.chain(["difference", "note"]).map(Cell::Text),
    );
    for pair in &verdict.pairs {
        let mut cells = vec![
            Cell::Whole(i64::from(pair.seed)),
            Cell::from(pair.treatment),
            Cell::from(pair.control),
        ];
        cells.extend(pair.others.iter().map(|other| Cell::from(*other)));
        cells.extend([Cell::from(pair.difference), Cell::Text(&pair.note)]);
        csv::row(&mut out, cells);
    }
    out
}

/// First line of what was measured while runs were trained.
pub fn metrics_head() -> String {
    let mut out = String::new();
    let heads = ["run", "arm", "trial", "seed", "metric", "step", "value"];
    csv::row(&mut out, heads.map(Cell::Text));
    out
}

/// What was measured while one run was trained, a row for each step.
pub fn metrics(run: &Run, curves: &[Curve]) -> String {
    let mut out = String::new();
    for curve in curves {
        for point in &curve.points {
            let cells = [
                Cell::Whole(run.id.0),
                Cell::Text(&run.arm),
                run.trial
                    .map_or(Cell::Empty, |trial| Cell::Whole(i64::from(trial))),
                Cell::Whole(run.seed),
                Cell::Text(&curve.name),
                Cell::Whole(i64::from(point.step)),
                Cell::Number(point.value),
            ];
            csv::row(&mut out, cells);
        }
    }
    out
}
