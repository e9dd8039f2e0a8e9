//! Stopping an experiment: a page that asks first, for its author and for admins.

use crate::{
    db::experiments::{self, Experiment},
    error::{Error, Result},
    extract::{Form, Member, Path, Visit},
    pages::{Cache, see_other, show, with_status},
    proposal,
    render::{form::FormErrors, number},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::ExperimentId;
use serde::Deserialize;

#[derive(Debug, Template)]
#[template(path = "experiment_stop.html")]
struct StopPage {
    visit: Visit,
    experiment: Experiment,
    open: i64,
    reason: String,
    errors: FormErrors,
}

/// Why.
#[derive(Debug, Default, Deserialize)]
pub struct Why {
    #[serde(default)]
    reason: String,
}

async fn page(state: &AppState, visit: Visit, id: ExperimentId, why: Why) -> Result<StopPage> {
    let experiment = experiments::find(&state.pool, id, visit.reader())
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    let viewer = visit.viewer.as_ref();
    let viewer = viewer.ok_or_else(|| Error::Forbidden("Sign in to stop an experiment.".into()))?;
    proposal::may_stop(&experiment, viewer.id, viewer.role.is_admin())?;
    Ok(StopPage {
        open: experiment.runs - experiment.runs_ended,
        visit,
        experiment,
        reason: why.reason,
        errors: FormErrors::new(),
    })
}

/// Asks.
pub async fn form(
    State(state): State<AppState>,
    visit: Visit,
    _: Member,
    Path(id): Path<ExperimentId>,
) -> Result<Response> {
    let page = page(&state, visit, id, Why::default()).await?;
    show(&page, Cache::Never)
}

/// Stops it.
pub async fn stop(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(id): Path<ExperimentId>,
    Form(why): Form<Why>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    match proposal::stop(&mut tx, id, viewer.id, viewer.role.is_admin(), &why.reason).await {
        Ok(()) => {
            tx.commit().await?;
            tracing::info!(experiment = %id, account = %viewer.id, "stopped");
            Ok(see_other(&format!("/experiments/{id}")))
        }
        Err(Error::Invalid(problems)) => {
            tx.rollback().await?;
            let mut page = page(&state, visit, id, why).await?;
            for problem in problems {
                page.errors.add("reason", problem.detail);
            }
            with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never)
        }
        Err(error) => Err(error),
    }
}
