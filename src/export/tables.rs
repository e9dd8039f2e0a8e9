//! An experiment's runs, pairs and measurements as tables.

use super::table::{Cell, Column, Kind, Table, columns};
use crate::db::runs::{Curve, Run};
use breakmywork_protocol::verdict::Verdict;
use std::collections::BTreeSet;

/// The runs, a row each, with every metric that any of them has at its end.
pub fn runs(runs: &[Run]) -> Table<'_> {
    let results = || runs.iter().filter_map(Run::result);
    let metrics: BTreeSet<&String> = results().flat_map(|result| result.metrics.keys()).collect();
    let mut columns = columns(&[
        ("run", Kind::Whole),
        ("arm", Kind::Text),
        ("trial", Kind::Whole),
        ("seed", Kind::Whole),
        ("state", Kind::Text),
        ("failure", Kind::Text),
        ("steps", Kind::Whole),
        ("retry_of", Kind::Whole),
        ("queued_at", Kind::Text),
        ("started_at", Kind::Text),
        ("finished_at", Kind::Text),
        ("device", Kind::Text),
        ("worker_version", Kind::Text),
        ("plan_sha256", Kind::Text),
        ("data_set", Kind::Text),
        ("data_sha256", Kind::Text),
        ("treatment_verified", Kind::Text),
    ]);
    columns.extend(metrics.iter().map(|name| Column {
        name: (*name).clone(),
        kind: Kind::Number,
    }));
    let mut cells = Vec::with_capacity(runs.len() * columns.len());
    for run in runs {
        let result = run.result();
        let made = result.map(|result| &result.provenance);
        let at = |time: Option<chrono::DateTime<chrono::Utc>>| time.map(|time| time.to_rfc3339());
        cells.extend([
            run.id.0.into(),
            run.arm.as_str().into(),
            run.trial.into(),
            run.seed.into(),
            run.state.as_str().into(),
            run.failure.as_deref().into(),
            run.steps.into(),
            run.retry_of.map(|id| id.0).into(),
            at(Some(run.created_at)).into(),
            at(run.started_at).into(),
            at(run.finished_at).into(),
            made.map(|made| made.device_name.as_str()).into(),
            made.map(|made| made.worker_version.as_str()).into(),
            made.map(|made| made.plan_sha256.as_str()).into(),
            run.data_set.as_deref().into(),
            made.and_then(|made| made.data_sha256.as_deref()).into(),
            result
                .map(|result| match result.treatment.verified {
                    true => "true",
                    false => "false",
                })
                .into(),
        ]);
        let value = |name: &String| result.and_then(|result| result.metrics.get(name).copied());
        cells.extend(metrics.iter().map(|name| Cell::from(value(name))));
    }
    Table { columns, cells }
}

/// The pairs that a verdict is made of, in its own numbers.
pub fn pairs(verdict: &Verdict) -> Table<'_> {
    let mut columns = columns(&[
        ("seed", Kind::Whole),
        ("treatment", Kind::Number),
        ("control", Kind::Number),
    ]);
    let number = |name: &str| Column {
        name: name.to_owned(),
        kind: Kind::Number,
    };
    columns.extend(verdict.others.iter().map(|other| number(&other.arm)));
    columns.push(number("difference"));
    columns.push(Column {
        name: "note".to_owned(),
        kind: Kind::Text,
    });
    let mut cells = Vec::with_capacity(verdict.pairs.len() * columns.len());
    for pair in &verdict.pairs {
        let seed = i64::from(pair.seed);
        cells.extend([seed.into(), pair.treatment.into(), pair.control.into()]);
        cells.extend(pair.others.iter().map(|other| Cell::from(*other)));
        cells.extend([pair.difference.into(), pair.note.as_str().into()]);
    }
    Table { columns, cells }
}

/// Columns of what was measured while runs were trained.
pub fn measured() -> Vec<Column> {
    columns(&[
        ("run", Kind::Whole),
        ("arm", Kind::Text),
        ("trial", Kind::Whole),
        ("seed", Kind::Whole),
        ("metric", Kind::Text),
        ("step", Kind::Whole),
        ("value", Kind::Number),
    ])
}

/// What was measured while one run was trained, a row of [`measured`] for each step.
pub fn metrics<'a>(run: &'a Run, curves: &'a [Curve]) -> Vec<Cell<'a>> {
    let mut cells = Vec::new();
    for curve in curves {
        for point in &curve.points {
            cells.extend([
                run.id.0.into(),
                run.arm.as_str().into(),
                run.trial.into(),
                run.seed.into(),
                curve.name.as_str().into(),
                point.step.into(),
                point.value.into(),
            ]);
        }
    }
    cells
}
