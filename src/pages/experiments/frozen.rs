//! What was frozen, to take away: the exact bytes, and what they are in the forms of other programs.

use crate::{
    db::frozen::{self, Frozen},
    error::{Error, Result},
    export::{in_toto, prml},
    extract::Path,
    state::AppState,
};
use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use breakmywork_protocol::{id::ExperimentId, record::Entry};

async fn find(state: &AppState, id: ExperimentId) -> Result<(Frozen, Option<Entry>)> {
    let mut connection = state.pool.acquire().await?;
    frozen::find(&mut connection, id).await?.ok_or_else(|| {
        Error::NotFound(format!(
            "There is no registered experiment {id}; what is only proposed is not frozen."
        ))
    })
}

/// A file that will always have the same bytes.
fn file(kind: &str, bytes: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "public, max-age=3600"),
    ];
    (headers, bytes).into_response()
}

/// The frozen specification, byte for byte what was hashed.
pub async fn spec_json(
    State(state): State<AppState>,
    Path(id): Path<ExperimentId>,
) -> Result<Response> {
    let (frozen, _) = find(&state, id).await?;
    let mut response = file("application/json", frozen.canonical);
    let sha256 = frozen.sha256.parse().map_err(Error::internal)?;
    response.headers_mut().insert("spec-sha256", sha256);
    Ok(response)
}

/// The registration as an in-toto statement.
pub async fn in_toto(
    State(state): State<AppState>,
    Path(id): Path<ExperimentId>,
) -> Result<Response> {
    let (frozen, entry) = find(&state, id).await?;
    let statement = in_toto::statement(&frozen, entry.as_ref(), &state.settings);
    Ok(file(in_toto::MEDIA_TYPE, format!("{statement:#}\n")))
}

/// The registration as a PRML manifest.
pub async fn prml(State(state): State<AppState>, Path(id): Path<ExperimentId>) -> Result<Response> {
    find(&state, id).await?;
    let mut connection = state.pool.acquire().await?;
    let line = frozen::line(&mut connection, id).await?;
    let manifest = prml::manifest(&line, &state.settings).ok_or_else(|| {
        Error::NotFound(format!(
            "Experiment {id} is exploratory: it promises nothing that a manifest could say. Its frozen specification \
             is at /experiments/{id}/spec.json."
        ))
    })?;
    Ok(file(prml::MEDIA_TYPE, manifest))
}
