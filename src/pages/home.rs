//! The first page: what is claimed and whether it stands, what runs, what was found, how to break something.

use super::{
    Cache,
    experiments::pulse,
    picture::{self, ArmPicture},
    show,
};
use crate::{
    db::{
        claims::{self, Claim},
        experiments,
        forecasts::Surprise,
        front,
        listed::{self, Listed},
        queue,
        runs::{self, Run},
    },
    error::Result,
    extract::Visit,
    render::{badge, filters, html::Html, number, progress, verdict_words},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::{
    id::{ClaimId, ExperimentId},
    spec::Spec,
};
use std::sync::Arc;

/// Runs that are listed.
const RUNNING: i64 = 4;
/// Verdicts that are listed.
const VERDICTS: i64 = 5;
/// Claims that nobody has tried yet.
const UNTRIED: i64 = 3;

#[derive(Debug, Template)]
#[template(path = "home.html")]
struct Home {
    visit: Visit,
    arms: [ArmPicture; 2],
    claims: Vec<Claim>,
    /// What would break a claim, by the newest experiment that moves it.
    breakers: Vec<(ClaimId, ExperimentId, String)>,
    untried: Vec<Claim>,
    running: Vec<Run>,
    /// The curves of what runs longest.
    pulse: Option<(ExperimentId, Html)>,
    queued: i64,
    paused: Option<String>,
    verdicts: Vec<Listed>,
    surprises: Arc<[Surprise]>,
}

impl Home {
    /// What would break a claim: the experiment that says so, and its words.
    fn breaker(&self, claim: &ClaimId) -> Option<(&ExperimentId, &str)> {
        let mut breakers = self.breakers.iter();
        breakers
            .find(|(of, _, _)| of == claim)
            .map(|(_, experiment, words)| (experiment, words.as_str()))
    }
}

/// The first page.
pub async fn home(State(state): State<AppState>, visit: Visit) -> Result<Response> {
    let pool = &state.pool;
    let shown = state.front.claims(pool).await?;
    let running = runs::running(pool, RUNNING).await?;
    let longest = running.first().map(|run| run.experiment);
    // Those that stand above already are not named twice.
    let mut untried = claims::untried(pool, UNTRIED + shown.len() as i64).await?;
    untried.retain(|claim| !shown.contains(&claim.id));
    untried.truncate(UNTRIED as usize);
    let page = Home {
        visit,
        arms: picture::the_question(),
        claims: claims::these(pool, &shown).await?,
        breakers: breakers(&state, &shown).await?,
        untried,
        pulse: match longest {
            Some(id) => pulse_of(&state, id).await?,
            None => None,
        },
        running,
        queued: queue::load(pool).await?.queued,
        paused: queue::control(pool).await?.pause_reason,
        verdicts: listed::latest_verdicts(pool, VERDICTS).await?,
        surprises: state.surprises.all(),
    };
    show(&page, Cache::Fresh)
}

async fn breakers(
    state: &AppState,
    claims: &[ClaimId],
) -> Result<Vec<(ClaimId, ExperimentId, String)>> {
    let frozen = front::frozen(&state.pool, claims).await?;
    let words = frozen.into_iter().filter_map(|frozen| {
        let criterion = Spec::from_stored(&frozen.spec).ok()?.criterion?;
        Some((frozen.claim, frozen.experiment, criterion.falsifier()))
    });
    Ok(words.collect())
}

/// The curves of a running experiment that everybody may see.
async fn pulse_of(state: &AppState, id: ExperimentId) -> Result<Option<(ExperimentId, Html)>> {
    let experiment = experiments::find(&state.pool, id, None).await?;
    let visible = experiment.as_ref().and_then(|it| it.visible());
    if visible.is_none() {
        return Ok(None);
    }
    let page = state
        .front
        .pulse(id, pulse::draw(state.clone(), id))
        .await?;
    Ok(Some((id, Html::kept(page.to_string()))))
}
