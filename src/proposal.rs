//! Proposing an experiment: what form and REST have in common.

use crate::db::experiments::{self as table, Draft, Experiment};
use crate::db::{accounts, claims};
use crate::error::{Error, FieldProblem, Result};
use crate::heavy;
use crate::reason;
use breakmywork_protocol::id::{AccountId, ClaimId, ExperimentId};
use breakmywork_protocol::jobs;
use breakmywork_protocol::limit;
use breakmywork_protocol::spec::{self, Board, Criterion, Format, Problem, Problems, Spec};
use breakmywork_protocol::verdict::Power;
use breakmywork_protocol::visible;
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};

/// Longest prediction, in characters, as the table's constraint has it.
const PREDICTION_CHARS: usize = 1_000;
/// Longest rationale, in characters, as the table's constraint has it.
const RATIONALE_CHARS: usize = 20_000;
/// Longest reason for an amendment, in characters.
pub const AMEND_REASON_CHARS: usize = 500;

/// Longest time that an experiment stays sealed, in days after its registration; as the table's constraint has it.
pub const SEAL_DAYS: i64 = 90;

/// Registered experiments of one person that have no verdict yet: a share of the queue, not all of it.
pub const OPEN_EXPERIMENTS: i64 = 20;

/// Proposals of one person within an hour: a script that explores may, one that floods may not.
pub const PROPOSALS_PER_HOUR: i64 = 120;

/// The specification as it came in.
#[derive(Debug, Clone)]
pub enum Source {
    /// Text of a file.
    Toml(String),
    /// Text of the form, and what it was read as; none if it cannot be read, which the form says itself.
    Read {
        /// The text.
        toml: String,
        /// What it says.
        spec: Option<Box<Spec>>,
    },
    /// An object of a REST request.
    Json(Value),
}

/// A proposal as a person or a script sent it.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// Short name; else the specification's.
    pub title: Option<String>,
    /// What the claim implies here; else the criterion's reading.
    pub prediction: Option<String>,
    /// Why this tests the claim (Markdown).
    pub rationale: String,
    /// The plan.
    pub spec: Source,
    /// Sealed, for at most so many days after its registration.
    pub seal_days: Option<i64>,
}

impl From<Problem> for FieldProblem {
    fn from(problem: Problem) -> Self {
        Self::new(problem.pointer, problem.detail)
    }
}

/// The problems of a specification, below `prefix` of the request's body.
pub fn below(prefix: &str, problems: Problems) -> Vec<FieldProblem> {
    problems
        .0
        .into_iter()
        .map(|problem| FieldProblem::new(format!("{prefix}{}", problem.pointer), problem.detail))
        .collect()
}

/// Checks all of a proposal at once.
///
/// # Errors
/// Everything that is wrong, with pointers `/title`, `/prediction`, `/rationale` and `/spec/…`.
pub fn check(proposal: &Proposal) -> Result<Draft, Vec<FieldProblem>> {
    let read = match &proposal.spec {
        Source::Toml(text) => spec::read(text, Format::Toml),
        Source::Read { spec, .. } => spec
            .as_deref()
            .cloned()
            .ok_or_else(|| Problems::one("", "cannot be read.")),
        // The same limit as for text, whichever way it comes.
        Source::Json(value) => match value.to_string().len() {
            length if length > spec::limits::TEXT_BYTES => Err(Problems::one(
                "",
                format!(
                    "has {length} bytes as JSON; at most {} are read.",
                    spec::limits::TEXT_BYTES
                ),
            )),
            _ => spec::read_value(value),
        },
    };
    let mut problems = Vec::new();
    let spec = read
        .map_err(|found| problems.extend(below("/spec", found)))
        .ok();
    let spec_title = spec.as_ref().map_or("", |spec| &spec.title);
    let title = line(
        proposal.title.as_deref().unwrap_or(spec_title),
        "/title",
        spec::limits::TITLE_CHARS,
        &mut problems,
    );
    let criterion = spec.as_ref().and_then(|spec| spec.criterion.as_ref());
    let reading = criterion.map(Criterion::reading).unwrap_or_default();
    let given = proposal
        .prediction
        .as_deref()
        .map(str::trim)
        .unwrap_or_default();
    let prediction = if given.is_empty() { &reading } else { given };
    if spec.is_some() && prediction.is_empty() {
        problems.push(FieldProblem::new(
            "/prediction",
            "is missing, and without a [criterion] it cannot be worded for you: say in one sentence what the claim implies here.",
        ));
    }
    let prediction = line(prediction, "/prediction", PREDICTION_CHARS, &mut problems);
    let length = proposal.rationale.chars().count();
    if length > RATIONALE_CHARS {
        problems.push(FieldProblem::new(
            "/rationale",
            format!("may have at most {RATIONALE_CHARS} characters; this has {length}."),
        ));
    }
    if proposal.rationale.contains('\0') {
        problems.push(FieldProblem::new(
            "/rationale",
            "must not contain a NUL character.",
        ));
    }
    let seal_days = seal_days(proposal.seal_days, spec.as_ref(), &mut problems);
    match spec {
        Some(spec) if problems.is_empty() => Ok(Draft {
            seal_days,
            title,
            prediction,
            rationale: proposal.rationale.trim().to_owned(),
            spec_source: match &proposal.spec {
                Source::Toml(toml) | Source::Read { toml, .. } => toml.clone(),
                Source::Json(_) => spec.to_toml(),
            },
            spec,
        }),
        _ => Err(problems),
    }
}

/// For how many days a proposal is sealed. A plan that shows by its length or its stages how it goes cannot be.
fn seal_days(
    days: Option<i64>,
    spec: Option<&Spec>,
    problems: &mut Vec<FieldProblem>,
) -> Option<i16> {
    let days = days?;
    if !(1..=SEAL_DAYS).contains(&days) {
        let detail = format!(
            "A seal lasts 1 to {SEAL_DAYS} days after registration, or until the end of the runs."
        );
        problems.push(FieldProblem::new("/seal_days", detail));
    }
    let tells = spec.and_then(|spec| match () {
        () if spec.is_search() => Some("A search shows by its length how it goes, so it cannot be sealed."),
        () if spec.is_sequential() => Some(
            "A sequential plan shows by its length how it goes, so it cannot be sealed. Take `stopping` out of its criterion, or do not seal it.",
        ),
        () if spec.tuning.is_some() => Some(
            "A tuned plan shows by its stages what it tries, so it cannot be sealed. Take `[tuning]` out of it, or do not seal it.",
        ),
        () => None,
    });
    problems.extend(tells.map(|detail| FieldProblem::new("/seal_days", detail)));
    i16::try_from(days).ok()
}

/// [`check`] away from the threads that answer: a specification with many mistakes takes a while.
///
/// # Errors
/// As there.
pub async fn checked(proposal: Proposal) -> Result<Result<Draft, Vec<FieldProblem>>> {
    tokio::task::spawn_blocking(move || check(&proposal))
        .await
        .map_err(Error::internal)
}

/// What a proposal amends: a registered experiment, and why.
///
/// # Errors
/// If the database is away. What is wrong goes to `problems`, with pointers `/amends` and `/amend_reason`.
pub async fn amendment(
    tx: &mut PgConnection,
    amends: Option<ExperimentId>,
    reason: Option<&str>,
    problems: &mut Vec<FieldProblem>,
) -> Result<Option<(ExperimentId, String)>> {
    let given = reason.is_some_and(|reason| !reason.trim().is_empty());
    let Some(id) = amends else {
        if given {
            problems.push(FieldProblem::new(
                "/amends",
                "name the experiment that is amended.",
            ));
        }
        return Ok(None);
    };
    let mut found = Vec::new();
    let reason = line(
        reason.unwrap_or_default(),
        "/amend_reason",
        AMEND_REASON_CHARS,
        &mut found,
    );
    if !given || (reason.is_empty() && found.is_empty()) {
        found = vec![FieldProblem::new(
            "/amend_reason",
            format!("say in 1 to {AMEND_REASON_CHARS} characters why the experiment is amended."),
        )];
    }
    match table::find(tx, id, None).await? {
        Some(earlier) if earlier.registered_at.is_some() => {
            // An amendment shows what it changed, and so both.
            if earlier.closed {
                let detail = "is sealed; it can be amended once it is opened.";
                found.push(FieldProblem::new("/amends", detail));
            }
        }
        _ => found.push(FieldProblem::new(
            "/amends",
            "must be a registered experiment.",
        )),
    }
    let amends = found.is_empty().then_some((id, reason));
    problems.extend(found);
    Ok(amends)
}

/// A proposal that was checked.
#[derive(Debug, Clone, Copy)]
pub struct New<'a> {
    /// The claim it tests.
    pub claim: ClaimId,
    /// Who proposes it.
    pub author: AccountId,
    /// What is stored.
    pub draft: &'a Draft,
    /// What it amends, and why.
    pub amends: Option<&'a (ExperimentId, String)>,
}

/// Stores a proposal.
///
/// # Errors
/// Over a limit: then roll `tx` back.
pub async fn propose(tx: &mut PgConnection, new: New<'_>) -> Result<ExperimentId> {
    accounts::lock(tx, new.author).await?;
    let counts = limit::proposals_of(&mut *tx, new.author).await?;
    if let Some(most) = counts.open.reached(limit::OPEN_PROPOSALS) {
        return Err(Error::TooMany {
            detail: format!(
                "You have {most} proposals that are not registered. Register or withdraw some, then propose this one."
            ),
            retry_after: 600,
        });
    }
    if let Some(most) = counts.within_an_hour.reached(PROPOSALS_PER_HOUR) {
        return Err(Error::TooMany {
            detail: format!(
                "You proposed {most} experiments within an hour. Wait a little, then propose this one."
            ),
            retry_after: 600,
        });
    }
    let amends = new.amends.map(|(id, reason)| (*id, reason.as_str()));
    Ok(table::create(tx, new.claim, new.author, new.draft, amends).await?)
}

/// Stores a proposal that came from a form: one that was sent twice is stored once.
///
/// # Errors
/// As [`propose`].
pub async fn propose_once(tx: &mut PgConnection, new: New<'_>) -> Result<ExperimentId> {
    accounts::lock(tx, new.author).await?;
    let amends = new.amends.map(|(id, _)| *id);
    match table::just_proposed(&mut *tx, new.claim, new.author, new.draft, amends).await? {
        Some(twin) => Ok(twin),
        None => propose(tx, new).await,
    }
}

/// Says of which experiment a fresh proposal is a variation, for good. One that is not there, or sealed, is named nowhere.
///
/// # Errors
/// If the database is away.
pub async fn vary(tx: &mut PgConnection, id: ExperimentId, origin: ExperimentId) -> Result<()> {
    let known = table::find(&mut *tx, origin, None).await?;
    if known.is_some_and(|origin| origin.visible().is_some()) {
        table::insert_variation(tx, id, origin).await?;
    }
    Ok(())
}

/// Withdraws `author`'s proposal.
///
/// # Errors
/// Not `author`'s, or not proposed any more: then roll `tx` back.
pub async fn withdraw(tx: &mut PgConnection, id: ExperimentId, author: AccountId) -> Result<()> {
    let experiment = table::find(&mut *tx, id, Some(author))
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    if experiment.author_id != author {
        return Err(Error::Forbidden(
            "Only its author can withdraw an experiment.".into(),
        ));
    }
    Ok(jobs::withdraw(tx, id, author).await?)
}

/// Stops an experiment for good: its open runs are cancelled, and its verdict is *aborted* with the reason.
///
/// # Errors
/// Neither `who`'s own nor `who` an admin, not registered, or over: then roll `tx` back.
pub async fn stop(
    tx: &mut PgConnection,
    id: ExperimentId,
    who: AccountId,
    admin: bool,
    reason: &str,
) -> Result<()> {
    let experiment = table::find(&mut *tx, id, Some(who))
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    may_stop(&experiment, who, admin)?;
    let reason = reason::checked(reason)?;
    Ok(jobs::stop(tx, id, who, &reason).await?)
}

/// Whether that person may stop the experiment. A confirmation is the board's, whoever pressed the button: nobody with an
/// interest in how it ends may end it.
///
/// # Errors
/// If not, with the reason.
pub fn may_stop(experiment: &Experiment, who: AccountId, admin: bool) -> Result<()> {
    if admin || (experiment.author_id == who && experiment.confirms.is_none()) {
        return Ok(());
    }
    Err(Error::Forbidden(
        if experiment.confirms.is_some() {
            "Only an admin can stop a confirmation, whoever registered it."
        } else {
            "Only its author or an admin can stop an experiment."
        }
        .into(),
    ))
}

/// Checks that an experiment can be frozen and run on that board, beyond being readable. An `exploratory` one need not be
/// able to decide anything.
///
/// # Errors
/// Everything that stands against it, with pointers below `/spec`.
pub fn check_registrable(
    spec: &Spec,
    board: &Board,
    exploratory: bool,
) -> Result<(), Vec<FieldProblem>> {
    let mut problems = spec.too_much_for(board);
    if spec.is_search() {
        // It decides nothing either way; what it finds is to be an experiment that can.
        problems.splice(0..0, spec.unsearchable());
    } else if !exploratory {
        problems.splice(0..0, spec.undecidable());
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(below("/spec", Problems(problems))),
    }
}

/// What an experiment can find: as it was known at registration; before, as things are.
///
/// # Errors
/// If the database is away.
pub async fn power_of(
    db: impl PgExecutor<'_>,
    experiment: &Experiment,
    spec: &Spec,
) -> Result<Option<Power>> {
    match experiment.state.as_str() {
        "proposed" => Ok(jobs::power(db, spec, experiment.author_id).await?),
        _ => Ok(experiment
            .power
            .as_ref()
            .and_then(|power| power.get())
            .cloned()),
    }
}

/// What earlier noise says against an experiment: that it would find nothing that can happen.
pub fn stands_against(power: Option<&Power>) -> Vec<FieldProblem> {
    let found = power.and_then(Power::hopeless);
    below("/spec", Problems(found.into_iter().collect()))
}

/// Freezes `author`'s experiment, whose specification is `spec`, and queues its runs.
///
/// # Errors
/// Over the quota, not proposed any more, not `author`'s, or with nothing to find by the noise of earlier ones: then roll
/// `tx` back.
pub async fn register(
    tx: &mut PgConnection,
    id: ExperimentId,
    author: AccountId,
    spec: &Spec,
    exploratory: bool,
) -> Result<()> {
    within_quota(tx, author).await?;
    if spec.is_search() {
        let against = outside_of_claim(&mut *tx, id, spec).await?;
        if !against.is_empty() {
            return Err(Error::Invalid(against));
        }
    }
    let power = jobs::power(&mut *tx, spec, author).await?;
    let against = stands_against(power.as_ref());
    // Of a search there is no power to tell.
    if !exploratory && !against.is_empty() {
        return Err(Error::Invalid(against));
    }
    Ok(jobs::register_knowing(tx, id, author, spec, exploratory, power.as_ref()).await?)
}

/// Why what a search finds could not speak against its claim: that is not searched for.
///
/// # Errors
/// If the database is away.
pub async fn outside_of_claim(
    db: impl PgExecutor<'_>,
    id: ExperimentId,
    spec: &Spec,
) -> Result<Vec<FieldProblem>> {
    if !spec.is_search() {
        return Ok(Vec::new());
    }
    let scope = claims::scope_of(db, id).await?;
    let spec = spec.clone();
    let outside = heavy::run(move || match scope {
        Some(scope) => spec.outside_of(&scope),
        None => vec![Problem {
            pointer: "/criterion".into(),
            detail: "cannot be held against the claim: its scope cannot be read any more.".into(),
        }],
    })
    .await?;
    Ok(below("/spec", Problems(outside)))
}

/// Whether a person may register one more experiment; the account stays locked, so that two at once are counted.
///
/// # Errors
/// Over the quota: then roll `tx` back.
pub async fn within_quota(tx: &mut PgConnection, author: AccountId) -> Result<()> {
    accounts::lock(tx, author).await?;
    let open = table::open_of(&mut *tx, author).await?;
    if let Some(most) = open.reached(OPEN_EXPERIMENTS) {
        return Err(Error::TooMany {
            detail: format!(
                "You have {most} registered experiments without a verdict. Wait until one concludes, then register this one."
            ),
            retry_after: 600,
        });
    }
    Ok(())
}

/// Said of a proposal that is not the one that was read.
pub const CHANGED: &str = "This proposal was changed after you read it, so nothing was registered. Read it as it stands now, and register it then.";

/// How a stored proposal is registered.
#[derive(Debug, Clone, Copy)]
pub struct Registration<'a> {
    /// To look, not to decide.
    pub exploratory: bool,
    /// SHA-256 of the proposal that was read before; without one whatever stands there is frozen.
    pub read: Option<&'a str>,
}

/// Reads an experiment's stored specification again, by today's limits, and registers it.
///
/// # Errors
/// As [`register`]; if it is not the proposal that was read; or everything that stands against the specification.
pub async fn register_stored(
    tx: &mut PgConnection,
    id: ExperimentId,
    author: AccountId,
    board: &Board,
    how: Registration<'_>,
) -> Result<()> {
    // Both until the end: what is checked here is what is frozen.
    accounts::lock(&mut *tx, author).await?;
    table::lock(&mut *tx, id).await?;
    let experiment = table::find(&mut *tx, id, Some(author))
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    // Whose it is and whether it is still open comes first: both would be odd to learn after a list of fields.
    if experiment.author_id != author {
        return Err(Error::Forbidden(
            "Only its author can register an experiment.".into(),
        ));
    }
    not_hidden(&experiment)?;
    if experiment.state == "proposed" {
        if how
            .read
            .is_some_and(|read| experiment.proposal_sha256().as_deref() != Some(read))
        {
            return Err(Error::Conflict(CHANGED.into()));
        }
        let spec = spec::read_value(&experiment.spec)
            .map_err(|problems| Error::Invalid(below("/spec", problems)))?;
        check_registrable(&spec, board, how.exploratory).map_err(Error::Invalid)?;
        return register(tx, id, author, &spec, how.exploratory).await;
    }
    Err(Error::Conflict(format!(
        "This experiment is {}; only a proposed one can be registered.",
        experiment.state
    )))
}

/// Whether a proposal may change or be registered: not while a moderator hides it.
///
/// # Errors
/// If not, with what its author can do.
pub fn not_hidden(experiment: &Experiment) -> Result<()> {
    match experiment.hidden_at {
        None => Ok(()),
        Some(_) => Err(Error::Conflict(
            "A moderator hid this proposal, so it stays as it is. Appeal on its page, or withdraw it and propose another one.".into(),
        )),
    }
}

/// A single line of text, or a problem. An empty one is a problem only where nothing else explains it.
fn line(given: &str, pointer: &str, most: usize, problems: &mut Vec<FieldProblem>) -> String {
    let detail = match visible::line(given) {
        _ if given.trim().chars().count() > most => format!(
            "may have at most {most} characters; this has {}.",
            given.trim().chars().count()
        ),
        Err(detail) => detail,
        Ok(line) if line.is_empty() && problems.is_empty() => "is missing.".to_owned(),
        Ok(line) => return line,
    };
    problems.push(FieldProblem::new(pointer, detail));
    String::new()
}
