//! The first page: what this is, what is running, what was found.

use super::{
    Cache,
    picture::{self, ArmPicture},
    show,
};
use crate::{
    db::{
        claims::{self, Claim},
        forecasts::Surprise,
        listed::{self, Listed},
        queue,
        runs::{self, Run},
    },
    error::Result,
    extract::Visit,
    render::{badge, filters, number, progress},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};
use std::sync::Arc;

#[derive(Debug, Template)]
#[template(path = "home.html")]
struct Home {
    visit: Visit,
    arms: [ArmPicture; 2],
    claims: Vec<Claim>,
    running: Vec<Run>,
    queued: i64,
    verdicts: Vec<Listed>,
    surprises: Arc<[Surprise]>,
}

/// The first page.
pub async fn home(State(state): State<AppState>, visit: Visit) -> Result<Response> {
    let pool = &state.pool;
    let page = Home {
        visit,
        arms: picture::the_question(),
        claims: claims::busiest(pool, 3).await?,
        running: runs::running(pool, 4).await?,
        queued: queue::load(pool).await?.queued,
        verdicts: listed::latest_verdicts(pool, 5).await?,
        surprises: state.surprises.all(),
    };
    show(&page, Cache::Fresh)
}
