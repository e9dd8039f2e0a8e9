//! The runs of an experiment as a list: what differs between them, and what each came to.

use crate::{
    compare,
    db::{
        compare::{self as table, Measured},
        experiments::{self, Experiment},
    },
    error::{Error, Result},
    extract::{Path, Query, Visit},
    pages::{Cache, show},
    render::{badge, number},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::id::{ExperimentId, RunId};
use breakmywork_protocol::metric;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Runs on one page.
const SHOWN: i64 = 100;

/// Where in the list.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Place {
    after: Option<RunId>,
    before: Option<RunId>,
}

#[derive(Debug, Template)]
#[template(path = "experiment_runs.html")]
struct Runs {
    visit: Visit,
    experiment: Experiment,
    runs: Vec<Measured>,
    /// Settings that differ between arms, and what each arm has.
    settings: Vec<String>,
    arms: BTreeMap<String, Vec<String>>,
    metrics: Vec<String>,
    previous: Option<RunId>,
    next: Option<RunId>,
}

impl Runs {
    /// What a run has of the settings that differ; nothing known of one whose arm the specification does not have.
    fn settings_of(&self, run: &Measured) -> Vec<String> {
        let unknown = || vec![String::new(); self.settings.len()];
        self.arms.get(&run.arm).cloned().unwrap_or_else(unknown)
    }

    /// Whether the experiment is decided by that metric.
    fn is_decisive(&self, metric: &str) -> bool {
        let criterion = self.experiment.spec.pointer("/criterion/metric");
        criterion.and_then(|named| named.as_str()) == Some(metric)
    }

    fn value(run: &Measured, metric: &str) -> String {
        let value = run.metrics.get(metric).copied();
        value.map(number::value).unwrap_or_default()
    }
}

/// The list.
pub async fn runs(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<ExperimentId>,
    Query(place): Query<Place>,
) -> Result<Response> {
    let experiment = experiments::find(&state.pool, id, visit.reader())
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    let visible = experiment.seen()?;
    let forward = place.before.is_none();
    let mut runs = match place.before {
        Some(before) => table::runs_before(&state.pool, visible, before, SHOWN + 1).await?,
        None => {
            let after = place.after.unwrap_or(RunId(0));
            table::runs_after(&state.pool, visible, after, SHOWN + 1).await?
        }
    };
    let more = runs.len() as i64 > SHOWN;
    runs.truncate(SHOWN as usize);
    if !forward {
        runs.reverse();
    }
    let (first, last) = (
        runs.first().map(|run| run.id),
        runs.last().map(|run| run.id),
    );
    let (settings, arms) = match experiment.parsed() {
        Ok(spec) => compare::between_arms(&spec),
        Err(_) => Default::default(),
    };
    let metrics: BTreeSet<&String> = runs.iter().flat_map(|run| run.metrics.keys()).collect();
    let metrics = metrics.into_iter().cloned().collect();
    show(
        &Runs {
            visit,
            experiment,
            settings,
            arms,
            metrics,
            previous: first.filter(|_| if forward { place.after.is_some() } else { more }),
            next: last.filter(|_| !forward || more),
            runs,
        },
        Cache::Fresh,
    )
}
