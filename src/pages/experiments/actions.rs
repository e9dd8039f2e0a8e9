//! What an author does to an experiment: register, withdraw.

use super::show::page_with;
use crate::{
    error::{Error, Result},
    extract::{Form, Member, Path, Visit},
    pages::{Cache, see_other, with_status},
    proposal,
    render::form::FormErrors,
    state::AppState,
};
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::ExperimentId;
use serde::Deserialize;

/// How it is registered.
#[derive(Debug, Deserialize)]
pub struct Registration {
    /// Sent by the button that registers it to look, not to decide.
    exploratory: Option<String>,
    /// SHA-256 of the proposal that was on the page.
    proposal_sha256: Option<String>,
}

/// Freezes the experiment and queues its runs.
pub async fn register(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(id): Path<ExperimentId>,
    Form(sent): Form<Registration>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    let how = proposal::Registration {
        exploratory: sent.exploratory.is_some(),
        read: sent
            .proposal_sha256
            .as_deref()
            .filter(|read| !read.is_empty()),
    };
    match proposal::register_stored(&mut tx, id, viewer.id, &state.pace.board(), how).await {
        Ok(()) => {
            tx.commit().await?;
            tracing::info!(experiment = %id, account = %viewer.id, "registered");
            Ok(see_other(&format!("/experiments/{id}")))
        }
        Err(Error::Invalid(problems)) => {
            tx.rollback().await?;
            let mut errors = FormErrors::new();
            for problem in problems {
                let path = problem
                    .pointer
                    .trim_start_matches("/spec/")
                    .replace('/', ".");
                errors.add("register", format!("{path}: {}", problem.detail));
            }
            let page = page_with(&state, visit, id, errors).await?;
            with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never)
        }
        Err(Error::Conflict(detail)) if detail == proposal::CHANGED => {
            tx.rollback().await?;
            let mut errors = FormErrors::new();
            errors.add("register", detail);
            let page = page_with(&state, visit, id, errors).await?;
            with_status(StatusCode::CONFLICT, &page, Cache::Never)
        }
        Err(error) => Err(error),
    }
}

/// Withdraws a proposal.
pub async fn withdraw(
    State(state): State<AppState>,
    Member(viewer): Member,
    Path(id): Path<ExperimentId>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    proposal::withdraw(&mut tx, id, viewer.id).await?;
    tx.commit().await?;
    tracing::info!(experiment = %id, account = %viewer.id, "withdrawn");
    Ok(see_other(&format!("/experiments/{id}")))
}
