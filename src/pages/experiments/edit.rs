//! The form for proposing an experiment or editing a proposal: fields, and the TOML beside them.

mod controls;
mod defaults;

use super::compose::{self, Composition, Located};
use crate::{
    db::{
        claims::{self, Claim},
        experiments::{self, Draft, Experiment, Filter},
    },
    error::{Error, FieldProblem, Result},
    extract::{Form, Member, Path, Visit},
    pages::{
        Cache,
        picture::{self, ArmPicture},
        see_other, show, with_status,
    },
    proposal::{self, Proposal, Source},
    render::{form::FormErrors, number, time},
    seed::{TEMPLATES, Template as Ready},
    state::AppState,
};
use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use breakmywork_protocol::{
    id::{ClaimId, ExperimentId},
    spec::{self, Problem, limits},
};
use chrono::{TimeDelta, Utc};
use serde::Deserialize;
use serde_json::Value;

/// Longest reason for an amendment.
const REASON_CHARS: usize = 500;

/// Two posts of the same proposal within this time are one, sent twice.
const TWICE: TimeDelta = TimeDelta::minutes(2);

/// Where the form starts from.
#[derive(Debug, Default, Deserialize)]
pub struct Start {
    claim: Option<ClaimId>,
    template: Option<String>,
    amends: Option<ExperimentId>,
}

/// What else was typed besides the specification.
#[derive(Debug, Clone, Default)]
struct Words {
    claim: String,
    amends: String,
    amend_reason: String,
    prediction: String,
    rationale: String,
}

impl Words {
    fn from_form(posted: &[(String, String)]) -> Self {
        let get = |name: &str| {
            let found = posted.iter().find(|(key, _)| key == name);
            found.map_or_else(String::new, |(_, value)| value.replace("\r\n", "\n"))
        };
        Self {
            claim: get("claim"),
            amends: get("amends"),
            amend_reason: get("amend_reason"),
            prediction: get("prediction"),
            rationale: get("rationale"),
        }
    }

    fn of(experiment: &Experiment) -> Self {
        Self {
            claim: experiment.claim.to_string(),
            prediction: experiment.prediction.clone(),
            rationale: experiment.rationale.clone(),
            ..Self::default()
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "experiment_edit.html")]
struct EditPage {
    visit: Visit,
    /// The proposal that is edited; none for a new one.
    editing: Option<ExperimentId>,
    claims: Vec<Claim>,
    words: Words,
    made: Composition,
    errors: FormErrors,
    arms: Vec<ArmPicture>,
    reading: Option<(String, String)>,
    cost: Option<String>,
    blockers: Vec<Located>,
    templates: &'static [Ready],
    /// The specification with every default filled in, as far as it can be read.
    defaults: Value,
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
        let spec = made.spec.as_ref();
        let blockers = spec
            .and_then(|spec| spec.registrable().err())
            .map(|problems| {
                let locate = |problem: &Problem| compose::locate(problem, &made.toml, &made.fields);
                problems.0.iter().map(locate).collect()
            })
            .unwrap_or_default();
        Ok(Self {
            claims: claims::all(&state.pool).await?,
            arms: spec
                .map(|spec| picture::arms(spec, "arm"))
                .unwrap_or_default(),
            reading: spec
                .and_then(|spec| spec.criterion.as_ref())
                .map(|criterion| (criterion.reading(), criterion.falsifier())),
            cost: spec.map(|spec| {
                let took = time::duration_s(spec::cpu_seconds(spec) as i64);
                format!(
                    "{}, about {took} on one CPU worker",
                    number::plural(spec.runs(), "run", "runs")
                )
            }),
            blockers,
            templates: TEMPLATES,
            defaults: defaults::of(&made.toml),
            visit,
            editing,
            words,
            made,
            errors,
        })
    }

    fn action(&self) -> String {
        match self.editing {
            Some(id) => format!("/experiments/{id}/edit"),
            None => "/experiments/new".to_owned(),
        }
    }

    fn is_claim(&self, claim: &Claim) -> bool {
        self.words.claim == claim.id.to_string()
    }
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
) -> Result<Response> {
    let claims = claims::all(&state.pool).await?;
    let mut words = Words {
        claim: start
            .claim
            .map(|claim| claim.to_string())
            .unwrap_or_default(),
        ..Words::default()
    };
    let label = claims
        .iter()
        .find(|claim| Some(claim.id) == start.claim)
        .map(|claim| claim.label.as_str());
    let template = match &start.template {
        Some(name) => TEMPLATES
            .iter()
            .find(|template| template.name == name)
            .ok_or_else(|| Error::missing("template called", name))?,
        None => TEMPLATES
            .iter()
            .find(|template| Some(template.claim) == label)
            .unwrap_or(&TEMPLATES[0]),
    };
    if words.claim.is_empty() {
        words.claim = claims
            .iter()
            .find(|claim| claim.label == template.claim)
            .map(|claim| claim.id.to_string())
            .unwrap_or_default();
    }
    let mut made = Composition::from_toml(template.toml);
    if let Some(id) = start.amends {
        let earlier = experiments::find(&state.pool, id)
            .await?
            .ok_or_else(|| Error::missing("experiment", id))?;
        words = Words::of(&earlier);
        words.amends = id.to_string();
        made = Composition::from_toml(&earlier.spec_source);
    }
    let page = EditPage::new(&state, visit, None, words, made, FormErrors::new()).await?;
    show(&page, Cache::Never)
}

/// Takes the form for a new experiment.
pub async fn propose(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Form(posted): Form<Vec<(String, String)>>,
) -> Result<Response> {
    let (action, words, made) = taken(&posted);
    if action != "save" || made.conflict {
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
    let amends = amendment(&state, &words, &mut errors).await?;
    let draft = checked(&words, &made, &mut errors);
    let (Some(claim), Some(draft), true) = (claim, draft, errors.is_empty()) else {
        return refused(&state, visit, None, words, made, errors).await;
    };
    // A form sent twice makes one experiment.
    let filter = Filter {
        claim: Some(claim),
        author: Some(viewer.name.clone()),
        ..Filter::default()
    };
    let latest = experiments::list(&state.pool, &filter, 1).await?;
    let twin = latest.first().filter(|latest| {
        latest.spec_source == draft.spec_source
            && latest.prediction == draft.prediction
            && Utc::now() - latest.created_at < TWICE
    });
    if let Some(twin) = twin {
        return Ok(see_other(&twin.address()));
    }
    let mut tx = state.pool.begin().await?;
    let amends = amends.map(|id| (id, words.amend_reason.trim()));
    let id = experiments::create(&mut tx, claim, viewer.id, &draft, amends).await?;
    tx.commit().await?;
    tracing::info!(experiment = %id, account = %viewer.id, "proposed");
    Ok(see_other(&format!("/experiments/{id}")))
}

/// The form for editing a proposal.
pub async fn edit(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(id): Path<ExperimentId>,
) -> Result<Response> {
    let experiment = editable(&state, &viewer.name, id).await?;
    let made = Composition::from_toml(&experiment.spec_source);
    let words = Words::of(&experiment);
    let page = EditPage::new(&state, visit, Some(id), words, made, FormErrors::new()).await?;
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
    editable(&state, &viewer.name, id).await?;
    let (action, words, made) = taken(&posted);
    if action != "save" || made.conflict {
        return again(&state, visit, Some(id), words, made).await;
    }
    let mut errors = FormErrors::new();
    let draft = checked(&words, &made, &mut errors);
    let (Some(draft), true) = (draft, errors.is_empty()) else {
        return refused(&state, visit, Some(id), words, made, errors).await;
    };
    let mut tx = state.pool.begin().await?;
    if !experiments::update(&mut tx, id, viewer.id, &draft).await? {
        return Err(Error::Conflict(
            "This experiment was registered or withdrawn meanwhile; it cannot change any more."
                .to_owned(),
        ));
    }
    tx.commit().await?;
    Ok(see_other(&format!("/experiments/{id}")))
}

fn taken(posted: &[(String, String)]) -> (String, Words, Composition) {
    // The last one: the pressed button comes after the hidden fields.
    let action = posted
        .iter()
        .rfind(|(name, _)| name == "action")
        .map_or("apply", |(_, value)| value.as_str());
    let made = Composition::from_form(posted, action);
    (action.to_owned(), Words::from_form(posted), made)
}

async fn editable(state: &AppState, viewer: &str, id: ExperimentId) -> Result<Experiment> {
    let experiment = experiments::find(&state.pool, id)
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    if experiment.author != viewer {
        return Err(Error::Forbidden(
            "Only its author can edit an experiment.".to_owned(),
        ));
    }
    if experiment.state != "proposed" {
        return Err(Error::Conflict(format!(
            "This experiment is {}; only a proposal can be edited. Amend it instead: a new experiment that names this one.",
            experiment.state
        )));
    }
    Ok(experiment)
}

async fn amendment(
    state: &AppState,
    words: &Words,
    errors: &mut FormErrors,
) -> Result<Option<ExperimentId>> {
    if words.amends.is_empty() {
        return Ok(None);
    }
    let earlier = match words.amends.parse::<ExperimentId>() {
        Ok(id) => experiments::find(&state.pool, id).await?,
        Err(_) => None,
    };
    let earlier = earlier.filter(|earlier| earlier.registered_at.is_some());
    if earlier.is_none() {
        errors.add(
            "amend_reason",
            "Only a registered experiment can be amended.",
        );
    }
    let length = words.amend_reason.trim().chars().count();
    if length == 0 || length > REASON_CHARS {
        errors.add(
            "amend_reason",
            format!("Say in 1 to {REASON_CHARS} characters why the experiment is amended."),
        );
    }
    Ok(earlier.map(|earlier| earlier.id))
}

/// Checks everything; what is wrong with the specification is in the composition already.
fn checked(words: &Words, made: &Composition, errors: &mut FormErrors) -> Option<Draft> {
    let proposal = Proposal {
        title: None,
        prediction: Some(words.prediction.clone()),
        rationale: words.rationale.clone(),
        spec: Source::Toml(made.toml.clone()),
    };
    match proposal::check(&proposal) {
        Ok(draft) => Some(draft),
        Err(problems) => {
            for FieldProblem { pointer, detail } in problems {
                match pointer.as_str() {
                    "/prediction" => errors.add("prediction", format!("The prediction {detail}")),
                    "/rationale" => errors.add("rationale", format!("The reason {detail}")),
                    "/title" => errors.add("title", format!("The title {detail}")),
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
