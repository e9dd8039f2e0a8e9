//! One run: its attempts, its curve, its result and where the numbers come from; while it goes on, live.

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
        curves,
        data_sets::{self, Wait},
        experiments::{self, Experiment},
        queue,
        runs::{self, Attempt, Run},
        workers,
    },
    error::{Error, Result},
    extract::{Path, Visit},
    heavy,
    render::{badge, filters, number, progress, time},
    state::AppState,
    trust::Trust,
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::{
    id::{RunId, ThreadId},
    metric,
    spec::{Plan, Task},
};
use serde::Deserialize;
use serde_json::Value;

/// The part of the page that changes while it goes on.
#[derive(Debug, Template)]
#[template(path = "run_live.html")]
struct Live {
    run: Run,
    plots: Vec<Plot>,
    /// Whether it averages several networks, whose curves follow one another.
    averaged: bool,
    /// Whether its owner alone sees it: scripts, who send no cookie to REST, do not.
    sealed: bool,
}

impl askama::filters::HtmlSafe for Live {}

impl Live {
    fn over(&self) -> bool {
        !["queued", "running"].contains(&self.run.state.as_str())
    }
}

#[derive(Debug, Template)]
#[template(path = "run.html")]
struct RunPage {
    visit: Visit,
    run: Run,
    attempts: Vec<Attempt>,
    live: Live,
    plan: String,
    task: Task,
    place: Option<i64>,
    /// The data set that it waits for.
    wait: Option<Wait>,
    url: String,
    /// Its own address.
    own_url: String,
    /// Whether it can be held against being trained again.
    reproducible: bool,
    /// Name of the file that makes it again.
    file: &'static str,
    /// Where its numbers are quoted; nowhere while everybody may not see them.
    quote_in: Option<ThreadId>,
    /// Metrics of its curves.
    curves: Vec<String>,
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

    /// Whose word the numbers are, for people.
    fn trust(&self) -> String {
        let trust = Trust::of_run(&self.run.trust);
        let by_token = self.attempts.last().is_some_and(|last| last.by_token);
        match trust {
            Trust::Confirmed => format!(
                "{}: workers of the volunteers {} got the same numbers",
                trust.words(),
                self.run.confirmed_by.join(" and ")
            ),
            _ if by_token => format!("{}, with an admin’s token", trust.words()),
            _ => format!("{}, with the database’s password", trust.words()),
        }
    }

    /// Whether an admin may have it done again.
    fn can_be_retried(&self) -> bool {
        let lost = self.run.state == "failed" && self.run.failure.as_deref() != Some("diverged");
        (lost || self.run.state == "cancelled") && self.run.retried_by.is_none()
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
    let (run, experiment) = find(&state, &visit, id).await?;
    let (plan, task) = plan(&state, &run).await?;
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
    // Of a tuned experiment this run would not be if its arm had not chosen.
    let spec = experiment.parsed().ok();
    let file = file(spec.is_some_and(|spec| spec.tuning.is_some()));
    let quote_in = (!experiment.closed).then_some(experiment.thread);
    let measured = curves::of_run(pool, experiment.seen()?, id).await?;
    let page = RunPage {
        visit,
        quote_in,
        curves: measured.into_iter().map(|curve| curve.name).collect(),
        attempts: runs::attempts(pool, &run).await?,
        live: live(&state, run.clone(), &experiment, &task).await?,
        plan: serde_json::to_string_pretty(&plan).unwrap_or_default(),
        // Every take steps over a run that no worker can train: it has no place.
        reproducible: experiment.state == "concluded"
            && run.state == "succeeded"
            && run.trial.is_none(),
        place: place.filter(|_| !wait.as_ref().is_some_and(Wait::is_missing)),
        wait,
        task,
        file,
        own_url: state.settings.address(&format!("/runs/{id}")),
        url: state
            .settings
            .address(&format!("/experiments/{}", run.experiment)),
        run,
    };
    show(&page, Cache::Fresh)
}

/// The part that changes, alone: what the page swaps in when the stream of its experiment says so.
pub async fn fragment(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<RunId>,
) -> Result<Response> {
    let (run, experiment) = find(&state, &visit, id).await?;
    let (_, task) = plan(&state, &run).await?;
    show(&live(&state, run, &experiment, &task).await?, Cache::Never)
}

async fn find(state: &AppState, visit: &Visit, id: RunId) -> Result<(Run, Experiment)> {
    let missing = || Error::missing("run", id);
    let reader = visit.reader();
    let run = runs::find(&state.pool, id, reader).await?;
    let run = run.ok_or_else(missing)?;
    let experiment = experiments::find(&state.pool, run.experiment, reader).await?;
    Ok((run, experiment.ok_or_else(missing)?))
}

/// What it trains: as it is stored, and of that the task.
async fn plan(state: &AppState, run: &Run) -> Result<(Value, Task)> {
    let plan = runs::plan(&state.pool, run).await?;
    let task = Plan::deserialize(&plan)
        .map_err(Error::internal)?
        .setup
        .task;
    Ok((plan, task))
}

async fn live(state: &AppState, run: Run, experiment: &Experiment, task: &Task) -> Result<Live> {
    let curves = curves::of_run(&state.pool, experiment.seen()?, run.id).await?;
    // The arm keeps the colour that it has on the experiment's page.
    let spec = experiment.parsed().ok();
    let arms: Vec<String> = match &spec {
        Some(spec) => spec.arms.iter().map(|arm| arm.name.clone()).collect(),
        None => vec![run.arm.clone()],
    };
    let averaged = spec.is_some_and(|spec| {
        let own = spec.arms.iter().find(|arm| arm.name == run.arm);
        own.is_some_and(|arm| arm.setup.training.networks() > 1)
    });
    let task = task.clone();
    let plots = heavy::run(move || plots::learning(&curves, &arms, task.name, Some(&task))).await?;
    Ok(Live {
        run,
        plots,
        averaged,
        sealed: experiment.closed,
    })
}
