//! Where a copy of the result lies: a page for the experiment's author, who deposits it in an archive.

use crate::{
    db::experiments::{self, Experiment},
    deposit,
    error::{Error, Result},
    extract::{Form, Member, Path, Visit},
    pages::{Cache, see_other, show, with_status},
    render::form::FormErrors,
    state::AppState,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::ExperimentId;
use serde::Deserialize;

#[derive(Debug, Template)]
#[template(path = "experiment_doi.html")]
struct DoiPage {
    visit: Visit,
    experiment: Experiment,
    typed: String,
    errors: FormErrors,
}

/// Under which DOI.
#[derive(Debug, Default, Deserialize)]
pub struct Typed {
    #[serde(default)]
    doi: String,
}

async fn page(
    state: &AppState,
    visit: Visit,
    id: ExperimentId,
    typed: Option<String>,
) -> Result<DoiPage> {
    let experiment = experiments::find(&state.pool, id, visit.reader())
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    let viewer = visit.viewer.as_ref();
    let viewer = viewer.ok_or_else(|| Error::Forbidden("Sign in to say where it lies.".into()))?;
    deposit::may_say(&experiment, viewer.id, viewer.role.is_admin())?;
    let typed = typed.or_else(|| experiment.doi.clone()).unwrap_or_default();
    Ok(DoiPage {
        visit,
        experiment,
        typed,
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
    let page = page(&state, visit, id, None).await?;
    show(&page, Cache::Never)
}

/// Notes it.
pub async fn say(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(id): Path<ExperimentId>,
    Form(typed): Form<Typed>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    match deposit::say(&mut tx, id, viewer.id, viewer.role.is_admin(), &typed.doi).await {
        Ok(()) => {
            tx.commit().await?;
            tracing::info!(experiment = %id, account = %viewer.id, "deposited");
            Ok(see_other(&format!("/experiments/{id}#cite")))
        }
        Err(Error::Invalid(problems)) => {
            tx.rollback().await?;
            let mut page = page(&state, visit, id, Some(typed.doi)).await?;
            for problem in problems {
                page.errors.add("doi", problem.detail);
            }
            with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never)
        }
        Err(error) => Err(error),
    }
}
