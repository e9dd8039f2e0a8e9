//! One run: its attempts, its curve, its result and where the numbers come from.

use super::{
    Cache,
    experiments::{
        plots::{self, Plot},
        show::file,
    },
    show,
};
use crate::{
    db::{
        data_sets::{self, Wait},
        experiments, queue,
        runs::{self, Attempt, Run},
    },
    error::{Error, Result},
    extract::{Path, Visit},
    render::{badge, filters, number, progress, time},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::{
    id::RunId,
    metric,
    spec::{Plan, Task},
};
use serde::Deserialize;

#[derive(Debug, Template)]
#[template(path = "run.html")]
struct RunPage {
    visit: Visit,
    run: Run,
    attempts: Vec<Attempt>,
    plots: Vec<Plot>,
    plan: String,
    task: Task,
    place: Option<i64>,
    /// The data set that it waits for.
    wait: Option<Wait>,
    url: String,
    /// Name of the file that makes it again.
    file: &'static str,
}

impl RunPage {
    fn unit(&self, name: &str) -> &'static str {
        metric::find(name).map_or("", |metric| metric.unit_of(self.task.name))
    }

    /// A metric's value; steps are whole.
    fn value(&self, name: &str, value: &f64) -> String {
        match self.unit(name) {
            "steps" => number::count(*value as i64),
            _ => number::value(*value),
        }
    }

    /// So many of all; a dash where nothing was compared.
    fn of(&self, equal: &u64, different: &u64) -> String {
        match equal + different {
            0 => "–".to_owned(),
            all => format!("{} of {}", number::count(*equal), number::count(all)),
        }
    }
}

/// A run's page.
pub async fn run(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<RunId>,
) -> Result<Response> {
    let pool = &state.pool;
    let missing = || Error::missing("run", id);
    let run = runs::find(pool, id, visit.reader())
        .await?
        .ok_or_else(missing)?;
    let experiment = experiments::find(pool, run.experiment, visit.reader())
        .await?
        .ok_or_else(missing)?;
    let plan = runs::plan(pool, &run).await?;
    let task = Plan::deserialize(&plan)
        .map_err(Error::internal)?
        .setup
        .task;
    let curves = runs::curves_of_run(pool, &run, None, -1).await?;
    let place = if run.state == "queued" {
        let waiting = queue::waiting(pool, Some(experiment.seen()?), queue::PLACES).await?;
        waiting
            .iter()
            .find(|waiting| waiting.run == id)
            .map(|waiting| waiting.position)
    } else {
        None
    };
    let wait = data_sets::of_runs(pool, std::slice::from_ref(&run))
        .await?
        .of(&run);
    // The arm keeps the colour that it has on the experiment's page.
    let spec = experiment.parsed().ok();
    // Of a tuned experiment this run would not be if its arm had not chosen.
    let file = file(spec.as_ref().is_some_and(|spec| spec.tuning.is_some()));
    let arms: Vec<String> = spec
        .map(|spec| spec.arms.into_iter().map(|arm| arm.name).collect())
        .unwrap_or_else(|| vec![run.arm.clone()]);
    let page = RunPage {
        visit,
        attempts: runs::attempts(pool, &run).await?,
        plots: plots::learning(&curves, &arms, task.name, Some(&task)),
        plan: serde_json::to_string_pretty(&plan).unwrap_or_default(),
        // Every take steps over a run that no worker can train: it has no place.
        place: place.filter(|_| !wait.as_ref().is_some_and(Wait::is_missing)),
        wait,
        task,
        file,
        url: state
            .settings
            .address(&format!("/experiments/{}", run.experiment)),
        run,
    };
    show(&page, Cache::Fresh)
}
