//! On a claim's page: which claims deny it.

use super::see_other;
use crate::{
    auth::session::Viewer,
    board::Writer,
    error::{Error, Result},
    extract::{Form, Member, Path},
    rival::{self, Who},
    state::AppState,
};
use axum::{extract::State, response::Response};
use breakmywork_protocol::id::ClaimId;
use serde::Deserialize;

/// What was typed.
#[derive(Debug, Default, Deserialize)]
pub struct Typed {
    #[serde(default)]
    rival: String,
    #[serde(default)]
    sentence: String,
    #[serde(default)]
    reason: String,
}

fn who(viewer: &Viewer) -> Who {
    Writer::from(viewer).into()
}

fn back(claim: ClaimId) -> Response {
    see_other(&format!("/claims/{claim}#rivals"))
}

/// Declares a rival.
pub async fn declare(
    State(state): State<AppState>,
    Member(viewer): Member,
    Path(id): Path<ClaimId>,
    Form(typed): Form<Typed>,
) -> Result<Response> {
    let other = typed.rival.trim().parse().map(ClaimId).map_err(|_| {
        Error::field(
            "/rival",
            "Give the number of the other claim, as in its address.",
        )
    })?;
    let mut tx = state.pool.begin().await?;
    rival::declare(&mut tx, id, other, who(&viewer), &typed.reason).await?;
    tx.commit().await?;
    tracing::info!(claim = %id, rival = %other, account = %viewer.id, "rival declared");
    Ok(back(id))
}

/// Agrees to one.
pub async fn agree(
    State(state): State<AppState>,
    Member(viewer): Member,
    Path((id, other)): Path<(ClaimId, ClaimId)>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    rival::agree(&mut tx, id, other, who(&viewer)).await?;
    tx.commit().await?;
    tracing::info!(claim = %id, rival = %other, account = %viewer.id, "rival agreed");
    Ok(back(id))
}

/// Says that they are no rivals.
pub async fn end(
    State(state): State<AppState>,
    Member(viewer): Member,
    Path((id, other)): Path<(ClaimId, ClaimId)>,
    Form(typed): Form<Typed>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    rival::end(&mut tx, id, other, who(&viewer), &typed.reason).await?;
    tx.commit().await?;
    tracing::info!(claim = %id, rival = %other, account = %viewer.id, "rival ended");
    Ok(back(id))
}

/// Puts the denial of a claim on the board.
pub async fn deny(
    State(state): State<AppState>,
    Member(viewer): Member,
    Path(id): Path<ClaimId>,
    Form(typed): Form<Typed>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    let writer = Writer::from(&viewer);
    let denial = rival::deny(&mut tx, id, writer, &typed.sentence, &typed.reason).await?;
    tx.commit().await?;
    tracing::info!(claim = %id, %denial, account = %viewer.id, "denial of a claim put on the board");
    Ok(see_other(&format!("/claims/{denial}")))
}
