//! What people do about a claim's standing on an experiment's page: confirm, dispute, answer, resolve.

use super::show::page_with;
use crate::{
    error::{Error, Result},
    extract::{Form, Member, Moderator, Path, Visit},
    pages::{Cache, see_other, with_status},
    render::form::FormErrors,
    standing,
    state::AppState,
};
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::ExperimentId;
use serde::Deserialize;

/// What a person wrote.
#[derive(Debug, Default, Deserialize)]
pub struct Words {
    #[serde(default)]
    words: String,
}

/// Registers the confirmation of an experiment that challenges its claim.
pub async fn confirm(
    State(state): State<AppState>,
    Member(viewer): Member,
    Path(id): Path<ExperimentId>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    let confirmation = standing::confirm(&mut tx, id, viewer.id).await?;
    tx.commit().await?;
    tracing::info!(experiment = %id, %confirmation, account = %viewer.id, "confirmation registered");
    Ok(see_other(&format!("/experiments/{confirmation}")))
}

/// Disputes it.
pub async fn dispute(
    State(state): State<AppState>,
    visit: Visit,
    Moderator(viewer): Moderator,
    Path(id): Path<ExperimentId>,
    Form(reason): Form<Words>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    let done = standing::dispute(&mut tx, id, viewer.id, &reason.words).await;
    answered(&state, visit, tx, id, done, reason).await
}

/// Resolves a dispute.
pub async fn resolve(
    State(state): State<AppState>,
    visit: Visit,
    Moderator(viewer): Moderator,
    Path(id): Path<ExperimentId>,
    Form(reason): Form<Words>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    let done = standing::resolve_dispute(&mut tx, id, viewer.id, &reason.words).await;
    answered(&state, visit, tx, id, done, reason).await
}

/// Its author answers.
pub async fn answer(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(id): Path<ExperimentId>,
    Form(answer): Form<Words>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    let done = standing::answer_dispute(&mut tx, id, viewer.id, &answer.words).await;
    answered(&state, visit, tx, id, done, answer).await
}

/// Back to the page; with what was typed, where it was refused.
async fn answered(
    state: &AppState,
    visit: Visit,
    tx: sqlx::Transaction<'_, sqlx::Postgres>,
    id: ExperimentId,
    done: Result<()>,
    words: Words,
) -> Result<Response> {
    match done {
        Ok(()) => {
            tx.commit().await?;
            Ok(see_other(&format!("/experiments/{id}#standing")))
        }
        Err(Error::Invalid(problems)) => {
            tx.rollback().await?;
            let mut errors = FormErrors::new();
            for problem in problems {
                errors.add("words", problem.detail);
            }
            let mut page = page_with(state, visit, id, errors).await?;
            page.keep(words.words);
            with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never)
        }
        Err(error) => Err(error),
    }
}
