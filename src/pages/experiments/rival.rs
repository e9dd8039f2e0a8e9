//! On an experiment's page: the rival claim that its runs test, too, and what each outcome means for each of the two.

use super::show::page_with;
use crate::{
    db::{
        claims,
        experiments::{self, Experiment},
        rivals,
    },
    error::{Error, Result},
    extract::{Form, Member, Path, Visit},
    pages::{Cache, see_other, with_status},
    render::form::FormErrors,
    rival,
    state::AppState,
};
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::{ClaimId, ExperimentId};
use breakmywork_protocol::spec::{Criterion, Spec};
use serde::Deserialize;

/// One of the two claims, and what is asked of it.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) claim: ClaimId,
    pub(super) label: String,
    pub(super) sentence: String,
    pub(super) criterion: Criterion,
    /// The experiment that has its verdict, once it is registered.
    pub(super) experiment: Option<ExperimentId>,
    /// That verdict in a word.
    pub(super) outcome: Option<String>,
}

/// The part of the page.
#[derive(Debug, Default)]
pub(super) struct Rival {
    /// Both claims, that of this page first; none if it tests one.
    pub(super) sides: Vec<Side>,
    /// Agreed rivals of a proposal's claim, to choose one, and whether it is chosen.
    pub(super) choices: Vec<(rivals::Rival, bool)>,
    /// Why the rival that a proposal names cannot be tested by it any more.
    pub(super) against: Option<String>,
}

fn side(experiment: &Experiment, criterion: Criterion) -> Side {
    Side {
        claim: experiment.claim,
        label: experiment.claim_label.clone(),
        sentence: experiment.claim_sentence.clone(),
        criterion,
        experiment: experiment.registered_at.map(|_| experiment.id),
        outcome: experiment.outcome.clone(),
    }
}

/// Reads it.
pub(super) async fn section(
    state: &AppState,
    experiment: &Experiment,
    spec: &Spec,
) -> Result<Rival> {
    let mut section = Rival::default();
    let Some(criterion) = spec.criterion.clone() else {
        return Ok(section);
    };
    if let Some(other) = experiment.rival_test.or(experiment.shares_runs_of) {
        let other = experiments::find(&state.pool, other, None)
            .await?
            .ok_or_else(|| Error::missing("experiment", other))?;
        let theirs = other.parsed().ok().and_then(|spec| spec.criterion);
        section.sides.push(side(experiment, criterion));
        section
            .sides
            .extend(theirs.map(|criterion| side(&other, criterion)));
        return Ok(section);
    }
    if experiment.state != "proposed" || experiment.closed {
        return Ok(section);
    }
    let all = rivals::of_claim(&state.pool, experiment.claim).await?;
    section.choices = (all.into_iter())
        .filter(|rival| rival.agreed_at.is_some())
        .map(|rival| {
            let is_chosen = experiment.rival == Some(rival.id);
            (rival, is_chosen)
        })
        .collect();
    let Some(id) = experiment.rival else {
        return Ok(section);
    };
    let mut db = state.pool.acquire().await?;
    let claim = claims::find(&mut *db, id)
        .await?
        .ok_or_else(|| Error::missing("claim", id))?;
    match rival::check(&mut db, experiment.claim, id, spec).await? {
        Ok(theirs) => {
            section.sides.push(side(experiment, criterion));
            section.sides.extend(theirs.criterion.map(|criterion| Side {
                claim: id,
                label: claim.label,
                sentence: claim.sentence,
                criterion,
                experiment: None,
                outcome: None,
            }));
        }
        Err(problem) => section.against = Some(problem.detail),
    }
    Ok(section)
}

/// Which rival is chosen; nothing for none.
#[derive(Debug, Default, Deserialize)]
pub struct Chosen {
    #[serde(default)]
    rival: String,
}

/// Lets a proposal test a rival, too.
pub async fn choose(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(id): Path<ExperimentId>,
    Form(chosen): Form<Chosen>,
) -> Result<Response> {
    let rival = match chosen.rival.trim() {
        "" => None,
        number => Some(ClaimId(number.parse().map_err(|_| {
            Error::BadRequest("Choose one of the rivals that are listed.".into())
        })?)),
    };
    let mut tx = state.pool.begin().await?;
    match rival::choose(&mut tx, id, viewer.id, rival).await {
        Ok(()) => {
            tx.commit().await?;
            Ok(see_other(&format!("/experiments/{id}#rival")))
        }
        Err(Error::Invalid(problems)) => {
            tx.rollback().await?;
            let mut errors = FormErrors::new();
            for problem in problems {
                errors.add("rival-claim", problem.detail);
            }
            let page = page_with(&state, visit, id, errors).await?;
            with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never)
        }
        Err(error) => Err(error),
    }
}
