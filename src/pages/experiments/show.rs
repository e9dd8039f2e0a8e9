//! One experiment: what was predicted, what is compared, what would falsify it, how it goes, what came out.

use super::{
    download,
    e_process::{self, EProcess},
    forecast::{self, Section},
    matrix::{self, Matrix},
    plots::{self, Plot},
    pulse,
    reproduced::{self, Reproduced},
    rival::{self, Rival},
    search::{self, Search},
    tuned::{self, TuningShown},
    unseen,
};
use crate::{
    db::{
        amendments::{self, Amendment},
        claims, curves,
        data_sets::{self, Wait},
        experiments::{self, Acceptance, Experiment, Variation},
        queue, runs,
        stalled::{self, Stalled},
        visible::Visible,
    },
    diff,
    error::{Error, Result},
    extract::{Path, Query, Visit},
    forecast::Stage,
    link_picture::Words,
    pace,
    pages::{
        Cache,
        follow::Follow,
        html_page,
        picture::{self, ArmPicture},
        show,
        thread::{self, Thread},
    },
    proposal,
    redraws::Watched,
    render::{
        acceptance_words, badge,
        copied::Copied,
        filters,
        form::FormErrors,
        html::Html,
        number,
        power_words::{self, PowerWords},
        record_words, time, verdict_words, words,
    },
    schema,
    state::AppState,
    trust::Trust,
    turn,
};
use askama::Template;
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use breakmywork_protocol::{
    id::{AccountId, ClaimId, ExperimentId},
    jobs::{self, AskedBefore},
    record::{self, Entry, Subject},
    spec::{Cost, Spec, limits},
    verdict::PLANNED_POWER,
};
use chrono::SecondsFormat;
use serde::Deserialize;

/// Entries of the record that a page shows: a registration, a conclusion, and what people did in between.
pub(super) const ENTRIES: i64 = 50;

/// Variations of an experiment that its page names, the newest.
const VARIATIONS: i64 = 20;

/// The part of the page that changes while runs go on.
#[derive(Debug, Template)]
#[template(path = "experiment_live.html")]
struct Live {
    experiment: Experiment,
    matrix: Matrix,
    plots: Vec<Plot>,
    /// Whether an arm averages several networks, whose curves follow one another.
    averaged: bool,
    /// Of a sequential plan.
    e_process: Option<EProcess>,
    /// Of a search.
    search: Option<Search>,
    /// Of one whose arms choose settings first.
    tuning: Option<TuningShown>,
    paused: Option<String>,
    /// Data sets that queued runs need and no live worker has.
    missing: Vec<Wait>,
    over: bool,
    words: String,
    /// Runs that volunteers trained.
    confirmed: usize,
}

impl askama::filters::HtmlSafe for Live {}

/// Only how far the runs are, for other pages.
#[derive(Debug, Template)]
#[template(path = "experiment_progress.html")]
struct Progress {
    experiment: Experiment,
    over: bool,
}

/// The whole page.
#[derive(Debug, Template)]
#[template(path = "experiment.html")]
pub(super) struct ExperimentPage {
    visit: Visit,
    experiment: Experiment,
    spec: Spec,
    arms: Vec<ArmPicture>,
    /// How long it takes here, in words.
    duration: String,
    cost: Cost,
    /// What the arms differ in.
    differences: Vec<(String, Vec<String>)>,
    /// Of a search: what it will do.
    plan: Option<String>,
    live: Live,
    pairs: Option<Html>,
    blockers: Vec<String>,
    /// What it can find, or could when it was registered.
    power: Option<PowerWords>,
    /// When its runs would begin, of the author's proposal.
    turn: Option<String>,
    /// What it varies, and what varies it.
    variations: Vec<Variation>,
    /// Who asked the same before.
    asked: Option<AskedBefore>,
    /// Whether it can be registered as exploratory, and only so.
    may_look: bool,
    /// Data sets that a proposal needs and no live worker has.
    missing: Vec<Wait>,
    follow: Follow,
    /// Why it waits for an admin, if it does.
    stalled: Option<Stalled>,
    /// The seeds of its runs, once they are drawn.
    seeds: Vec<u32>,
    /// Why it does not move the claim's standing; of a proposal, why it would not.
    outside: Vec<String>,
    /// The rival claim that the same runs test, or may.
    rival: Rival,
    /// Whether its claim has fallen, so that nothing is left to confirm.
    fallen: bool,
    /// What was typed and refused.
    words: String,
    /// What was typed with an answer that was refused, and for which claim.
    answer_words: Option<(ClaimId, String)>,
    errors: FormErrors,
    forecast: Section,
    thread: Thread,
    url: String,
    /// What the record tells of it.
    record: Vec<Entry>,
    /// What amends it.
    amended_by: Vec<Amendment>,
    /// What each arm came to, for copying.
    copied: Option<Copied>,
    /// Who trained its runs again, once it has ended.
    reproduced: Option<Reproduced>,
}

impl ExperimentPage {
    /// What the picture for links to it says.
    fn alt(&self) -> String {
        Words::of_experiment(&self.experiment, String::new()).alt()
    }

    fn is_author(&self) -> bool {
        let viewer = self.visit.viewer.as_ref();
        viewer.is_some_and(|viewer| viewer.id == self.experiment.author_id)
    }

    /// Keeps what was typed and refused.
    pub(super) fn keep(&mut self, words: String) {
        self.words = words;
    }

    /// Whether it tests a rival claim, too, or may.
    fn has_rival(&self) -> bool {
        !self.rival.sides.is_empty()
            || self.rival.against.is_some()
            || (self.is_author() && !self.rival.choices.is_empty())
    }

    /// Keeps what was typed with an answer that was refused.
    pub(super) fn keep_answer(&mut self, claim: ClaimId, words: String) {
        self.answer_words = Some((claim, words));
    }

    /// What was typed with an answer for that claim.
    fn answer_words(&self, claim: &ClaimId) -> &str {
        match &self.answer_words {
            Some((of, words)) if of == claim => words,
            _ => "",
        }
    }

    /// Whether the viewer is asked for an answer, and has given none that counts.
    fn waits_for_answer(&self) -> bool {
        let mut asked = self.experiment.acceptances();
        asked.any(|asked| self.may_answer(asked) && asked.answered().is_none())
    }

    /// Whether the viewer may accept it as a test of that claim, which is theirs, or decline.
    fn may_answer(&self, asked: &Acceptance) -> bool {
        let viewer = self.visit.viewer.as_ref();
        self.experiment.state == "proposed"
            && !self.spec.is_search()
            && !self.is_author()
            && viewer.is_some_and(|viewer| asked.author.as_deref() == Some(viewer.name.as_str()))
    }

    /// Keeps a forecast that was typed and refused.
    pub(super) fn keep_forecast(&mut self, typed: String) {
        self.forecast.typed = typed;
    }

    /// The last change of it that this page shows, for a form.
    fn version(&self) -> String {
        let micros = SecondsFormat::Micros;
        self.experiment.updated_at.to_rfc3339_opts(micros, true)
    }

    /// Whether it bears on the claim's standing in a way that there is something to say.
    fn has_standing(&self) -> bool {
        let experiment = &self.experiment;
        !self.outside.is_empty()
            || experiment.registered_at.is_some_and(|_| {
                experiment.challenge.is_some()
                    || experiment.confirms.is_some()
                    || experiment.disputed_at.is_some()
                    || self.visit.is_moderator()
            })
    }

    /// The file for whoever trains it again: where its arms have chosen, what is compared.
    fn file(&self) -> &'static str {
        file(
            self.live
                .tuning
                .as_ref()
                .is_some_and(TuningShown::is_chosen),
        )
    }

    /// Whether the prediction puts the criterion into words, as the board does where nobody wrote one.
    fn says_criterion(&self) -> bool {
        let criterion = self.spec.criterion.as_ref();
        criterion.is_some_and(|criterion| criterion.reading() == self.experiment.prediction)
    }

    /// Whether the viewer may stop it: something is registered that has no verdict.
    fn can_stop(&self) -> bool {
        let experiment = &self.experiment;
        experiment.registered_at.is_some()
            && experiment.concluded_at.is_none()
            && experiment.shares_runs_of.is_none()
            && ((self.is_author() && experiment.confirms.is_none()) || self.visit.is_admin())
    }

    /// The steps of its life, and which one it is at.
    fn steps(&self) -> Vec<(&'static str, bool)> {
        let last = if self.experiment.state == "withdrawn" {
            "withdrawn"
        } else {
            "concluded"
        };
        let steps: &[&'static str] = match last {
            "withdrawn" => &["proposed", "withdrawn"],
            _ if self.stalled.is_some() => {
                &["proposed", "registered", "running", "stalled", "concluded"]
            }
            _ => &["proposed", "registered", "running", "concluded"],
        };
        steps
            .iter()
            .map(|step| (*step, *step == self.experiment.state))
            .collect()
    }
}

async fn find(state: &AppState, id: ExperimentId, reader: Option<AccountId>) -> Result<Experiment> {
    experiments::find(&state.pool, id, reader)
        .await?
        .ok_or_else(|| Error::missing("experiment", id))
}

async fn live(state: &AppState, experiment: Experiment, spec: &Spec) -> Result<Live> {
    let pool = &state.pool;
    let visible = experiment.seen()?;
    let runs = runs::cells(pool, visible, &matrix::metric(spec)).await?;
    let waits = runs.iter().any(|run| run.state == "queued");
    let waiting = if waits {
        queue::waiting(pool, Some(visible), queue::PLACES).await?
    } else {
        Vec::new()
    };
    let data_sets = data_sets::of_cells(pool, &runs).await?;
    let curves = curves::of_experiment(pool, visible).await?;
    let arms: Vec<String> = spec.arms.iter().map(|arm| arm.name.clone()).collect();
    let over = ["concluded", "withdrawn"].contains(&experiment.state.as_str());
    let paused = if over {
        None
    } else {
        queue::control(pool).await?.pause_reason
    };
    let words = match experiment.state.as_str() {
        "registered" | "running" | "stalled" => format!(
            "Experiment {} is {}: {} of {} runs have ended.",
            experiment.id, experiment.state, experiment.runs_ended, experiment.runs
        ),
        state => format!("Experiment {} is {state}.", experiment.id),
    };
    Ok(Live {
        matrix: matrix::of(spec, &experiment.seeds(), &runs, &waiting, &data_sets),
        missing: data_sets.missing(),
        plots: plots::learning(&curves, &arms, spec.task.name, Some(&spec.task)),
        averaged: spec
            .arms
            .iter()
            .any(|arm| arm.setup.training.networks() > 1),
        e_process: e_process::of(state, &experiment, spec).await?,
        search: search::of(state, &experiment, spec).await?,
        tuning: tuned::of(state, &experiment, spec).await?,
        paused,
        over,
        words,
        confirmed: runs.iter().filter(|run| run.confirmed).count(),
        experiment,
    })
}

/// The page, with what stands against registration if that was tried.
pub(super) async fn page_with(
    state: &AppState,
    visit: Visit,
    id: ExperimentId,
    errors: FormErrors,
) -> Result<ExperimentPage> {
    let experiment = find(state, id, visit.reader()).await?;
    page_from(state, visit, experiment, errors, thread::From::default()).await
}

async fn page_from(
    state: &AppState,
    visit: Visit,
    experiment: Experiment,
    errors: FormErrors,
    from: thread::From,
) -> Result<ExperimentPage> {
    let visible = experiment.seen()?;
    let id = visible.id();
    let spec = experiment.parsed().map_err(Error::internal)?;
    let reader = visit.reader();
    let board = state.pace.board();
    let power = proposal::power_of(&state.pool, &experiment, &spec).await?;
    let blockers = match experiment.state.as_str() {
        "proposed" => {
            let mut against = proposal::check_registrable(&spec, &board, false)
                .err()
                .unwrap_or_default();
            against.extend(proposal::stands_against(power.as_ref()));
            against.extend(proposal::outside_of_claim(&state.pool, id, &spec).await?);
            against
        }
        _ => Vec::new(),
    };
    let may_look =
        !blockers.is_empty() && !spec.is_search() && spec.too_much_for(&board).is_empty();
    let missing = match experiment.state.as_str() {
        "proposed" => {
            let needed = spec
                .arms
                .iter()
                .filter_map(|arm| arm.setup.task.data.as_deref());
            data_sets::availability(&state.pool, needed)
                .await?
                .missing()
        }
        _ => Vec::new(),
    };
    let settled = compared(state, visible, &spec).await?;
    let own_proposal = experiment.state == "proposed" && reader == Some(experiment.author_id);
    let turn = match reader.filter(|_| own_proposal) {
        Some(reader) => Some(turn::words(&state.pool, &board, reader).await?),
        None => None,
    };
    let variations = experiments::variations(&state.pool, visible, VARIATIONS).await?;
    Ok(ExperimentPage {
        visit,
        copied: download::copied(&state.pool, &experiment, &spec).await?,
        reproduced: reproduced::of(&state.pool, &experiment, visible).await?,
        duration: pace::words(&spec, &board),
        cost: board.cost(&spec),
        differences: picture::differences(&settled),
        arms: picture::arms(&settled, "arm"),
        plan: search::plan(&spec),
        live: live(state, experiment.clone(), &spec).await?,
        stalled: stalled::of(&state.pool, id).await?,
        seeds: experiment.seeds(),
        outside: outside(state, &experiment, &spec).await?,
        fallen: fallen(state, &experiment).await?,
        rival: rival::section(state, &experiment, &spec).await?,
        words: String::new(),
        answer_words: None,
        pairs: experiment.verdict().and_then(plots::pairs),
        power: power_words::of(&spec, power.as_ref()),
        asked: jobs::asked_before(&state.pool, id).await?,
        turn,
        variations,
        missing,
        may_look,
        blockers: blockers.into_iter().map(|problem| problem.detail).collect(),
        errors,
        forecast: forecast::section(state, id, reader).await?,
        thread: thread::load(&state.pool, experiment.thread, from, reader).await?,
        follow: Follow::of_experiment(&state.pool, reader, &experiment).await?,
        url: state.settings.address(&experiment.address()),
        record: record::about(&state.pool, Subject::Experiment(id), ENTRIES).await?,
        amended_by: amendments::of(&state.pool, id, diff::CHAIN).await?,
        experiment,
        spec,
    })
}

/// The specification as it is compared: with what its arms have chosen, where they have.
async fn compared(state: &AppState, experiment: Visible, spec: &Spec) -> Result<Spec> {
    let mut connection = state.pool.acquire().await?;
    Ok(jobs::settled(&mut connection, experiment.id(), spec).await?)
}

/// Why it does not move the claim's standing: fixed at registration; before, as things are.
async fn outside(state: &AppState, experiment: &Experiment, spec: &Spec) -> Result<Vec<String>> {
    match experiment.state.as_str() {
        _ if experiment.exploratory => Ok(Vec::new()),
        "withdrawn" => Ok(Vec::new()),
        "proposed" => {
            let claim = claims::find(&state.pool, experiment.claim).await?;
            let scope = claim.and_then(|claim| claim.covers.0.into_inner());
            Ok(scope.map(|scope| scope.outside(spec)).unwrap_or_default())
        }
        _ => Ok(experiment.outside.clone()),
    }
}

/// Whether the claim that it challenges has fallen.
async fn fallen(state: &AppState, experiment: &Experiment) -> Result<bool> {
    if experiment.challenge.as_deref() != Some("open") {
        return Ok(false);
    }
    let claim = claims::find(&state.pool, experiment.claim).await?;
    Ok(claim.is_some_and(|claim| claim.fell_by.is_some()))
}

/// The page of an experiment.
pub async fn experiment(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<ExperimentId>,
    Query(from): Query<thread::From>,
) -> Result<Response> {
    let experiment = find(&state, id, visit.reader()).await?;
    if experiment.hidden {
        return unseen::page(&state, visit, experiment, from).await;
    }
    let page = page_from(&state, visit, experiment, FormErrors::new(), from).await?;
    show(&page, Cache::Fresh)
}

/// Which part of the page is asked for.
#[derive(Debug, Default, Deserialize)]
pub struct Part {
    #[serde(default)]
    part: String,
}

/// The part that changes, alone: what the page swaps in when the stream says so.
pub async fn fragment(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<ExperimentId>,
    Query(part): Query<Part>,
) -> Result<Response> {
    let experiment = find(&state, id, visit.reader()).await?;
    experiment.seen()?;
    if part.part == "progress" {
        let over = ["concluded", "withdrawn"].contains(&experiment.state.as_str());
        return show(&Progress { experiment, over }, Cache::Never);
    }
    if part.part == "pulse" {
        let html = state
            .front
            .pulse(id, pulse::draw(state.clone(), id))
            .await?;
        return Ok(html_page(StatusCode::OK, html.to_string(), Cache::Never));
    }
    // Shared by all who may see it, each of whom was asked above.
    let draw = async {
        let experiment = find(&state, id, visit.reader()).await?;
        let spec = experiment.parsed().map_err(Error::internal)?;
        let live = live(&state, experiment, &spec).await?;
        live.render().map_err(Error::from)
    };
    let html = state.redraws.share(Watched::Experiment(id), draw).await?;
    Ok(html_page(StatusCode::OK, html.to_string(), Cache::Never))
}

/// Name of the file that makes the compared runs again: that of what was chosen, or of the specification.
pub(in crate::pages) fn file(chosen: bool) -> &'static str {
    match chosen {
        true => "chosen",
        false => "spec",
    }
}

/// What is compared where the arms have chosen their settings, as a file for `breakmywork-worker train`.
pub async fn chosen_toml(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<ExperimentId>,
) -> Result<Response> {
    let experiment = find(&state, id, visit.reader()).await?;
    let visible = experiment.seen()?;
    let spec = experiment.parsed().map_err(Error::internal)?;
    let settled = compared(&state, visible, &spec).await?;
    if spec.tuning.is_none() || settled.tuning.is_some() {
        return Err(Error::missing("choice of the arms of experiment", id));
    }
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((headers, completed(&state, &settled)).into_response())
}

/// The specification as a file for `breakmywork-worker train`.
pub async fn spec_toml(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<ExperimentId>,
) -> Result<Response> {
    let experiment = find(&state, id, visit.reader()).await?;
    experiment.seen()?;
    let spec = experiment.parsed().map_err(Error::internal)?;
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((headers, completed(&state, &spec)).into_response())
}

/// The file of a specification, which names its schema to editors.
pub(super) fn completed(state: &AppState, spec: &Spec) -> String {
    let address = state.settings.address(schema::PATH);
    schema::directive(&address) + &spec.to_toml()
}
