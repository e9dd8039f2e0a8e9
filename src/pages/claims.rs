//! A claim: its sentence, how it stands, every attempt to break it, and the discussion.

use super::{
    Cache,
    picture::{self, ArmPicture},
    show,
    thread::{self, Thread},
};
use crate::{
    db::{
        claims::{self, Claim},
        experiments::{self, Experiment, Filter},
    },
    error::{Error, Result},
    extract::{Path, Visit},
    render::{badge, filters, number},
    state::AppState,
};
use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use breakmywork_protocol::id::ClaimId;

/// Experiments shown on the page; all are in the list of experiments.
const SHOWN: i64 = 100;

#[derive(Debug, Template)]
#[template(path = "claim.html")]
struct ClaimPage {
    visit: Visit,
    claim: Claim,
    earlier: Option<Claim>,
    later: Vec<Claim>,
    open: Vec<Experiment>,
    experiments: Vec<Experiment>,
    falsifier: Option<(Experiment, String)>,
    drawn: Option<Experiment>,
    arms: Vec<ArmPicture>,
    thread: Thread,
}

/// A claim's page.
pub async fn claim(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<ClaimId>,
    Query(from): Query<thread::From>,
) -> Result<Response> {
    let pool = &state.pool;
    let claim = claims::find(pool, id)
        .await?
        .ok_or_else(|| Error::missing("claim", id))?;
    let earlier = match claim.revises {
        Some(earlier) => claims::find(pool, earlier).await?,
        None => None,
    };
    let filter = Filter {
        claim: Some(id),
        ..Filter::default()
    };
    let experiments = experiments::list(pool, &filter, SHOWN).await?;
    let open = experiments
        .iter()
        .filter(|experiment| {
            ["registered", "running", "stalled"].contains(&experiment.state.as_str())
        })
        .cloned()
        .collect();
    // The frozen criterion that says most plainly what would break the claim: the latest registered one.
    let falsifier = experiments
        .iter()
        .filter(|experiment| experiment.registered_at.is_some())
        .find_map(|experiment| {
            let falsifier = experiment.parsed().ok()?.criterion?.falsifier();
            Some((experiment.clone(), falsifier))
        });
    // What is on the record is drawn before what is only proposed.
    let (frozen, proposed): (Vec<_>, Vec<_>) = experiments
        .iter()
        .filter(|experiment| experiment.state != "withdrawn")
        .partition(|experiment| experiment.registered_at.is_some());
    let drawn = frozen
        .into_iter()
        .chain(proposed)
        .find_map(|experiment| Some((experiment.clone(), experiment.parsed().ok()?)))
        .filter(|(_, spec)| spec.arms.len() <= 3);
    let arms = drawn
        .as_ref()
        .map(|(_, spec)| picture::arms(spec, "arm"))
        .unwrap_or_default();
    let page = ClaimPage {
        visit,
        earlier,
        later: claims::revisions(pool, id).await?,
        open,
        experiments,
        falsifier,
        drawn: drawn.map(|(experiment, _)| experiment),
        arms,
        thread: thread::load(pool, claim.thread, from).await?,
        claim,
    };
    show(&page, Cache::Fresh)
}
