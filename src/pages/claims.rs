//! A claim: its sentence, how it stands, every attempt to break it, and the discussion.

use super::{
    Cache,
    follow::Follow,
    narrow,
    picture::{self, ArmPicture},
    see_other, show,
    thread::{self, Thread},
};
use crate::{
    acceptance,
    board::{self, Writer},
    db::{
        acceptance::{self as answers, Waiting},
        claims::{self, Claim, Standing},
        experiments, front, lineage as revisions,
        listed::{self, Listed},
        points,
        rivals::{self, Rival},
    },
    error::{Error, Result},
    extract::{Form, Moderator, Path, Query, Visit},
    lineage::{self, Resorted},
    link_picture::Words,
    render::{
        badge,
        chart::forest::{self, Effect},
        filters,
        html::Html,
        number, verdict_words,
    },
    rival::Who,
    scope_map::{self, Map},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::{
    id::{ClaimId, ExperimentId},
    scope::{Field, Predicts},
    spec::Spec,
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::PgPool;

/// Experiments shown on the page; all are in the list of experiments.
const SHOWN: i64 = 30;

/// Most arms that are drawn side by side here.
const DRAWN: usize = 3;

/// Experiments that a square of the map names of each kind.
const NAMED: usize = 3;

/// Effects on the map of the claim, the newest.
const MAPPED: usize = 30;

/// Proposals that wait for an answer, on the page.
const WAITING: i64 = 20;
/// Experiments on the earlier claim that are sorted here; REST has the rest.
const RESORTED: i64 = 1_000;

/// Over which fields the map is drawn.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Sides {
    x: Option<Field>,
    y: Option<Field>,
}

/// What would falsify the claim: the criterion of an experiment whose verdict moves it.
#[derive(Debug)]
struct Falsifier {
    experiment: ExperimentId,
    /// When it was fixed.
    fixed_at: DateTime<Utc>,
    words: String,
}

#[derive(Debug, Template)]
#[template(path = "claim.html")]
struct ClaimPage {
    visit: Visit,
    claim: Claim,
    /// What it narrows, the nearest first.
    earlier: Vec<Claim>,
    later: Vec<Claim>,
    /// What it made of the experiments on the claim that it narrows.
    resorted: Vec<Resorted>,
    rivals: Vec<Rival>,
    /// Proposals that wait for the answer of who looks, the claim's author.
    waiting: Vec<Waiting>,
    open: Vec<Listed>,
    experiments: Vec<Listed>,
    falsifier: Option<Falsifier>,
    /// The effects of its experiments, drawn.
    forest: Option<Html>,
    drawn: Option<ExperimentId>,
    arms: Vec<ArmPicture>,
    map: Option<Map>,
    thread: Thread,
    follow: Follow,
    /// Its full address.
    url: String,
}

impl ClaimPage {
    /// What the picture for links to it says.
    fn alt(&self) -> String {
        Words::of_claim(&self.claim, String::new()).alt()
    }

    /// The nearest claim of its line that a falsification moved.
    fn fell(&self) -> Option<&Claim> {
        let mut line = self.earlier.iter();
        line.find(|claim| matches!(claim.standing(), Standing::Falsified | Standing::Challenged))
    }

    /// The wider claim that this one fell with.
    fn fell_with(&self) -> Option<&Claim> {
        let mut line = self.earlier.iter();
        line.find(|wider| self.claim.fell_with == Some(wider.id))
    }

    /// The claim on which experiments are proposed again.
    fn reruns(&self) -> Option<ClaimId> {
        Some(self.claim.id)
    }

    /// Whether who looks may edit it.
    fn may_edit(&self) -> bool {
        self.visit
            .viewer
            .as_ref()
            .is_some_and(|viewer| board::may_edit_claim(&self.claim, Writer::from(viewer)).is_ok())
    }

    /// Whether who looks may narrow it.
    fn may_narrow(&self) -> bool {
        self.claim.is_shown()
            && self.visit.viewer.as_ref().is_some_and(|viewer| {
                lineage::may_narrow(&self.claim, &viewer.name, viewer.role.is_moderator()).is_ok()
            })
    }

    /// Whether its denial says that an arm is no worse.
    fn denies_better(&self) -> bool {
        let covers = self.claim.covers.0.get();
        covers.is_none_or(|covers| covers.predicts == Predicts::Better)
    }

    /// Whether who looks speaks for the claim: its author, and moderators.
    fn speaks(&self) -> bool {
        self.visit.viewer.as_ref().is_some_and(|viewer| {
            let who = Who {
                id: viewer.id,
                is_moderator: viewer.role.is_moderator(),
            };
            who.speaks_for(&self.claim)
        })
    }

    /// What a square of the map says of the experiments there: a badge for each kind, the newest of them by number.
    fn found<'a>(
        &self,
        square: &'a scope_map::Square,
    ) -> Vec<(badge::Badge, &'a [ExperimentId], usize)> {
        let kinds = [
            (badge::outcome("falsified"), &square.falsified),
            (badge::outcome("supported"), &square.supported),
            (badge::outcome("inconclusive"), &square.inconclusive),
            (badge::under_way(), &square.under_way),
            (badge::aside(), &square.aside),
        ];
        let named = |ids: &'a Vec<ExperimentId>| &ids[..ids.len().min(NAMED)];
        kinds
            .into_iter()
            .filter(|(_, ids)| !ids.is_empty())
            .map(|(badge, ids)| (badge, named(ids), ids.len().saturating_sub(NAMED)))
            .collect()
    }
}

/// A claim's page.
pub async fn claim(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<ClaimId>,
    Query(from): Query<thread::From>,
    Query(sides): Query<Sides>,
) -> Result<Response> {
    let pool = &state.pool;
    let claim = claims::seen(pool, id, (&visit).into())
        .await?
        .ok_or_else(|| Error::missing("claim", id))?;
    let (earlier, resorted) = match claim.revises {
        Some(_) => (
            claims::ancestors(pool, id).await?,
            revisions::resorted(pool, id, ExperimentId(i64::MAX), RESORTED).await?,
        ),
        None => Default::default(),
    };
    let waiting = match &visit.viewer {
        Some(viewer) if claim.answering_id == Some(viewer.id) => {
            let newest = ExperimentId(i64::MAX);
            answers::waiting(pool, viewer.id, Some(id), newest, WAITING).await?
        }
        _ => Vec::new(),
    };
    let ids = listed::of_claim(pool, id, SHOWN).await?;
    let experiments = listed::rows(pool, &ids).await?;
    let open = experiments
        .iter()
        .filter(|experiment| experiment.is_under_way() && !experiment.closed)
        .cloned()
        .collect();
    // What is on record and moves the claim says most plainly what would break it, and is drawn before what is only proposed.
    let frozen = front::frozen(pool, &[id]).await?.pop();
    let binding = frozen.and_then(|frozen| Some((Spec::from_stored(&frozen.spec).ok()?, frozen)));
    let falsifier = binding.as_ref().and_then(|(spec, frozen)| {
        Some(Falsifier {
            experiment: frozen.experiment,
            fixed_at: frozen.registered_at,
            words: spec.criterion.as_ref()?.falsifier(),
        })
    });
    let (drawn, spec) = match binding {
        Some((spec, frozen)) => (Some(frozen.experiment), Some(spec)),
        None => newest_open(pool, &experiments).await?.unzip(),
    };
    let few = spec.filter(|spec| spec.arms.len() <= DRAWN);
    let drawn = drawn.filter(|_| few.is_some());
    let arms = few
        .map(|spec| picture::arms(&spec, "arm"))
        .unwrap_or_default();
    let tried = points::newest(pool, id, scope_map::NEWEST).await?;
    let scope = claim.covers.0.get();
    let reader = visit.reader();
    let page = ClaimPage {
        follow: Follow::of_claim(pool, visit.reader(), id).await?,
        visit,
        map: scope.and_then(|scope| Map::new(&tried, scope, sides.x, sides.y)),
        earlier,
        resorted,
        waiting,
        rivals: rivals::of_claim(pool, id).await?,
        later: claims::revisions(pool, id).await?,
        open,
        forest: forest(&experiments),
        experiments,
        falsifier,
        drawn,
        arms,
        thread: thread::load(pool, claim.thread, from, reader).await?,
        url: state.settings.address(&format!("/claims/{id}")),
        claim,
    };
    show(&page, Cache::Fresh)
}

/// The newest of these experiments that everybody may see, registered ones before others, with its specification.
async fn newest_open(
    pool: &PgPool,
    experiments: &[Listed],
) -> Result<Option<(ExperimentId, Spec)>> {
    let open = |experiment: &&Listed| experiment.state != "withdrawn" && !experiment.closed;
    let registered = |experiment: &&Listed| open(experiment) && experiment.registered_at.is_some();
    let newest = experiments.iter().find(registered);
    let Some(newest) = newest.or_else(|| experiments.iter().find(open)) else {
        return Ok(None);
    };
    let whole = experiments::find(pool, newest.id, None).await?;
    Ok(whole.and_then(|whole| Some((whole.id, whole.parsed().ok()?))))
}

/// The newest effects that can be read, each in its own smallest effect of interest.
fn forest(experiments: &[Listed]) -> Option<Html> {
    let effect = |experiment: &Listed| {
        let margin = experiment.margin.filter(|margin| *margin > 0.0)?;
        Some(Effect {
            experiment: experiment.id.0,
            outcome: experiment.outcome.clone()?,
            effect: experiment.effect? / margin,
            interval: experiment
                .low
                .zip(experiment.high)
                .map(|(low, high)| [low / margin, high / margin]),
            aside: experiment.aside,
        })
    };
    let effects: Vec<Effect> = experiments.iter().filter_map(effect).take(MAPPED).collect();
    forest::svg(&effects)
}

/// Whose claim it is.
#[derive(Debug, Default, Deserialize)]
pub struct Author {
    #[serde(default)]
    author: String,
    #[serde(default)]
    reason: String,
}

/// A moderator names the author of a claim that no account put here.
pub async fn name_author(
    State(state): State<AppState>,
    Moderator(viewer): Moderator,
    Path(id): Path<ClaimId>,
    Form(named): Form<Author>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    acceptance::name_author(&mut tx, id, viewer.id, &named.author, &named.reason).await?;
    tx.commit().await?;
    tracing::info!(claim = %id, account = %viewer.id, "author of a claim named");
    Ok(see_other(&format!("/claims/{id}")))
}
