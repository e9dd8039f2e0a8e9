//! What was frozen, to take away: the exact bytes, and what they are in the forms of other programs.

use crate::{
    db::{
        experiments::{self, Experiment},
        frozen::{self, Frozen},
        seals,
    },
    error::{Error, Result},
    export::{in_toto, prml},
    extract::{Path, Visit},
    state::AppState,
};
use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use breakmywork_protocol::{id::ExperimentId, record::Entry};

async fn find(
    state: &AppState,
    visit: &Visit,
    id: ExperimentId,
) -> Result<(Frozen, Option<Entry>)> {
    let experiment = experiments::find(&state.pool, id, visit.reader()).await?;
    let visible = experiment.as_ref().map(Experiment::seen).transpose()?;
    let frozen = match visible {
        Some(visible) => {
            let mut connection = state.pool.acquire().await?;
            frozen::find(&mut connection, visible).await?
        }
        None => None,
    };
    frozen.ok_or_else(|| {
        Error::NotFound(format!(
            "There is no registered experiment {id}; what is only proposed is not frozen."
        ))
    })
}

/// A file that will always have the same bytes; nobody keeps for others what is sealed.
fn file(kind: &str, closed: bool, bytes: String) -> Response {
    let kept = match closed {
        true => "no-store",
        false => "public, max-age=3600",
    };
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, kept)];
    (headers, bytes).into_response()
}

/// The frozen specification, byte for byte what was hashed.
pub async fn spec_json(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<ExperimentId>,
) -> Result<Response> {
    let (frozen, _) = find(&state, &visit, id).await?;
    let mut response = file("application/json", frozen.closed, frozen.canonical);
    let sha256 = frozen.sha256.parse().map_err(Error::internal)?;
    response.headers_mut().insert("spec-sha256", sha256);
    Ok(response)
}

/// What a sealed registration had committed to, byte for byte what was hashed: once it is opened.
pub async fn commitment(
    State(state): State<AppState>,
    Path(id): Path<ExperimentId>,
) -> Result<Response> {
    let mut connection = state.pool.acquire().await?;
    let bytes = seals::opened(&mut connection, id).await?.ok_or_else(|| {
        Error::NotFound(format!(
            "Experiment {id} was not registered sealed, or is sealed still: what it is committed to is published when it is opened."
        ))
    })?;
    Ok(file("application/json", false, bytes))
}

/// The registration as an in-toto statement.
pub async fn in_toto(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<ExperimentId>,
) -> Result<Response> {
    let (frozen, entry) = find(&state, &visit, id).await?;
    let statement = in_toto::statement(&frozen, entry.as_ref(), &state.settings);
    Ok(file(
        in_toto::MEDIA_TYPE,
        frozen.closed,
        format!("{statement:#}\n"),
    ))
}

/// The registration as a PRML manifest.
pub async fn prml(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<ExperimentId>,
) -> Result<Response> {
    let (frozen, _) = find(&state, &visit, id).await?;
    let experiment = experiments::find(&state.pool, id, visit.reader())
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    let mut connection = state.pool.acquire().await?;
    let line = frozen::line(&mut connection, experiment.seen()?).await?;
    let manifest = prml::manifest(&line, &state.settings).ok_or_else(|| {
        Error::NotFound(format!(
            "Experiment {id} is exploratory: it promises nothing that a manifest could say. Its frozen specification \
             is at /experiments/{id}/spec.json."
        ))
    })?;
    Ok(file(prml::MEDIA_TYPE, frozen.closed, manifest))
}
