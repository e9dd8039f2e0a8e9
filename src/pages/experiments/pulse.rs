//! A running experiment at a glance, for other pages: how far it is, and its first learning curves.

use super::plots::{self, Plot};
use crate::{
    db::{curves, experiments},
    error::{Error, Result},
    render::{badge, number},
    state::AppState,
};
use askama::Template;
use breakmywork_protocol::id::ExperimentId;

#[derive(Debug, Template)]
#[template(path = "experiment_pulse.html")]
struct Pulse {
    experiment: experiments::Experiment,
    plot: Option<Plot>,
    over: bool,
}

/// Draws it as everybody may see it.
///
/// # Errors
/// If there is no such experiment, it is sealed, or the database is away.
pub(in crate::pages) async fn draw(state: AppState, id: ExperimentId) -> Result<String> {
    let experiment = experiments::find(&state.pool, id, None)
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    let visible = experiment.seen()?;
    let spec = experiment.parsed().map_err(Error::internal)?;
    let curves = curves::of_experiment(&state.pool, visible).await?;
    let arms: Vec<String> = spec.arms.iter().map(|arm| arm.name.clone()).collect();
    let over = experiment.concluded_at.is_some() || experiment.withdrawn_at.is_some();
    let pulse = Pulse {
        plot: plots::learning(&curves, &arms, spec.task.name, Some(&spec.task))
            .into_iter()
            .next(),
        over,
        experiment,
    };
    Ok(pulse.render()?)
}
