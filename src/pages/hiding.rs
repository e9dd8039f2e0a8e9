//! Hiding comments and proposals, and appeals against that.

use super::see_other;
use super::thread::{self, moderate::Why};
use crate::{
    error::Result,
    extract::{Form, Member, Moderator, Path},
    hiding::{self, Hideable, Step},
    state::AppState,
};
use axum::{extract::State, response::Response};
use breakmywork_protocol::id::AccountId;
use serde::Deserialize;

/// What an author says against hiding.
#[derive(Debug, Default, Deserialize)]
pub struct Words {
    #[serde(default)]
    words: String,
}

/// Hides a comment or a proposal, with a reason that everybody can read.
pub async fn hide<T: Into<Hideable>>(
    State(state): State<AppState>,
    Moderator(viewer): Moderator,
    Path(id): Path<T>,
    Form(why): Form<Why>,
) -> Result<Response> {
    act(&state, id.into(), viewer.id, Step::Hide(&why.reason)).await
}

/// Shows it again.
pub async fn unhide<T: Into<Hideable>>(
    State(state): State<AppState>,
    Moderator(viewer): Moderator,
    Path(id): Path<T>,
    Form(why): Form<Why>,
) -> Result<Response> {
    act(&state, id.into(), viewer.id, Step::Unhide(&why.reason)).await
}

/// Appeals against hiding one's own.
pub async fn appeal<T: Into<Hideable>>(
    State(state): State<AppState>,
    Member(viewer): Member,
    Path(id): Path<T>,
    Form(words): Form<Words>,
) -> Result<Response> {
    act(&state, id.into(), viewer.id, Step::Appeal(&words.words)).await
}

/// Leaves it hidden against an appeal.
pub async fn decline<T: Into<Hideable>>(
    State(state): State<AppState>,
    Moderator(viewer): Moderator,
    Path(id): Path<T>,
    Form(why): Form<Why>,
) -> Result<Response> {
    act(&state, id.into(), viewer.id, Step::Decline(&why.reason)).await
}

async fn act(state: &AppState, what: Hideable, by: AccountId, step: Step<'_>) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    hiding::act(&mut tx, what, by, step).await?;
    tx.commit().await?;
    tracing::info!(account = %by, ?what, ?step, "hidden, shown, or appealed against that");
    Ok(see_other(&match what {
        Hideable::Comment(id) => thread::link(&state.pool, id).await?,
        Hideable::Proposal(id) => format!("/experiments/{id}"),
    }))
}
