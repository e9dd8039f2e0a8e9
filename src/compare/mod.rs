//! Experiments and runs side by side: grouped by everything but the seed, what differs first.

mod choice;
mod curves;
mod rows;

pub use choice::{Choice, MOST_EXPERIMENTS, MOST_RUNS};
pub use curves::{Curves, curves};
pub use rows::{Metric, Setting};

use crate::db::compare::{self as table, Compared, Measured};
use crate::error::{Error, Result};
use breakmywork_protocol::id::{ExperimentId, RunId};
use breakmywork_protocol::spec::{Spec, TaskName};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgPool;
use std::collections::BTreeMap;

/// Columns at most: more of them nobody reads side by side.
pub const COLUMNS: usize = 12;

/// Runs of all columns together.
const RUNS: i64 = 2_000;

/// A column: runs that differ in their seed alone.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Group {
    /// The experiment.
    pub experiment: ExperimentId,
    /// Its arm.
    pub arm: String,
    /// Number of the trial in which settings were tuned; null of what the verdict compares.
    pub trial: Option<i32>,
    /// Its seed, where each run is a column of its own.
    pub seed: Option<i64>,
    /// The runs.
    pub runs: Vec<RunId>,
    /// How many of them succeeded.
    pub succeeded: usize,
    #[serde(skip)]
    fields: BTreeMap<String, Value>,
    #[serde(skip)]
    metrics: Vec<BTreeMap<String, f64>>,
}

impl Group {
    /// What the column is called.
    pub fn name(&self) -> String {
        let mut name = format!("#{} {}", self.experiment, self.arm);
        if let Some(trial) = self.trial {
            name.push_str(&format!(", trial {trial}"));
        }
        if let Some(seed) = self.seed {
            name.push_str(&format!(", seed {seed}"));
        }
        name
    }
}

/// Everything beside each other.
#[derive(Debug)]
pub struct Comparison {
    /// The experiments that the columns are of.
    pub experiments: Vec<Compared>,
    /// The columns.
    pub groups: Vec<Group>,
    /// What was measured.
    pub metrics: Vec<Metric>,
    /// Settings that differ between columns.
    pub differing: Vec<Setting>,
    /// Settings that do not.
    pub equal: Vec<Setting>,
    /// What is left out, and why.
    pub left_out: Vec<String>,
    /// What the first column learns: the units of curves are its.
    pub task: Option<TaskName>,
}

/// Compares what was chosen.
///
/// # Errors
/// If something of it is not there, or sealed.
pub async fn compare(pool: &PgPool, choice: &Choice) -> Result<Comparison> {
    let (choice, mut left_out) = choice.bounded();
    let mut runs = table::runs(pool, &choice.experiments, &choice.runs, RUNS).await?;
    for id in &choice.runs {
        if !runs.iter().any(|run| run.id == *id) {
            return Err(Error::NotFound(format!(
                "There is no run {id} that can be compared: it was run again, or its experiment is sealed. Leave it out."
            )));
        }
    }
    let mut ids = choice.experiments.clone();
    ids.extend(runs.iter().map(|run| run.experiment));
    ids.sort_unstable();
    ids.dedup();
    let experiments = table::experiments(pool, &ids).await?;
    for id in &ids {
        match experiments.iter().find(|one| one.id == *id) {
            None => return Err(Error::missing("experiment", id)),
            Some(one) if one.closed => {
                return Err(Error::NotFound(format!(
                    "Experiment {id} is sealed: it can be compared once it is opened. Leave it out."
                )));
            }
            Some(_) => {}
        }
    }
    let specs: BTreeMap<ExperimentId, Spec> = experiments
        .iter()
        .filter_map(|one| Some((one.id, Spec::from_stored(&one.spec).ok()?)))
        .collect();
    if choice.each_run {
        // One trial a run is no group.
        runs.truncate(COLUMNS + 1);
    }
    let mut groups = grouped(&choice, &runs, &specs);
    if groups.len() > COLUMNS {
        left_out.push(format!(
            "There are {} columns; the first {COLUMNS} are shown, since more nobody reads side by side.",
            match choice.each_run {
                true => "more".to_owned(),
                false => groups.len().to_string(),
            }
        ));
        groups.truncate(COLUMNS);
    }
    fill(pool, &mut groups, &specs).await?;
    let task = groups
        .first()
        .and_then(|group| specs.get(&group.experiment))
        .map(|spec| spec.task.name);
    let columns: Vec<_> = groups.iter().map(|group| &group.fields).collect();
    let (differing, equal) = rows::settings(&columns);
    Ok(Comparison {
        metrics: rows::metrics(&groups),
        experiments,
        groups,
        differing,
        equal,
        left_out,
        task,
    })
}

/// The columns, those of an experiment's arms in their order, whether or not they have runs.
fn grouped(choice: &Choice, runs: &[Measured], specs: &BTreeMap<ExperimentId, Spec>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let empty = |experiment, arm: &str, trial, seed| Group {
        experiment,
        arm: arm.to_owned(),
        trial,
        seed,
        runs: Vec::new(),
        succeeded: 0,
        fields: BTreeMap::new(),
        metrics: Vec::new(),
    };
    if !choice.each_run {
        for id in &choice.experiments {
            for arm in specs.get(id).map_or(&[][..], |spec| &spec.arms) {
                groups.push(empty(*id, &arm.name, None, None));
            }
        }
    }
    for run in runs {
        let seed = choice.each_run.then_some(run.seed);
        let same = |group: &Group| {
            (
                group.experiment,
                group.arm.as_str(),
                group.trial,
                group.seed,
            ) == (run.experiment, run.arm.as_str(), run.trial, seed)
        };
        let place = match groups.iter().position(same) {
            Some(place) => place,
            None => {
                groups.push(empty(run.experiment, &run.arm, run.trial, seed));
                groups.len() - 1
            }
        };
        let group = &mut groups[place];
        group.runs.push(run.id);
        if run.state == "succeeded" {
            group.succeeded += 1;
            group.metrics.push(run.metrics.clone());
        }
    }
    groups
}

/// Gives each column its settings: what its first run trains, or what its arm says.
async fn fill(
    pool: &PgPool,
    groups: &mut [Group],
    specs: &BTreeMap<ExperimentId, Spec>,
) -> Result<()> {
    let firsts: Vec<RunId> = groups
        .iter()
        .filter_map(|group| group.runs.first().copied())
        .collect();
    let plans: BTreeMap<RunId, Value> = table::plans(pool, &firsts).await?.into_iter().collect();
    for group in groups {
        let spec = specs.get(&group.experiment);
        let arm = || {
            let plan = spec?.plan(&group.arm, 0)?;
            serde_json::to_value(plan).ok()
        };
        let plan = group.runs.first().and_then(|run| plans.get(run).cloned());
        let mut fields = rows::flattened(plan.or_else(arm).unwrap_or_default());
        let criterion = spec.and_then(|spec| serde_json::to_value(spec.criterion.as_ref()?).ok());
        if let Some(criterion) = criterion {
            rows::flatten(&criterion, "criterion", &mut fields);
        }
        group.fields = fields;
    }
    Ok(())
}

/// The settings that differ between the arms of a specification, and what each arm has of them.
pub fn between_arms(spec: &Spec) -> (Vec<String>, BTreeMap<String, Vec<String>>) {
    let columns: Vec<BTreeMap<String, Value>> = (spec.arms.iter())
        .map(|arm| {
            let plan = spec.plan(&arm.name, 0);
            let plan = plan.and_then(|plan| serde_json::to_value(plan).ok());
            rows::flattened(plan.unwrap_or_default())
        })
        .collect();
    let (differing, _) = rows::settings(&columns.iter().collect::<Vec<_>>());
    let words: Vec<Vec<String>> = differing.iter().map(Setting::words).collect();
    let arms = spec.arms.iter().enumerate().map(|(place, arm)| {
        let of_arm = words.iter().map(|words| words[place].clone()).collect();
        (arm.name.clone(), of_arm)
    });
    let arms = arms.collect();
    (
        differing.into_iter().map(|setting| setting.path).collect(),
        arms,
    )
}
