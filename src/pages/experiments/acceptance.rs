//! On a proposal's page: the claim's author accepts it as a test, or declines.

use super::show::page_with;
use crate::{
    acceptance,
    error::{Error, Result},
    extract::{Form, Member, Path, Visit},
    pages::{Cache, see_other, with_status},
    render::form::FormErrors,
    state::AppState,
};
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::ExperimentId;
use serde::Deserialize;

/// What was answered.
#[derive(Debug, Default, Deserialize)]
pub struct Typed {
    /// The button that was pressed.
    #[serde(default)]
    answer: String,
    #[serde(default)]
    words: String,
    /// SHA-256 of the proposal that was on the page.
    #[serde(default)]
    proposal_sha256: String,
}

/// Answers the proposal.
pub async fn answer(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(id): Path<ExperimentId>,
    Form(typed): Form<Typed>,
) -> Result<Response> {
    let accepts = match typed.answer.as_str() {
        "accept" => true,
        "decline" => false,
        _ => {
            return Err(Error::BadRequest(
                "Press one of the two buttons: accept it as a test, or decline.".into(),
            ));
        }
    };
    let mut tx = state.pool.begin().await?;
    let hash = &typed.proposal_sha256;
    match acceptance::answer(&mut tx, id, viewer.id, accepts, &typed.words, hash).await {
        Ok(()) => {
            tx.commit().await?;
            tracing::info!(experiment = %id, account = %viewer.id, accepts, "proposal answered");
            Ok(see_other(&format!("/experiments/{id}#acceptance")))
        }
        Err(Error::Invalid(problems)) => {
            tx.rollback().await?;
            let mut errors = FormErrors::new();
            for problem in problems {
                errors.add("answer-words", problem.detail);
            }
            let mut page = page_with(&state, visit, id, errors).await?;
            page.keep_answer(typed.words);
            with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never)
        }
        Err(error) => Err(error),
    }
}
