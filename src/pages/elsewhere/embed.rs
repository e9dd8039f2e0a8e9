//! An experiment as a card in another site's frame: the claim, what was predicted, what came out.

use super::show;
use crate::{
    db::experiments::{self, Experiment},
    error::Result,
    extract::Path,
    middleware::csp::Elsewhere,
    pages::experiments::plots,
    render::{badge, filters, html::Html, verdict_words},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::ExperimentId;

const HTML: &str = "text/html; charset=utf-8";

/// The card, or that there is nothing to show.
#[derive(Debug, Template)]
#[template(path = "embed.html")]
struct Card {
    experiment: Option<Experiment>,
    /// Whether the prediction puts the criterion into words, as the board does.
    generated: bool,
    pairs: Option<Html>,
    /// What was found, in one sentence.
    finding: Option<String>,
    /// The board's own address.
    home: String,
    /// The experiment's page.
    url: String,
}

/// The card of an experiment.
pub async fn card(State(state): State<AppState>, Path(id): Path<ExperimentId>) -> Result<Response> {
    let found = experiments::find(&state.pool, id, None).await?;
    let experiment = found.filter(|experiment| experiment.hidden_at.is_none());
    let status = match experiment {
        Some(_) => StatusCode::OK,
        None => StatusCode::NOT_FOUND,
    };
    let card = Card {
        pairs: (experiment.as_ref().and_then(Experiment::verdict)).and_then(plots::pairs),
        generated: experiment.as_ref().is_some_and(is_generated),
        finding: experiment.as_ref().and_then(finding),
        home: state.settings.address("/"),
        url: state.settings.address(&format!("/experiments/{id}")),
        experiment,
    };
    show(status, HTML, Elsewhere::Frame, &card)
}

fn is_generated(experiment: &Experiment) -> bool {
    let criterion = experiment
        .parsed()
        .ok()
        .and_then(|spec| spec.criterion.clone());
    criterion.is_some_and(|criterion| criterion.reading() == experiment.prediction)
}

fn finding(experiment: &Experiment) -> Option<String> {
    let spec = experiment.parsed().ok()?;
    verdict_words::finding(experiment.verdict()?, spec.criterion.as_ref())
}
