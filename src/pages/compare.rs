//! Experiments and runs side by side. The choice is the address.

use super::{Cache, experiments::plots, see_other, show};
use crate::{
    compare::{self as comparing, Choice, Comparison, Group, MOST_EXPERIMENTS, MOST_RUNS},
    db::compare as table,
    error::{Error, Result},
    extract::{Query, Visit},
    heavy,
    render::{badge, filters, number, url},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::id::{ExperimentId, RunId};
use plots::Plot;

/// Lines of a plot: more of them no eye tells apart.
const LINES: usize = 60;

#[derive(Debug, Template)]
#[template(path = "compare.html")]
struct Compare {
    visit: Visit,
    choice: Choice,
    comparison: Option<Comparison>,
    /// Metrics that have a curve, and the one that is drawn.
    drawable: Vec<String>,
    metric: String,
    plots: Vec<Plot>,
    /// Whether there are more lines than are drawn.
    few_drawn: bool,
}

impl Compare {
    fn address(&self, metric: &str) -> String {
        let query = self.choice.query();
        match metric.is_empty() {
            true => format!("/compare{query}"),
            false => format!("/compare{query}&metric={}", url::component(metric)),
        }
    }

    fn by(&self, each_run: bool) -> String {
        let choice = Choice {
            each_run,
            ..self.choice.clone()
        };
        format!("/compare{}", choice.query())
    }

    /// The comparison without an experiment, if it would still be one.
    fn without(&self, experiment: &ExperimentId) -> Option<String> {
        let mut choice = self.choice.clone();
        choice.experiments.retain(|id| id != experiment);
        let left = choice.experiments.len() < self.choice.experiments.len() && !choice.is_empty();
        left.then(|| format!("/compare{}", choice.query()))
    }

    /// The one run of a column.
    fn one_run(group: &Group) -> Option<RunId> {
        group
            .runs
            .first()
            .copied()
            .filter(|_| group.runs.len() == 1)
    }
}

/// The page: for ticks one by one, the address that says them in one list.
pub async fn compare(
    State(state): State<AppState>,
    visit: Visit,
    Query(fields): Query<Vec<(String, String)>>,
) -> Result<Response> {
    let choice = Choice::read(&fields).map_err(Error::BadRequest)?;
    let ticked = |name: &str| fields.iter().filter(|(field, _)| field == name).count() > 1;
    if ticked("experiments") || ticked("runs") {
        return Ok(see_other(&format!("/compare{}", choice.query())));
    }
    let mut page = Compare {
        visit,
        choice,
        comparison: None,
        drawable: Vec::new(),
        metric: String::new(),
        plots: Vec::new(),
        few_drawn: false,
    };
    if page.choice.is_empty() {
        return show(&page, Cache::Fresh);
    }
    let wanted = fields.into_iter().find(|(name, _)| name == "metric");
    let comparison = comparing::compare(&state.pool, &page.choice).await?;
    page.draw(&state, &comparison, wanted.map(|(_, metric)| metric))
        .await?;
    page.comparison = Some(comparison);
    show(&page, Cache::Fresh)
}

impl Compare {
    /// Draws one metric of as many runs as are told apart, as many of each column.
    async fn draw(
        &mut self,
        state: &AppState,
        comparison: &Comparison,
        wanted: Option<String>,
    ) -> Result<()> {
        let Some(task) = comparison.task else {
            return Ok(());
        };
        let each = (LINES / comparison.groups.len().max(1)).max(1);
        self.few_drawn = comparison
            .groups
            .iter()
            .any(|group| group.runs.len() > each);
        let runs: Vec<RunId> = (comparison.groups.iter())
            .flat_map(|group| group.runs.iter().take(each).copied())
            .collect();
        let mut curves = table::curves(&state.pool, &runs).await?;
        let names: Vec<String> = comparison.groups.iter().map(Group::name).collect();
        for curve in &mut curves {
            let place = comparison
                .groups
                .iter()
                .position(|group| group.runs.contains(&curve.run));
            curve.arm = place.map(|place| names[place].clone()).unwrap_or_default();
        }
        self.drawable = curves.iter().map(|curve| curve.name.clone()).collect();
        self.drawable.dedup();
        self.drawable.sort_by_key(|name| !name.starts_with("valid"));
        let Some(first) = self.drawable.first() else {
            return Ok(());
        };
        let known = |metric: &String| self.drawable.contains(metric);
        self.metric = wanted.filter(known).unwrap_or_else(|| first.clone());
        curves.retain(|curve| curve.name == self.metric);
        self.plots = heavy::run(move || plots::learning(&curves, &names, task, None)).await?;
        Ok(())
    }
}
