//! Experiments and runs side by side. The choice is the address.

use super::{Cache, experiments::plots, see_other, show};
use crate::{
    compare::{self as comparing, Choice, Comparison, Group, MOST_EXPERIMENTS, MOST_RUNS},
    db::runs::Curve,
    error::{Error, Result},
    extract::{Query, Visit},
    heavy,
    render::{badge, filters, number, url},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::{
    id::{ExperimentId, RunId},
    metric,
};
use plots::Plot;

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

    /// Where a script finds what is drawn.
    fn curves(&self) -> String {
        let (query, metric) = (self.choice.query(), url::component(&self.metric));
        format!("/api/v1/compare/curves{query}&name={metric}")
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
        let drawn = comparing::curves(&state.pool, &comparison.groups).await?;
        self.few_drawn = drawn.few;
        self.drawable = drawn.metrics();
        let Some(first) = self.drawable.first() else {
            return Ok(());
        };
        let known = |metric: &String| self.drawable.contains(metric);
        self.metric = wanted.filter(known).unwrap_or_else(|| first.clone());
        let names: Vec<String> = comparison.groups.iter().map(Group::name).collect();
        let curves: Vec<Curve> = (drawn.of(&self.metric))
            .map(|(column, curve)| Curve {
                arm: names[column].clone(),
                ..curve
            })
            .collect();
        self.plots = heavy::run(move || plots::learning(&curves, &names, task, None)).await?;
        Ok(())
    }
}
