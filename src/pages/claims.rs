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
        experiments,
        listed::{self, Filter, Listed},
    },
    error::{Error, Result},
    extract::{Path, Query, Visit},
    render::{badge, filters, number},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::id::ClaimId;

/// Experiments shown on the page; all are in the list of experiments.
const SHOWN: i64 = 100;

/// Most arms that are drawn side by side here.
const DRAWN: usize = 3;

#[derive(Debug, Template)]
#[template(path = "claim.html")]
struct ClaimPage {
    visit: Visit,
    claim: Claim,
    earlier: Option<Claim>,
    later: Vec<Claim>,
    open: Vec<Listed>,
    experiments: Vec<Listed>,
    falsifier: Option<(Listed, String)>,
    drawn: Option<Listed>,
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
    let ids = listed::ids(pool, &filter, SHOWN).await?;
    let experiments = listed::rows(pool, &ids).await?;
    let open = experiments
        .iter()
        .filter(|experiment| experiment.is_under_way())
        .cloned()
        .collect();
    // What is on the record says most plainly what would break the claim, and is drawn before what is only proposed.
    let registered = experiments
        .iter()
        .find(|experiment| experiment.registered_at.is_some());
    let latest = registered.or_else(|| {
        let mut still = experiments.iter();
        still.find(|experiment| experiment.state != "withdrawn")
    });
    let spec = match latest {
        Some(latest) => experiments::find(pool, latest.id)
            .await?
            .and_then(|whole| whole.parsed().ok()),
        None => None,
    };
    let criterion = spec.as_ref().and_then(|spec| spec.criterion.as_ref());
    let falsifier = registered.zip(criterion);
    let falsifier = falsifier.map(|(latest, criterion)| (latest.clone(), criterion.falsifier()));
    let few = spec.filter(|spec| spec.arms.len() <= DRAWN);
    let drawn = latest.filter(|_| few.is_some()).cloned();
    let arms = few
        .map(|spec| picture::arms(&spec, "arm"))
        .unwrap_or_default();
    let page = ClaimPage {
        visit,
        earlier,
        later: claims::revisions(pool, id).await?,
        open,
        experiments,
        falsifier,
        drawn,
        arms,
        thread: thread::load(pool, claim.thread, from).await?,
        claim,
    };
    show(&page, Cache::Fresh)
}
