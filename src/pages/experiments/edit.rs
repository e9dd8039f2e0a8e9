//! The form for proposing an experiment or editing a proposal: fields, and the TOML beside them.

mod cards;
mod controls;
mod lists;
mod placed;
mod words;

use super::compose::{Composition, FORM, Located};
use crate::{
    auth::session::Viewer,
    db::{
        claims::{self, Choice, Claim},
        experiments::{self, Draft, Experiment},
    },
    error::{Error, FieldProblem, Result},
    extract::{Form, Member, Path, Query, Visit},
    pages::{
        Cache, draft_stored,
        picture::{self, ArmPicture},
        see_other, show, with_status,
    },
    proposal::{self, New, Proposal, Source},
    render::{
        filters,
        form::FormErrors,
        number,
        power_words::{self, PowerWords},
    },
    seed::TEMPLATES,
    state::AppState,
    turn,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::{
    id::{AccountId, ClaimId, ExperimentId},
    jobs,
    spec::{flops, limits},
};
use cards::Cards;
use placed::At;
use serde::Deserialize;
use words::Words;

/// Where the form for a new proposal is.
const NEW: &str = "/experiments/new";

/// Claims to choose from; every claim's page has a link to this form.
const CHOICES: i64 = 100;

/// Where the form starts from.
#[derive(Debug, Default, Deserialize)]
pub struct Start {
    claim: Option<ClaimId>,
    template: Option<String>,
    amends: Option<ExperimentId>,
    /// The experiment whose specification it starts from, on this claim.
    like: Option<ExperimentId>,
}

impl Start {
    /// What its draft is kept under, after the form's address.
    fn name(&self) -> String {
        let named = |name: &str, what: Option<String>| Some(format!("{name}={}", what?));
        let parts = [
            named("claim", self.claim.map(|id| id.to_string())),
            named("template", self.template.clone()),
            named("like", self.like.map(|id| id.to_string())),
            named("amends", self.amends.map(|id| id.to_string())),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        match parts.is_empty() {
            true => String::new(),
            false => format!("?{}", parts.join("&")),
        }
    }
}

/// A proposal as another tab or browser left it meanwhile.
#[derive(Debug)]
struct Meanwhile {
    experiment: Experiment,
    toml: String,
}

#[derive(Debug, Template)]
#[template(path = "experiment_edit.html")]
struct EditPage {
    visit: Visit,
    /// The proposal that is edited; none for a new one.
    editing: Option<ExperimentId>,
    claims: Vec<Choice>,
    words: Words,
    made: Composition,
    errors: FormErrors,
    /// Set if the proposal changed while this was typed.
    meanwhile: Option<Meanwhile>,
    arms: Vec<ArmPicture>,
    reading: Option<(String, String)>,
    cost: Option<String>,
    /// When its runs would begin, registered now.
    turn: Option<String>,
    /// What it can find, by the noise of earlier pairs.
    power: Option<PowerWords>,
    /// What it may start from; nothing once it has begun.
    templates: Cards,
    /// Whether this is the form as it starts, so that a kept draft may be offered.
    fresh: bool,
}

impl EditPage {
    async fn new(
        state: &AppState,
        visit: Visit,
        editing: Option<ExperimentId>,
        words: Words,
        made: Composition,
        mut errors: FormErrors,
    ) -> Result<Self> {
        for problem in &made.problems {
            errors.add(&problem.field, described(problem));
        }
        if made.more > 0 {
            errors.add("toml", format!("and {} more", made.more));
        }
        let spec = made.spec.as_ref();
        let board = state.pace.board();
        let (turn, power) = match (&visit.viewer, spec) {
            (Some(viewer), Some(spec)) => (
                Some(turn::words(&state.pool, &board, viewer.id).await?),
                jobs::power(&state.pool, spec, viewer.id).await?,
            ),
            _ => (None, None),
        };
        let chosen = words.claim.parse().ok();
        Ok(Self {
            claims: claims::choices(&state.pool, chosen, CHOICES).await?,
            arms: spec
                .map(|spec| picture::arms(spec, "arm"))
                .unwrap_or_default(),
            reading: spec
                .and_then(|spec| spec.criterion.as_ref())
                .map(|criterion| (criterion.reading(), criterion.falsifier())),
            cost: spec.map(|spec| {
                let operations = number::flops(flops(spec));
                format!("{} and {operations}", cards::cost(spec, &board))
            }),
            turn,
            power: spec.and_then(|spec| power_words::of(spec, power.as_ref())),
            templates: Cards::default(),
            visit,
            editing,
            words,
            made,
            errors,
            meanwhile: None,
            fresh: false,
        })
    }

    fn action(&self) -> String {
        address(self.editing)
    }

    /// What its draft is kept under in the browser.
    fn draft(&self) -> String {
        match self.editing {
            Some(_) => self.action(),
            None => draft_of(&self.words),
        }
    }

    fn is_claim(&self, claim: &Choice) -> bool {
        self.words.claim == claim.id.to_string()
    }
}

/// Where the form is posted to.
fn address(editing: Option<ExperimentId>) -> String {
    editing.map_or_else(|| NEW.to_owned(), |id| format!("/experiments/{id}/edit"))
}

/// What the draft of a new proposal is kept under.
fn draft_of(words: &Words) -> String {
    format!("{NEW}{}", words.start)
}

fn described(problem: &Located) -> String {
    if problem.path.is_empty() {
        problem.detail.clone()
    } else {
        format!("{} {}", problem.path, problem.detail)
    }
}

/// The form for a new experiment.
pub async fn new(
    State(state): State<AppState>,
    visit: Visit,
    _: Member,
    Query(start): Query<Start>,
    Query(at): Query<At>,
) -> Result<Response> {
    let mut words = Words::default();
    let chosen = match start.claim {
        Some(id) => claims::find(&state.pool, id).await?,
        None => None,
    };
    let template = match &start.template {
        Some(name) => TEMPLATES
            .iter()
            .find(|template| template.name == name)
            .ok_or_else(|| Error::missing("template called", name))?,
        None => TEMPLATES
            .iter()
            .find(|template| {
                let is_its = |claim: &Claim| template.tests(&claim.work_slug, &claim.label);
                chosen.as_ref().is_some_and(is_its)
            })
            .unwrap_or(&TEMPLATES[0]),
    };
    let claim = match start.claim {
        Some(id) => Some(id),
        None => claims::labelled(&state.pool, template.work, template.claim).await?,
    };
    words.claim = claim.map(|claim| claim.to_string()).unwrap_or_default();
    let mut toml = template.toml.to_owned();
    if let Some(id) = start.like {
        let like = found(&state, id, None).await?;
        if like.visible().is_some() && at.is_nowhere() {
            words.varies = id.to_string();
        }
        let scope = match claim {
            Some(id) => claims::find(&state.pool, id).await?,
            None => None,
        };
        let scope = scope.as_ref().and_then(|claim| claim.covers.0.get());
        // One that cannot be read any more is no start; the template is.
        if let Ok(spec) = like.parsed() {
            toml = at.place(spec, scope);
        }
    }
    if let Some(id) = start.amends {
        let earlier = found(&state, id, None).await?;
        toml = experiments::source(&state.pool, earlier.seen()?).await?;
        words = Words::of(&earlier).amending(&earlier);
    }
    words.start = start.name();
    let made = Composition::of_toml(toml, state.pace.board()).await?;
    let mut page = EditPage::new(&state, visit, None, words, made, FormErrors::new()).await?;
    page.fresh = true;
    if start.amends.is_none() && start.like.is_none() {
        let its_claim = match claim {
            Some(id) => claims::find(&state.pool, id).await?,
            None => None,
        };
        let board = state.pace.board();
        page.templates = Cards::new(its_claim.as_ref(), Some(template.name), &board);
    }
    show(&page, Cache::Fresh)
}

/// Takes the form for a new experiment.
pub async fn propose(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Form(posted): Form<Vec<(String, String)>>,
) -> Result<Response> {
    let (posted, made) = Composition::of_form(posted, state.pace.board()).await?;
    let words = Words::from_form(&posted);
    if posted.action() != "save" || made.conflict {
        return again(&state, visit, None, words, made).await;
    }
    let mut errors = FormErrors::new();
    let claim = match words.claim.parse::<ClaimId>() {
        Ok(id) => claims::find(&state.pool, id).await?.map(|claim| claim.id),
        Err(_) => None,
    };
    if claim.is_none() {
        errors.add("claim", "Choose the claim that this experiment tests.");
    }
    let amends = words.amended(&state, &mut errors).await?;
    let draft = checked(&words, &made, None, &mut errors);
    let (Some(claim), Some(draft), true) = (claim, draft, errors.is_empty()) else {
        return refused(&state, visit, None, words, made, errors).await;
    };
    let mut tx = state.pool.begin().await?;
    let new = New {
        claim,
        author: viewer.id,
        draft: &draft,
        amends: amends.as_ref(),
    };
    let id = proposal::propose_once(&mut tx, new).await?;
    if let Some(origin) = words.varies() {
        proposal::vary(&mut tx, id, origin).await?;
    }
    tx.commit().await?;
    tracing::info!(experiment = %id, account = %viewer.id, "proposed");
    Ok(draft_stored(
        see_other(&format!("/experiments/{id}")),
        &draft_of(&words),
    ))
}

/// The form for editing a proposal.
pub async fn edit(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(id): Path<ExperimentId>,
) -> Result<Response> {
    let experiment = own(&state, &viewer, id).await?;
    if experiment.state != "proposed" {
        return Err(Error::Conflict(format!(
            "This experiment is {}; only a proposal can be edited. Amend it instead: a new experiment that names this one.",
            experiment.state
        )));
    }
    proposal::not_hidden(&experiment)?;
    let words = Words::of(&experiment).sealed_as(&experiment);
    let toml = experiments::source(&state.pool, experiment.seen()?).await?;
    let made = Composition::of_toml(toml, state.pace.board()).await?;
    let mut page = EditPage::new(&state, visit, Some(id), words, made, FormErrors::new()).await?;
    page.fresh = true;
    show(&page, Cache::Never)
}

/// Takes the form for editing a proposal.
pub async fn save(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(id): Path<ExperimentId>,
    Form(posted): Form<Vec<(String, String)>>,
) -> Result<Response> {
    let (posted, made) = Composition::of_form(posted, state.pace.board()).await?;
    let stored = own(&state, &viewer, id).await?;
    let words = Words::from_form(&posted).sealed_as(&stored);
    if !stored.can_change() {
        return too_late(&state, visit, stored, words, made).await;
    }
    if posted.action() != "save" || made.conflict {
        return again(&state, visit, Some(id), words, made).await;
    }
    let mut errors = FormErrors::new();
    let draft = checked(&words, &made, own_title(&stored, &made), &mut errors);
    let (Some(draft), true) = (draft, errors.is_empty()) else {
        return refused(&state, visit, Some(id), words, made, errors).await;
    };
    let mut tx = state.pool.begin().await?;
    if experiments::update(&mut tx, id, viewer.id, words.version(), &draft).await? {
        tx.commit().await?;
        let form = address(Some(id));
        return Ok(draft_stored(
            see_other(&format!("/experiments/{id}")),
            &form,
        ));
    }
    tx.rollback().await?;
    let stored = own(&state, &viewer, id).await?;
    if !stored.can_change() {
        return too_late(&state, visit, stored, words, made).await;
    }
    changed_meanwhile(&state, visit, stored, words, made).await
}

/// Goes on with a form that was sent after the session had ended: it is shown as it was typed.
///
/// # Errors
/// If the proposal is not this person's, or the database is away.
pub async fn go_on(
    state: &AppState,
    viewer: &Viewer,
    visit: Visit,
    editing: Option<ExperimentId>,
    mut posted: Vec<(String, String)>,
) -> Result<Response> {
    posted.push(("action".to_owned(), "keep".to_owned()));
    let (posted, made) = Composition::of_form(posted, state.pace.board()).await?;
    let words = Words::from_form(&posted);
    if let Some(id) = editing {
        let stored = own(state, viewer, id).await?;
        if !stored.can_change() {
            return too_late(state, visit, stored, words, made).await;
        }
    }
    again(state, visit, editing, words, made).await
}

async fn found(
    state: &AppState,
    id: ExperimentId,
    reader: Option<AccountId>,
) -> Result<Experiment> {
    experiments::find(&state.pool, id, reader)
        .await?
        .ok_or_else(|| Error::missing("experiment", id))
}

async fn own(state: &AppState, viewer: &Viewer, id: ExperimentId) -> Result<Experiment> {
    let experiment = found(state, id, Some(viewer.id)).await?;
    if experiment.author_id != viewer.id {
        return Err(Error::Forbidden(
            "Only its author can edit an experiment.".to_owned(),
        ));
    }
    Ok(experiment)
}

/// A title of its own, given beside the specification over REST, which lasts as long as the specification's stays.
fn own_title(stored: &Experiment, made: &Composition) -> Option<String> {
    let before = stored.spec.get("title")?.as_str()?;
    let same = made.spec.as_ref().is_some_and(|spec| spec.title == before);
    (same && stored.title != before).then(|| stored.title.clone())
}

/// What was typed, when the proposal can no longer change: it can become a new one.
async fn too_late(
    state: &AppState,
    visit: Visit,
    stored: Experiment,
    mut words: Words,
    made: Composition,
) -> Result<Response> {
    let mut errors = FormErrors::new();
    let words = if stored.registered_at.is_some() {
        errors.add(
            "amend_reason",
            format!(
                "Experiment {} is {} and cannot change any more. What you typed is kept below: say why, and propose it as an amendment.",
                stored.id, stored.state
            ),
        );
        words.amending(&stored)
    } else {
        let became = match stored.hidden_at {
            Some(_) => "hidden by a moderator",
            None => stored.state.as_str(),
        };
        errors.add(
            "claim",
            format!(
                "Experiment {} was {became} meanwhile. What you typed is kept below: you can propose it anew.",
                stored.id
            ),
        );
        words.claim = stored.claim.to_string();
        words
    };
    let page = EditPage::new(state, visit, None, words, made, errors).await?;
    with_status(StatusCode::CONFLICT, &page, Cache::Never)
}

/// What was typed beside what another tab saved meanwhile: which one holds is the author's choice.
async fn changed_meanwhile(
    state: &AppState,
    visit: Visit,
    stored: Experiment,
    words: Words,
    made: Composition,
) -> Result<Response> {
    let words = words.at(&stored);
    let toml = experiments::source(&state.pool, stored.seen()?).await?;
    let id = Some(stored.id);
    let mut page = EditPage::new(state, visit, id, words, made, FormErrors::new()).await?;
    page.meanwhile = Some(Meanwhile {
        experiment: stored,
        toml,
    });
    with_status(StatusCode::CONFLICT, &page, Cache::Never)
}

/// Checks everything; what is wrong with the specification is in the composition already.
fn checked(
    words: &Words,
    made: &Composition,
    title: Option<String>,
    errors: &mut FormErrors,
) -> Option<Draft> {
    let proposal = Proposal {
        title,
        prediction: Some(words.prediction.clone()),
        rationale: words.rationale.clone(),
        seal_days: words.seal_days(),
        spec: Source::Read {
            toml: made.toml.clone(),
            spec: made.spec.clone().map(Box::new),
        },
    };
    match proposal::check(&proposal) {
        Ok(draft) => Some(draft),
        Err(problems) => {
            for FieldProblem { pointer, detail } in problems {
                match pointer.as_str() {
                    "/prediction" => errors.add("prediction", format!("The prediction {detail}")),
                    "/rationale" => errors.add("rationale", format!("The reason {detail}")),
                    "/title" => errors.add("title", format!("The title {detail}")),
                    "/seal_days" => errors.add("seal_days", detail),
                    _ => {}
                }
            }
            None
        }
    }
}

async fn again(
    state: &AppState,
    visit: Visit,
    editing: Option<ExperimentId>,
    words: Words,
    made: Composition,
) -> Result<Response> {
    let page = EditPage::new(state, visit, editing, words, made, FormErrors::new()).await?;
    show(&page, Cache::Never)
}

async fn refused(
    state: &AppState,
    visit: Visit,
    editing: Option<ExperimentId>,
    words: Words,
    made: Composition,
    errors: FormErrors,
) -> Result<Response> {
    let page = EditPage::new(state, visit, editing, words, made, errors).await?;
    with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never)
}
