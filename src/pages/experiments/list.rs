//! All experiments, newest first.

use crate::{
    db::{
        experiments::STATES,
        listed::{self, Filter, Forecasts, Listed},
    },
    error::Result,
    extract::{Query, Visit},
    pages::{Cache, show},
    render::{badge, filters, number},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::id::{ClaimId, ExperimentId};
use serde::Deserialize;

/// Experiments on one page.
const SHOWN: i64 = 50;

/// A view of the list; each is a link.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct View {
    claim: Option<ClaimId>,
    author: Option<String>,
    state: Option<String>,
    forecasts: Option<Forecasts>,
    before: Option<ExperimentId>,
}

#[derive(Debug, Template)]
#[template(path = "experiments.html")]
struct Experiments {
    visit: Visit,
    view: View,
    states: [&'static str; STATES.len()],
    experiments: Vec<Listed>,
    before: Option<ExperimentId>,
}

impl Experiments {
    /// Address of this view in another state, from another place, or of what takes forecasts alone.
    fn view(&self, state: Option<&str>, before: Option<&ExperimentId>, forecasts: bool) -> String {
        let mut parts = Vec::new();
        if let Some(claim) = self.view.claim {
            parts.push(format!("claim={claim}"));
        }
        if let Some(author) = &self.view.author {
            parts.push(format!("author={}", crate::render::url::component(author)));
        }
        if let Some(state) = state {
            parts.push(format!("state={}", crate::render::url::component(state)));
        }
        if forecasts {
            parts.push("forecasts=open".to_owned());
        }
        if let Some(before) = before {
            parts.push(format!("before={before}"));
        }
        if parts.is_empty() {
            return "/experiments".to_owned();
        }
        format!("/experiments?{}", parts.join("&"))
    }

    /// Whether only what takes forecasts is listed.
    fn takes_forecasts(&self) -> bool {
        self.view.forecasts.is_some()
    }

    fn is_state(&self, state: &str) -> bool {
        self.view.state.as_deref() == Some(state)
    }
}

/// The list.
pub async fn list(
    State(state): State<AppState>,
    visit: Visit,
    Query(view): Query<View>,
) -> Result<Response> {
    let filter = Filter {
        claim: view.claim,
        author: view.author.clone(),
        state: view.state.clone(),
        takes_forecasts: view.forecasts.is_some(),
        before: view.before,
    };
    let mut ids = listed::ids(&state.pool, &filter, SHOWN + 1).await?;
    let more = ids.len() as i64 > SHOWN;
    ids.truncate(SHOWN as usize);
    let experiments = listed::rows(&state.pool, &ids).await?;
    let before = ids.last().filter(|_| more).copied();
    let page = Experiments {
        visit,
        view,
        states: STATES,
        experiments,
        before,
    };
    show(&page, Cache::Fresh)
}
