//! On a proposal's page: the claim's author accepts it as a test, or declines.

use super::show::page_with;
use crate::{
    acceptance::{self, Said},
    db::experiments,
    error::{Error, Result},
    extract::{Form, Member, Path, Visit},
    pages::{Cache, see_other, with_status},
    render::form::FormErrors,
    state::AppState,
};
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::{ClaimId, ExperimentId};
use serde::Deserialize;

/// What was answered.
#[derive(Debug, Default, Deserialize)]
pub struct Typed {
    /// The button that was pressed.
    #[serde(default)]
    answer: String,
    /// The claim that is answered for.
    claim: Option<ClaimId>,
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
    let said = Said {
        claim: typed.claim,
        accepts,
        words: &typed.words,
        proposal_sha256: &typed.proposal_sha256,
    };
    match acceptance::answer(&mut tx, id, viewer.id, said).await {
        Ok(()) => {
            tx.commit().await?;
            tracing::info!(experiment = %id, account = %viewer.id, accepts, "proposal answered");
            Ok(see_other(&format!("/experiments/{id}#acceptance")))
        }
        Err(Error::Invalid(problems)) => {
            tx.rollback().await?;
            let experiment = experiments::find(&state.pool, id, visit.reader())
                .await?
                .ok_or_else(|| Error::missing("experiment", id))?;
            let claim = typed.claim.unwrap_or(experiment.claim);
            let mut errors = FormErrors::new();
            for problem in problems {
                errors.add(format!("answer-words-{claim}"), problem.detail);
            }
            let mut page = page_with(&state, visit, id, errors).await?;
            page.keep_answer(claim, typed.words);
            with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never)
        }
        Err(error) => Err(error),
    }
}
