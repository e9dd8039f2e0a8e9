//! Files for whoever cites what the board found, and reports of a claim for whoever checks it.

use super::show;
use crate::{
    cite::{BibTex, Cff, Citation, report},
    db::{
        claims::{self, Claim},
        experiments,
        listed::{self, Filter, Sort},
        works::{self, Work},
    },
    error::{Error, Result},
    extract::Path,
    middleware::csp::Elsewhere,
    state::AppState,
};
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::{ClaimId, ExperimentId};
use chrono::Utc;

const BIBTEX: &str = "application/x-bibtex; charset=utf-8";
const CFF: &str = "application/yaml; charset=utf-8";
const MARKDOWN: &str = "text/markdown; charset=utf-8";
const TEX: &str = "application/x-tex; charset=utf-8";

/// Experiments that have ended among which a report finds its verdicts: the newest.
const REPORTED: i64 = 50;

fn text(kind: &'static str, body: &impl askama::Template) -> Result<Response> {
    show(StatusCode::OK, kind, Elsewhere::Picture, body)
}

async fn work(state: &AppState, slug: &str) -> Result<Work> {
    works::find(&state.pool, slug)
        .await?
        .ok_or_else(|| Error::missing("work called", slug))
}

async fn verdict(state: &AppState, id: ExperimentId) -> Result<Citation> {
    let experiment = experiments::find(&state.pool, id, None)
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    let url = state.settings.address(&format!("/experiments/{id}"));
    let work = work(state, &experiment.work_slug).await?;
    Citation::of_verdict(&experiment, work, url).ok_or_else(|| {
        Error::NotFound(format!(
            "Experiment {id} has no verdict yet, so there is nothing to cite."
        ))
    })
}

/// The verdict on an experiment as BibTeX.
pub async fn verdict_bib(
    State(state): State<AppState>,
    Path(id): Path<ExperimentId>,
) -> Result<Response> {
    text(BIBTEX, &BibTex(verdict(&state, id).await?))
}

/// The verdict on an experiment as CFF.
pub async fn verdict_cff(
    State(state): State<AppState>,
    Path(id): Path<ExperimentId>,
) -> Result<Response> {
    text(CFF, &Cff(verdict(&state, id).await?))
}

async fn find(state: &AppState, id: ClaimId) -> Result<(Claim, Work, String)> {
    let claim = claims::find(&state.pool, id)
        .await?
        .ok_or_else(|| Error::missing("claim", id))?;
    let work = work(state, &claim.work_slug).await?;
    let url = state.settings.address(&format!("/claims/{id}"));
    Ok((claim, work, url))
}

async fn claim(state: &AppState, id: ClaimId) -> Result<Citation> {
    let (claim, work, url) = find(state, id).await?;
    Ok(Citation::of_claim(&claim, work, url, Utc::now()))
}

/// A claim as BibTeX.
pub async fn claim_bib(State(state): State<AppState>, Path(id): Path<ClaimId>) -> Result<Response> {
    text(BIBTEX, &BibTex(claim(&state, id).await?))
}

/// A claim as CFF.
pub async fn claim_cff(State(state): State<AppState>, Path(id): Path<ClaimId>) -> Result<Response> {
    text(CFF, &Cff(claim(&state, id).await?))
}

async fn report(state: &AppState, id: ClaimId) -> Result<report::Report> {
    let (claim, work, url) = find(state, id).await?;
    let concluded = Filter {
        claim: Some(id),
        state: Some("concluded".to_owned()),
        ..Filter::default()
    };
    let newest = listed::page(&state.pool, &concluded, Sort::Newest, None, REPORTED).await?;
    Ok(report::Report::new(
        claim,
        work,
        experiments::all_of(&state.pool, &newest.ids).await?,
        url,
        state.settings.address("/"),
        state.noted.head().map(|head| head.to_string()),
        Utc::now(),
    ))
}

/// A claim with its verdicts as Markdown.
pub async fn report_md(State(state): State<AppState>, Path(id): Path<ClaimId>) -> Result<Response> {
    text(MARKDOWN, &report::Markdown(report(&state, id).await?))
}

/// A claim with its verdicts as a LaTeX document.
pub async fn report_tex(
    State(state): State<AppState>,
    Path(id): Path<ClaimId>,
) -> Result<Response> {
    text(TEX, &report::Tex(report(&state, id).await?))
}
