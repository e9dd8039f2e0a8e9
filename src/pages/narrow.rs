//! Narrowing a claim: a form that shows what becomes of its experiments before anything is stored.

use super::{Cache, board::refusal, narrow, see_other, show, typed::Typed, with_status};
use crate::{
    auth::session::Viewer,
    board::Writer,
    db::{
        claims::{self, Claim},
        points,
    },
    error::{Error, FieldProblem, Result},
    extract::{Form, Member, Path, Query, Visit},
    lineage::{self, Resorted, Revision},
    render::{badge, form::FormErrors, number},
    scope_map::NEWEST,
    state::AppState,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::{
    id::ClaimId,
    scope::{Narrower, Scope, Sorting},
    spec::{Cell, TaskName},
    text,
};
use serde::Deserialize;

/// Experiments of each sorting that are listed in the preview.
const LISTED: usize = 50;

/// Where the form starts from.
#[derive(Debug, Default, Deserialize)]
pub struct Start {
    /// `survived`: from where the claim survived.
    from: Option<String>,
}

impl Typed {
    /// What would be typed to say this.
    fn of(revision: &Revision) -> Self {
        let to = &revision.to;
        let mut fields = vec![
            ("sentence", revision.sentence.clone()),
            ("scope", revision.scope.clone()),
            ("reason", revision.reason.clone()),
            ("data", to.data.join(", ")),
        ];
        fields.extend(to.tasks.iter().map(|it| ("tasks", it.name().to_owned())));
        fields.extend(to.cells.iter().map(|it| ("cells", it.name().to_owned())));
        let mut typed = Self::from_pairs(fields);
        typed.push_range("hidden", to.hidden);
        typed.push_range("length", to.length);
        typed.push_range("rate", to.rate);
        typed
    }

    fn revision(&self, errors: &mut FormErrors) -> Revision {
        let mut to = Narrower {
            data: self.names("data"),
            tasks: self.chosen("tasks", "Choose tasks of the list.", errors),
            cells: self.chosen("cells", "Choose cells of the list.", errors),
            ..Narrower::default()
        };
        to.hidden = self.range("hidden", errors);
        to.length = self.range("length", errors);
        to.rate = self.range("rate", errors);
        Revision {
            sentence: self.get("sentence").to_owned(),
            scope: self.get("scope").to_owned(),
            reason: self.get("reason").to_owned(),
            to,
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "claim_narrow.html")]
struct NarrowPage {
    visit: Visit,
    claim: Claim,
    scope: Scope,
    typed: Typed,
    errors: FormErrors,
    /// What becomes of the experiments; nothing before it was asked for.
    preview: Option<Vec<Resorted>>,
    /// Said of where the form started.
    status: String,
}

impl NarrowPage {
    /// The claim on which experiments are proposed again: it is not there yet.
    fn reruns(&self) -> Option<ClaimId> {
        None
    }

    fn tasks(&self) -> Vec<TaskName> {
        match self.scope.tasks.is_empty() {
            true => TaskName::ALL.to_vec(),
            false => self.scope.tasks.clone(),
        }
    }

    fn cells(&self) -> Vec<Cell> {
        match self.scope.cells.is_empty() {
            true => Cell::ALL.to_vec(),
            false => self.scope.cells.clone(),
        }
    }

    fn ranges(&self) -> [(&'static str, &'static str, String); 3] {
        let now = |words: Option<String>| words.map_or("any".to_owned(), |words| words);
        [
            ("hidden", "Units a layer", now(self.scope.hidden.words())),
            ("length", "Time steps", now(self.scope.length.words())),
            ("rate", "Dropout rate", now(self.scope.rate.words())),
        ]
    }

    fn typed(&self, field: &str, end: &str) -> &str {
        self.typed.get(&format!("{field}_{end}"))
    }
}

/// The experiments of a sorting, as a page lists them.
pub(super) struct Sorted<'a> {
    pub(super) heading: &'static str,
    pub(super) words: &'static str,
    /// Whether they are to be proposed again.
    pub(super) rerun: bool,
    pub(super) count: usize,
    pub(super) listed: Vec<&'a Resorted>,
}

/// What became of experiments, sorting by sorting.
pub(super) fn sorted(all: &[Resorted]) -> impl Iterator<Item = Sorted<'_>> {
    let sortings = [
        (
            Sorting::StillApplies,
            "Still apply",
            "Decided within the narrower scope. Evidence, seen before the narrower claim was made: its standing does not count it.",
        ),
        (
            Sorting::MustRerun,
            "Must be rerun",
            "Within the narrower scope, and not decided about what it says.",
        ),
        (
            Sorting::OutOfScope,
            "Out of scope",
            "The narrower claim says nothing about these.",
        ),
    ];
    sortings.into_iter().map(|(sorting, heading, words)| {
        let found = all.iter().filter(|it| it.sorting == sorting);
        Sorted {
            heading,
            words,
            rerun: sorting == Sorting::MustRerun,
            count: found.clone().count(),
            listed: found.take(LISTED).collect(),
        }
    })
}

async fn page(state: &AppState, visit: Visit, viewer: &Viewer, id: ClaimId) -> Result<NarrowPage> {
    let claim = claims::find(&state.pool, id)
        .await?
        .ok_or_else(|| Error::missing("claim", id))?;
    lineage::may_narrow(&claim, &viewer.name, viewer.role.is_moderator())?;
    let scope = claim.covers.0.get().cloned().ok_or_else(|| {
        Error::Conflict("What is stored of this claim's scope cannot be read any more.".into())
    })?;
    Ok(NarrowPage {
        visit,
        claim,
        scope,
        typed: Typed::default(),
        errors: FormErrors::new(),
        preview: None,
        status: String::new(),
    })
}

/// The form, as the claim is, or from where it survived.
pub async fn form(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(id): Path<ClaimId>,
    Query(start): Query<Start>,
) -> Result<Response> {
    let mut page = page(&state, visit, &viewer, id).await?;
    let mut revision = Revision {
        sentence: page.claim.sentence.clone(),
        ..Revision::default()
    };
    if start.from.as_deref() == Some("survived") {
        let tried = points::newest(&state.pool, id, NEWEST).await?;
        page.status = match lineage::survived(&tried) {
            Some(found) => {
                revision.to = found.to;
                let survived = number::plural(found.experiments.len(), "experiment supports", "experiments support");
                let words = region(&page.scope, &revision.to);
                let sentence = format!("With {words}: {}", page.claim.sentence);
                revision.sentence = text::cut(&sentence, lineage::SENTENCE_CHARS);
                revision.reason = format!("{} fell; {survived} it with {words}.", page.claim.label);
                revision.reason = text::cut(&revision.reason, 300);
                format!("Filled in from where the claim survived: {survived} it there, and none falsified it. Read it with care: whoever looks for a region where nothing failed finds one by chance, too. The narrower claim starts untested.")
            }
            None => "No region of what was tried supports the claim without a falsification in it, so there is nothing to start from.".into(),
        };
    }
    page.typed = Typed::of(&revision);
    show(&page, Cache::Never)
}

/// The fields in which the region is narrower, in words.
fn region(scope: &Scope, to: &Narrower) -> String {
    let Ok(narrowed) = scope.narrowed(to) else {
        return "a narrower scope".into();
    };
    let before = scope.words();
    let words = narrowed.words().into_iter();
    let new = words.filter(|line| !before.contains(line));
    let parts: Vec<String> = new
        .map(|(subject, words)| format!("{} {words}", subject.to_lowercase()))
        .collect();
    parts.join(" and ")
}

/// Previews a revision, or makes it.
pub async fn submit(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(id): Path<ClaimId>,
    Form(typed): Form<Vec<(String, String)>>,
) -> Result<Response> {
    let mut page = page(&state, visit, &viewer, id).await?;
    page.typed = Typed(typed);
    let revision = page.typed.revision(&mut page.errors);
    let mut tx = state.pool.begin().await?;
    let (sorted, checked) = lineage::check(&mut tx, &page.claim, revision).await?;
    match checked {
        Ok(checked) if page.errors.is_empty() && page.typed.has("action", "narrow") => {
            let who = Writer::from(&viewer);
            match lineage::revise(&mut tx, &page.claim, who, &checked).await {
                Ok(revision) => {
                    tx.commit().await?;
                    tracing::info!(claim = %id, %revision, account = %viewer.id, "narrowed");
                    return Ok(see_other(&format!("/claims/{revision}")));
                }
                Err(error) => refusal(error, &mut page.errors, "sentence")?,
            }
        }
        Ok(_) => {}
        Err(problems) => {
            for FieldProblem { pointer, detail } in problems {
                page.errors.add(field(&pointer), detail);
            }
        }
    }
    page.preview = Some(sorted);
    match page.errors.is_empty() {
        true => show(&page, Cache::Never),
        false => with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never),
    }
}

/// The control that a pointer is about.
fn field(pointer: &str) -> &str {
    match pointer.rsplit('/').next() {
        None | Some("" | "narrower") => "narrower",
        Some(field) => field,
    }
}
