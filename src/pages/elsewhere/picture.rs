//! Pictures that other sites show beside a link to a claim or an experiment.

use super::shown;
use crate::{
    db::{claims, experiments},
    error::{Error, Result},
    extract::Path,
    link_picture::Words,
    middleware::csp::Elsewhere,
    state::AppState,
};
use axum::{extract::State, http::header, response::Response};
use breakmywork_protocol::id::{ClaimId, ExperimentId};

async fn png(state: &AppState, words: Words) -> Result<Response> {
    let png = state.link_pictures.png(words).await?;
    Ok(shown(
        ([(header::CONTENT_TYPE, "image/png")], png),
        Elsewhere::Picture,
    ))
}

/// Of a claim.
pub async fn claim(State(state): State<AppState>, Path(id): Path<ClaimId>) -> Result<Response> {
    let claim = claims::find(&state.pool, id)
        .await?
        .ok_or_else(|| Error::missing("claim", id))?;
    png(&state, Words::of_claim(&claim, state.settings.host())).await
}

/// Of an experiment.
pub async fn experiment(
    State(state): State<AppState>,
    Path(id): Path<ExperimentId>,
) -> Result<Response> {
    let experiment = experiments::find(&state.pool, id, None)
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    png(
        &state,
        Words::of_experiment(&experiment, state.settings.host()),
    )
    .await
}
