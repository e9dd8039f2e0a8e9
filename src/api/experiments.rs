//! Experiments: propose, register, withdraw, follow.

use super::acceptance::Acceptance;
use super::body::Body;
use super::idempotency::{self, IdempotentCall, Stop};
use super::page::{Cursor, Page};
use super::runs::Run;
use crate::auth::token::{ApiAccount, Scope};
use crate::db::listed::{self, Forecasts, Key, Place, Sort};
use crate::db::{self, experiments as table};
use crate::deposit;
use crate::diff;
use crate::error::{Error, FieldProblem, Result};
use crate::extract::{Path, Query};
use crate::pace::Pace;
use crate::proposal::{self, Proposal, Source};
use crate::rival;
use crate::standing;
use crate::text_search::{self, Asked, Text};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::id::{AccountId, ClaimId, ExperimentId, RunId, ThreadId};
use breakmywork_protocol::jobs::{self, AskedBefore};
use breakmywork_protocol::spec::Spec;
use breakmywork_protocol::verdict::{Power, Verdict};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use utoipa::{IntoParams, ToSchema};

/// A proposed test of a claim.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Experiment {
    /// Key.
    id: ExperimentId,
    /// The claim it tests.
    claim: ClaimId,
    /// Who proposed it.
    author: String,
    /// Short name.
    title: String,
    /// What the claim implies here.
    prediction: String,
    /// Why this tests the claim (Markdown).
    rationale: String,
    /// proposed, registered, running, stalled (too many runs are missing; an admin decides), concluded or withdrawn.
    state: String,
    /// Which runs are missing and why; null unless stalled.
    stalled_reason: Option<String>,
    /// The specification with every default filled in; null of what is sealed or hidden.
    #[schema(value_type = Option<Spec>)]
    spec: Value,
    /// SHA-256 of the frozen specification's canonical JSON; null until registered.
    spec_sha256: Option<String>,
    /// Random number drawn at registration; seed number i is the first four bytes of SHA-256 of `{spec_sha256}:{seed_salt}:{i}`.
    /// Null until registered, and where the author named the seeds.
    seed_salt: Option<String>,
    /// The seeds of its runs; null until they are drawn.
    seeds: Option<Vec<u32>>,
    /// The experiment that this one was proposed as a variation of.
    varies: Option<ExperimentId>,
    /// The experiment it amends.
    amends: Option<ExperimentId>,
    /// Why.
    amend_reason: Option<String>,
    /// What amends it: its author's first, then others' registered ones, at most 10; null in lists.
    amended_by: Option<Vec<ExperimentId>>,
    /// How it ended; null until the last run has ended.
    outcome: Option<String>,
    /// Whether it was registered to look, not to decide: then it never has a verdict.
    exploratory: bool,
    /// Why it does not move the claim's standing, each as a sentence; fixed at registration, empty if it does.
    outside: Vec<String>,
    /// What its falsified verdict means for the claim: open (its confirmation has not ended), confirmed or not_confirmed.
    challenge: Option<String>,
    /// The falsifying experiment that it repeats on unused seeds.
    confirms: Option<ExperimentId>,
    /// Which of the claim's confirmations it is; the level is 0.05/(j(j+1)) of the j-th.
    confirmation: Option<i32>,
    /// What it can find, by the noise of earlier experiments of its task and size: as that was known at registration, before
    /// that as it is known now. Null where it cannot be said, and in lists until it is registered.
    power: Option<Power>,
    /// The earlier experiment that asked exactly the same of the claim, but for title, seeds and when it stops; null in lists.
    asked_before: Option<AskedBefore>,
    /// Of a confirmation: the chance, at least, that it falsifies, if what it confirms is there. It should be 0.9, and is
    /// less where 40 pairs, the most that are taken, do not reach that.
    planned_power: Option<f64>,
    /// The latest experiment that repeats this one.
    confirmed_by: Option<ExperimentId>,
    /// The rival of its claim that its runs test, too, by a criterion of its own.
    rival: Option<ClaimId>,
    /// The test of that rival: an experiment without runs of its own; null until registered.
    rival_test: Option<ExperimentId>,
    /// Of the test of a rival: the experiment whose runs decide it.
    shares_runs_of: Option<ExperimentId>,
    /// Whether the claim's author has accepted it as a test.
    acceptance: Acceptance,
    /// Whether the author of the rival has accepted it as a test of the rival; null where it tests none.
    rival_acceptance: Option<Acceptance>,
    /// The search that proposed it where a claim fails; null too where its author has changed what it asks since.
    found_by: Option<ExperimentId>,
    /// What a moderator disputes; until that is resolved it does not move the claim's standing.
    dispute: Option<Dispute>,
    /// If it was sealed: what it is committed to, and since when it is open.
    seal: Option<Seal>,
    /// If a moderator hid it, as a proposal: then only its author and moderators see more of it than this.
    hidden: Option<Hiding>,
    /// The verdict with its numbers; null until the last run has ended, and where what is stored cannot be read.
    verdict: Option<Verdict>,
    /// Runs by state.
    runs: RunTally,
    /// Its discussion; the result is posted there.
    thread: ThreadId,
    /// When it was proposed.
    created_at: DateTime<Utc>,
    /// When it was frozen.
    registered_at: Option<DateTime<Utc>>,
    /// When the verdict was posted.
    concluded_at: Option<DateTime<Utc>>,
    /// DOI of a copy of its result in an archive, as its author says.
    doi: Option<String>,
    /// Its page.
    url: String,
}

/// A dispute of an experiment.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Dispute {
    /// Since when.
    at: DateTime<Utc>,
    /// The moderator.
    by: Option<String>,
    /// Why.
    reason: Option<String>,
    /// What the experiment's author answers.
    answer: Option<String>,
}

/// The seal of an experiment. Until it is opened only its author sees title, prediction, specification, runs and whatever
/// follows from them.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Seal {
    /// Whether it is sealed still.
    closed: bool,
    /// Longest time that it is, in days after its registration.
    days: i16,
    /// When it is opened at the latest; null until it is registered.
    opens_at: Option<DateTime<Utc>>,
    /// When it was opened: by its end, whatever ended it, or when the date came.
    opened_at: Option<DateTime<Utc>>,
    /// SHA-256 of what was committed to at registration, `/experiments/{id}/commitment.json` once it is opened.
    commitment: Option<String>,
    /// The random number in that; null until it is opened.
    nonce: Option<String>,
}

/// How a proposal came to be hidden, for everybody to read.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Hiding {
    /// Since when.
    at: DateTime<Utc>,
    /// The moderator.
    by: Option<String>,
    /// Why.
    reason: Option<String>,
    /// What its author says against that.
    appeal: Option<String>,
    /// Why it stays hidden all the same; null while the appeal waits.
    appeal_answer: Option<String>,
}

/// Runs of an experiment by state.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunTally {
    /// All that count, those in which settings are tuned too; a retried run does not, nor does one that is not queued yet: of
    /// a sequential plan, or of one that is still being tuned.
    total: i64,
    /// On a worker.
    running: i64,
    /// In a final state.
    ended: i64,
}

impl From<table::Experiment> for Experiment {
    fn from(experiment: table::Experiment) -> Self {
        // Of the test of a rival nobody is asked apart.
        let asked = experiment.shares_runs_of.is_none();
        let proposal = experiment.proposal_sha256().filter(|_| asked);
        Self {
            acceptance: Acceptance::of(&experiment, &experiment.acceptance, proposal.as_deref()),
            rival_acceptance: experiment
                .rival_acceptance
                .as_ref()
                .map(|asked| Acceptance::of(&experiment, asked, proposal.as_deref())),
            seeds: Some(experiment.seeds()).filter(|seeds| !seeds.is_empty()),
            url: experiment.address(),
            seed_salt: experiment.seed_salt,
            id: experiment.id,
            claim: experiment.claim,
            author: experiment.author,
            title: experiment.title,
            prediction: experiment.prediction,
            rationale: experiment.rationale,
            state: experiment.state,
            stalled_reason: experiment.stalled_reason,
            spec: experiment.spec,
            spec_sha256: experiment.spec_sha256,
            varies: experiment.varies,
            amends: experiment.amends,
            amend_reason: experiment.amend_reason,
            amended_by: None,
            outcome: experiment.outcome,
            exploratory: experiment.exploratory,
            outside: experiment.outside,
            challenge: experiment.challenge,
            confirms: experiment.confirms,
            confirmation: experiment.confirmation,
            power: experiment.power.and_then(|power| power.0.into_inner()),
            asked_before: None,
            planned_power: experiment.planned_power,
            rival: experiment.rival,
            rival_test: experiment.rival_test,
            shares_runs_of: experiment.shares_runs_of,
            confirmed_by: experiment.confirmed_by,
            found_by: experiment.found_by,
            dispute: experiment.disputed_at.map(|at| Dispute {
                at,
                by: experiment.disputed_by,
                reason: experiment.dispute_reason,
                answer: experiment.dispute_answer,
            }),
            seal: experiment.seal_days.map(|days| Seal {
                closed: experiment.closed,
                days,
                opens_at: experiment.opens_at,
                opened_at: experiment.opened_at,
                commitment: experiment.commitment,
                nonce: experiment.nonce,
            }),
            hidden: experiment.hidden_at.map(|at| Hiding {
                at,
                by: experiment.hidden_by,
                reason: experiment.hidden_reason,
                appeal: experiment.appeal,
                appeal_answer: experiment.appeal_answer,
            }),
            verdict: experiment.detail.and_then(|detail| detail.0.into_inner()),
            runs: RunTally {
                total: experiment.runs,
                running: experiment.runs_running,
                ended: experiment.runs_ended,
            },
            thread: experiment.thread,
            created_at: experiment.created_at,
            registered_at: experiment.registered_at,
            concluded_at: experiment.concluded_at,
            doi: experiment.doi,
        }
    }
}

/// Which experiments.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ExperimentFilter {
    /// Tests of this claim.
    claim: Option<ClaimId>,
    /// In this state: proposed, registered, running, stalled, concluded or withdrawn.
    state: Option<String>,
    /// Proposed by this person.
    author: Option<String>,
    /// With this verdict: supported, falsified, inconclusive, inadmissible or aborted.
    verdict: Option<String>,
    /// On this task; a sealed experiment is on none.
    task: Option<String>,
    /// With these words, as `/api/v1/search` takes them; a sealed experiment has none.
    q: Option<String>,
    /// `open`: only those that take forecasts, because there is nothing to see of their runs yet.
    forecasts: Option<Forecasts>,
    /// newest (if not given) or oldest first, or what was concluded last, of what has ended alone.
    #[serde(default)]
    sort: Sort,
}

/// List experiments. A page may hold fewer than `limit`, or none, and yet name a next one: of those that were looked through
/// for it, no more fit.
#[utoipa::path(get, path = "/api/v1/experiments", tag = "experiments", params(ExperimentFilter, Cursor),
    responses((status = 200, body = Page<Experiment>)))]
pub(super) async fn list(
    State(pool): State<PgPool>,
    Query(filter): Query<ExperimentFilter>,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Experiment>> {
    let limit = cursor.limit()?;
    let sort = filter.sort;
    let key = cursor.read::<Key>()?;
    let place = key.map(|key| match sort {
        Sort::Oldest => Place::After(key),
        Sort::Newest | Sort::Concluded => Place::Before(key),
    });
    let words =
        match Text::read(filter.q.as_deref().unwrap_or_default()).map_err(Error::BadRequest)? {
            None => None,
            Some(text) => match text_search::asked(&pool, &text).await? {
                Asked::Words(terms) => Some(terms),
                Asked::Nothing(why) => return Err(Error::BadRequest(why.into())),
            },
        };
    let filter = listed::Filter {
        claim: filter.claim,
        author: filter.author,
        state: listed::known("state", filter.state, &table::STATES)?,
        outcome: listed::known("verdict", filter.verdict, &listed::OUTCOMES)?,
        task: listed::known("task", filter.task, &listed::tasks())?,
        words,
        takes_forecasts: filter.forecasts.is_some(),
    };
    let walked = listed::page(&pool, &filter, sort, place, limit).await?;
    let mut rows = table::all_of(&pool, &walked.ids).await?;
    rows.sort_by_key(|row| walked.ids.iter().position(|id| *id == row.id));
    let next = walked
        .next
        .map(|(Place::Before(key) | Place::After(key))| key.to_string());
    Ok(Page {
        items: rows.into_iter().map(Experiment::from).collect(),
        next,
    })
}

/// A proposal.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewExperiment {
    /// The claim it tests.
    claim: ClaimId,
    /// Short name; else the specification's.
    #[serde(default)]
    title: Option<String>,
    /// What the claim implies here, in one sentence; else the criterion's reading.
    #[serde(default)]
    prediction: Option<String>,
    /// Why this tests the claim (Markdown).
    #[serde(default)]
    rationale: String,
    /// The specification: an object, or the same as TOML text.
    spec: Value,
    /// Freeze it and queue its runs at once.
    #[serde(default)]
    register: bool,
    /// With `register`: to look, not to decide. It need not be able to decide anything (any seeds, no criterion), and
    /// never carries a verdict.
    #[serde(default)]
    exploratory: bool,
    /// Seal it, for at most so many days after its registration, 1 to 90: until then, or until its runs end, only a
    /// commitment to it is public.
    #[serde(default)]
    seal_days: Option<i64>,
    /// The registered experiment that this one amends.
    #[serde(default)]
    amends: Option<ExperimentId>,
    /// Why; needed with `amends`.
    #[serde(default)]
    amend_reason: Option<String>,
    /// The experiment that this one varies: what it began as.
    #[serde(default)]
    varies: Option<ExperimentId>,
    /// An agreed rival of the claim, which the same runs are to test, too.
    #[serde(default)]
    rival: Option<ClaimId>,
}

/// Propose an experiment.
#[utoipa::path(post, path = "/api/v1/experiments", tag = "experiments", security(("token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = NewExperiment,
    responses((status = 201, body = Experiment),
        (status = 422, description = "Everything that is wrong, each with a JSON pointer"),
        (status = 429, description = "Too many experiments without a verdict")))]
pub(super) async fn propose(
    State(pool): State<PgPool>,
    State(pace): State<Pace>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<NewExperiment>,
) -> Result<Response, Stop> {
    account.require(Scope::Propose)?;
    let new = body.value;
    // Before the transaction begins, which would hold a connection meanwhile.
    let draft = proposal::checked(Proposal {
        title: new.title,
        prediction: new.prediction,
        rationale: new.rationale,
        seal_days: new.seal_days,
        spec: match new.spec {
            Value::String(toml) => Source::Toml(toml),
            other => Source::Json(other),
        },
    })
    .await?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    let mut problems = Vec::new();
    if db::claims::find(&mut *call.tx, new.claim).await?.is_none() {
        let detail = format!(
            "there is no claim {}; GET /api/v1/claims lists them.",
            new.claim
        );
        problems.push(FieldProblem::new("/claim", detail));
    }
    let amends = proposal::amendment(
        &mut call.tx,
        new.amends,
        new.amend_reason.as_deref(),
        &mut problems,
    )
    .await?;
    let draft = match draft {
        Ok(draft) => {
            let registrable =
                || proposal::check_registrable(&draft.spec, &pace.board(), new.exploratory);
            if new.register
                && let Err(found) = registrable()
            {
                problems.extend(found);
            }
            Some(draft)
        }
        Err(found) => {
            problems.extend(found);
            None
        }
    };
    if let (Some(rival), Some(draft)) = (new.rival, &draft)
        && let Err(problem) = rival::check(&mut call.tx, new.claim, rival, &draft.spec).await?
    {
        problems.push(problem);
    }
    if let Some(origin) = new.varies {
        let known = table::find(&mut *call.tx, origin, None).await?;
        if known.is_none_or(|origin| origin.visible().is_none()) {
            let detail = "must be an experiment that everybody may see.";
            problems.push(FieldProblem::new("/varies", detail));
        }
    }
    let Some(draft) = draft.filter(|_| problems.is_empty()) else {
        return Err(Error::Invalid(problems).into());
    };
    let proposed = proposal::New {
        claim: new.claim,
        author: account.id,
        draft: &draft,
        amends: amends.as_ref(),
    };
    let id = proposal::propose(&mut call.tx, proposed).await?;
    rival::choose(&mut call.tx, id, account.id, new.rival).await?;
    if let Some(origin) = new.varies {
        proposal::vary(&mut call.tx, id, origin).await?;
    }
    if new.register {
        proposal::register(&mut call.tx, id, account.id, &draft.spec, new.exploratory).await?;
    }
    let experiment = find_in(&mut call.tx, id, Some(account.id)).await?;
    call.finish(StatusCode::CREATED, &experiment).await
}

/// Show an experiment.
#[utoipa::path(get, path = "/api/v1/experiments/{id}", tag = "experiments",
    params(("id" = i64, Path, description = "Key")),
    responses((status = 200, body = Experiment), (status = 404, description = "No such experiment")))]
pub(super) async fn show(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
    reader: Option<ApiAccount>,
) -> Result<Json<Experiment>> {
    let mut connection = pool.acquire().await?;
    let reader = reader.map(|reader| reader.id);
    Ok(Json(find_in(&mut connection, id, reader).await?))
}

/// An experiment as `reader` may see it.
pub(super) async fn find_in(
    tx: &mut PgConnection,
    id: ExperimentId,
    reader: Option<AccountId>,
) -> Result<Experiment> {
    let experiment = table::find(&mut *tx, id, reader)
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    match experiment.hidden {
        true => Ok(experiment.into()),
        false => with_power(tx, experiment).await,
    }
}

/// Answers a call with the experiment that it was about, as its caller may see it.
pub(super) async fn done(
    mut call: IdempotentCall,
    id: ExperimentId,
    account: &ApiAccount,
) -> Result<Response, Stop> {
    let experiment = find_in(&mut call.tx, id, Some(account.id)).await?;
    call.finish(StatusCode::OK, &experiment).await
}

/// An experiment with what is not stored of it: what a proposal can find, and who asked the same before.
async fn with_power(tx: &mut PgConnection, experiment: table::Experiment) -> Result<Experiment> {
    let asked_before = jobs::asked_before(&mut *tx, experiment.id).await?;
    let amended_by = db::amendments::of(&mut *tx, experiment.id, diff::CHAIN).await?;
    let power = match experiment.parsed() {
        Ok(spec) => proposal::power_of(tx, &experiment, &spec).await?,
        Err(_) => None,
    };
    Ok(Experiment {
        power,
        asked_before,
        amended_by: Some(amended_by.into_iter().map(|later| later.id).collect()),
        ..experiment.into()
    })
}

/// No fields.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EmptyBody {}

/// How an experiment is registered; no body is the same as none of these.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Registration {
    /// To look, not to decide: what keeps it from deciding anything does not matter, and it never carries a verdict.
    #[serde(default)]
    exploratory: bool,
    /// `acceptance.proposal_sha256` of the proposal that was read: if it was changed since, the answer is a 409 and nothing is
    /// frozen.
    proposal_sha256: Option<String>,
}

/// Freeze an experiment and queue its runs.
#[utoipa::path(post, path = "/api/v1/experiments/{id}/register", tag = "experiments", security(("token" = [])),
    request_body = Option<Registration>,
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    responses((status = 200, body = Experiment), (status = 409, description = "Not proposed any more, or not what was read"),
        (status = 422, description = "It cannot be registered as it is")))]
pub(super) async fn register(
    State(pool): State<PgPool>,
    State(pace): State<Pace>,
    Path(id): Path<ExperimentId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Registration>,
) -> Result<Response, Stop> {
    account.require(Scope::Propose)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    let how = proposal::Registration {
        exploratory: body.value.exploratory,
        read: body.value.proposal_sha256.as_deref(),
    };
    proposal::register_stored(&mut call.tx, id, account.id, &pace.board(), how).await?;
    done(call, id, &account).await
}

/// Withdraw a proposed experiment.
#[utoipa::path(post, path = "/api/v1/experiments/{id}/withdraw", tag = "experiments", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    responses((status = 200, body = Experiment), (status = 409, description = "Not proposed any more")))]
pub(super) async fn withdraw(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<EmptyBody>,
) -> Result<Response, Stop> {
    account.require(Scope::Propose)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    proposal::withdraw(&mut call.tx, id, account.id).await?;
    done(call, id, &account).await
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StopReason {
    /// In one line of 1 to 300 characters, for everybody to read.
    #[schema(min_length = 1, max_length = 300)]
    reason: String,
}

/// Stop an experiment (its author or an admin): its open runs are cancelled and its verdict is *aborted*.
#[utoipa::path(post, path = "/api/v1/experiments/{id}/stop", tag = "experiments", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = StopReason,
    responses((status = 200, body = Experiment), (status = 403, description = "Neither its author nor an admin"),
        (status = 409, description = "Not registered, or over")))]
pub(super) async fn stop(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<StopReason>,
) -> Result<Response, Stop> {
    account.require(Scope::Propose)?;
    let admin = account.require(Scope::Admin).is_ok();
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    proposal::stop(&mut call.tx, id, account.id, admin, &body.value.reason).await?;
    done(call, id, &account).await
}

/// Where a copy of the result lies.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Deposit {
    /// Its DOI, with or without `https://doi.org/`; empty takes it back.
    #[schema(max_length = 250)]
    doi: String,
}

/// Say under which DOI a copy of the result lies in an archive (the experiment's author or an admin); a later one takes the
/// place of an earlier one.
#[utoipa::path(post, path = "/api/v1/experiments/{id}/doi", tag = "experiments", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Deposit,
    responses((status = 200, body = Experiment), (status = 403, description = "Neither its author nor an admin"),
        (status = 409, description = "It has no verdict")))]
pub(super) async fn deposited(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Deposit>,
) -> Result<Response, Stop> {
    account.require(Scope::Propose)?;
    let admin = account.require(Scope::Admin).is_ok();
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    deposit::say(&mut call.tx, id, account.id, admin, &body.value.doi).await?;
    done(call, id, &account).await
}

/// Register the confirmation of an experiment that challenges its claim: what the board's budget did not cover, or what was
/// aborted. Any member may who has none under way; it is the member's own experiment, and its runs wait in the board's line.
#[utoipa::path(post, path = "/api/v1/experiments/{id}/confirm", tag = "experiments", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Option<EmptyBody>,
    responses((status = 201, body = Experiment, description = "The confirmation"),
        (status = 409, description = "There is nothing to confirm, or a confirmation is under way, on the claim or of the member's")))]
pub(super) async fn confirm(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<EmptyBody>,
) -> Result<Response, Stop> {
    account.require(Scope::Propose)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    let confirmation = standing::confirm(&mut call.tx, id, account.id).await?;
    let experiment = find_in(&mut call.tx, confirmation, Some(account.id)).await?;
    call.finish(StatusCode::CREATED, &experiment).await
}

/// List the runs of an experiment, in the order in which they are taken.
#[utoipa::path(get, path = "/api/v1/experiments/{id}/runs", tag = "experiments",
    params(("id" = i64, Path, description = "Key"), Cursor),
    responses((status = 200, body = Page<Run>), (status = 404, description = "No such experiment")))]
pub(super) async fn runs(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
    reader: Option<ApiAccount>,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Run>> {
    let limit = cursor.limit()?;
    let after = RunId(cursor.position()?.unwrap_or(0));
    let experiment = table::find(&pool, id, reader.map(|reader| reader.id))
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    let runs = db::runs::after(&pool, experiment.seen()?, after, limit + 1).await?;
    let data_sets = db::data_sets::of_runs(&pool, &runs).await?;
    let show = |run| Run::new(run, &data_sets);
    Ok(Page::cut(runs, limit, |run| run.id.0, show))
}
