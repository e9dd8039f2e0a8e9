//! Forecasts on an experiment's page: the form, how they spread once the reader may know, what came of them.

use super::show::page_with;
use crate::{
    db::forecasts::{self, Given},
    error::{Error, Result},
    extract::{Form, Member, Path, Visit},
    forecast::{self, Percent, Seen, Stage},
    pages::{Cache, see_other, with_status},
    render::{chart, form::FormErrors, html::Html},
    state::AppState,
};
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::{AccountId, ExperimentId};
use serde::Deserialize;

/// Forecasts that the page lists by name; REST has the rest.
const LISTED: i64 = 100;

/// The part of the page.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) seen: Seen,
    /// How they spread; none before the reader may know, and without any.
    pub(super) chart: Option<Html>,
    /// Who forecast what, once it has ended.
    pub(super) given: Vec<Given>,
    /// What was typed and refused.
    pub(super) typed: String,
}

impl Section {
    /// Whether a forecast can be typed: then nothing redraws it.
    pub(super) fn has_form(&self) -> bool {
        self.seen.stage == Stage::Open && self.seen.own.is_none()
    }

    /// Whether there is anything to say.
    pub(super) fn is_there(&self) -> bool {
        match self.seen.stage {
            Stage::Open | Stage::Closed => true,
            // Nobody could forecast an experiment that had results at once: then nothing is missing.
            Stage::Ended => !self.given.is_empty(),
            Stage::Exploratory => self.seen.own.is_some(),
            Stage::Sealed | Stage::Hidden => false,
        }
    }
}

/// Reads it for whoever looks.
pub(super) async fn section(
    state: &AppState,
    id: ExperimentId,
    reader: Option<AccountId>,
) -> Result<Section> {
    let mut db = state.pool.acquire().await?;
    let seen = forecast::seen(&mut db, id, reader)
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    let given = match seen.stage {
        Stage::Ended => forecasts::given(&mut *db, id, 0, LISTED).await?,
        _ => Vec::new(),
    };
    let own = seen.own.map(|(percent, _)| percent);
    Ok(Section {
        chart: seen
            .crowd
            .as_ref()
            .map(|crowd| chart::forecasts::spread(crowd, own)),
        typed: String::new(),
        given,
        seen,
    })
}

/// What was typed.
#[derive(Debug, Default, Deserialize)]
pub struct Typed {
    #[serde(default)]
    percent: String,
    /// The last change of the proposal that was on the page.
    #[serde(default)]
    version: String,
}

/// Gives a forecast.
pub async fn give(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(id): Path<ExperimentId>,
    Form(typed): Form<Typed>,
) -> Result<Response> {
    let percent = match Percent::read(&typed.percent) {
        Ok(percent) => percent,
        Err(detail) => {
            let mut errors = FormErrors::new();
            errors.add("percent", detail);
            let mut page = page_with(&state, visit, id, errors).await?;
            page.keep_forecast(typed.percent);
            return with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never);
        }
    };
    let mut tx = state.pool.begin().await?;
    forecast::give(&mut tx, id, viewer.id, percent, typed.version.parse().ok()).await?;
    tx.commit().await?;
    tracing::info!(experiment = %id, account = %viewer.id, "forecast given");
    Ok(see_other(&format!("/experiments/{id}#forecast")))
}
