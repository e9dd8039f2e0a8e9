//! Narrowing a claim: a new claim that says less, and what it makes of the experiments on the earlier one. What form and
//! REST have in common.
//!
//! The earlier claim keeps its standing. The narrower one starts untested, whatever its predecessor went through: who
//! narrows a claim has seen the verdicts, so these are evidence and no test of it.

mod survived;
#[cfg(test)]
mod tests;

pub use survived::{Survived, survived};

use crate::board::{self, Writer};
use crate::db::claims::Claim;
use crate::db::lineage::{self as table, Earlier};
use crate::error::{Error, FieldProblem, Result};
use crate::{heavy, reason};
use breakmywork_protocol::id::{ClaimId, ExperimentId};
use breakmywork_protocol::scope::{self, Narrower, Scope, Sorting};
use breakmywork_protocol::spec::{Problems, Spec};
use breakmywork_protocol::{jobs, record, visible};
use sqlx::PgConnection;

/// Experiments on the earlier claim that are sorted, the newest; those that challenge it besides.
pub const SORTED: i64 = 500;
/// Longest sentence of a claim, in characters, as the table's constraint has it.
pub const SENTENCE_CHARS: usize = 500;
/// Longest account of where a claim is said to hold, in characters.
pub const SCOPE_CHARS: usize = 5_000;

/// A narrower claim as a person or a script sent it.
#[derive(Debug, Clone, Default)]
pub struct Revision {
    /// The claim, in one sentence.
    pub sentence: String,
    /// Where it is said to hold (Markdown).
    pub scope: String,
    /// Why the earlier claim is narrowed.
    pub reason: String,
    /// Over what it speaks.
    pub to: Narrower,
}

/// An experiment on the earlier claim and its place under the narrower one.
#[derive(Debug, Clone)]
pub struct Resorted {
    /// The experiment.
    pub id: ExperimentId,
    /// Its title.
    pub title: String,
    /// Its verdict in a word.
    pub outcome: Option<String>,
    /// Whether it challenges the earlier claim: open, confirmed or not_confirmed.
    pub challenge: Option<String>,
    /// Its place.
    pub sorting: Sorting,
    /// Why it does not apply.
    pub reasons: Vec<String>,
}

/// A revision that was checked.
#[derive(Debug)]
pub struct Checked {
    sentence: String,
    scope: String,
    reason: String,
    covers: Scope,
    /// What becomes of the experiments on the earlier claim, newest first.
    pub sorted: Vec<Resorted>,
}

/// Whether somebody may narrow a claim: who put it here, and moderators.
///
/// # Errors
/// If not.
pub fn may_narrow(claim: &Claim, name: &str, is_moderator: bool) -> Result<()> {
    if is_moderator || claim.author.as_deref() == Some(name) {
        return Ok(());
    }
    Err(Error::Forbidden(
        "Only who put a claim here and moderators narrow it. Say in its thread what it should leave out.".into(),
    ))
}

/// Checks a revision of a claim and sorts the experiments on it; of a revision that is refused, the experiments too where
/// its scope can be told.
///
/// # Errors
/// If the database is away or the claim's scope cannot be read.
pub async fn check(
    db: &mut PgConnection,
    claim: &Claim,
    revision: Revision,
) -> Result<(Vec<Resorted>, Result<Checked, Vec<FieldProblem>>)> {
    let covers = claim.covers.0.get().cloned().ok_or_else(|| {
        Error::Conflict("What is stored of this claim's scope cannot be read any more.".into())
    })?;
    let earlier = table::experiments(db, claim.id, SORTED).await?;
    let sentence = claim.sentence.clone();
    // Specifications are read anew, up to a thousand of them.
    heavy::run(move || checked(&covers, &sentence, revision, earlier)).await
}

fn checked(
    covers: &Scope,
    earlier_sentence: &str,
    revision: Revision,
    earlier: Vec<Earlier>,
) -> (Vec<Resorted>, Result<Checked, Vec<FieldProblem>>) {
    let mut problems = Vec::new();
    let sentence = sentence(&revision.sentence, earlier_sentence)
        .unwrap_or_else(|detail| refused(&mut problems, "/sentence", detail));
    let scope = revision.scope.trim().replace("\r\n", "\n");
    if scope.chars().count() > SCOPE_CHARS || scope.contains('\0') {
        let detail = format!(
            "Say where it holds in at most {SCOPE_CHARS} characters, without NUL characters."
        );
        refused(&mut problems, "/scope", detail);
    }
    let reason = match reason::checked(&revision.reason) {
        Ok(reason) => reason,
        Err(Error::Invalid(found)) => {
            problems.extend(found);
            String::new()
        }
        Err(other) => refused(&mut problems, "/reason", other.to_string()),
    };
    let narrowed = match covers.narrowed(&revision.to) {
        Ok(narrowed) => Some(narrowed),
        Err(Problems(found)) => {
            let found = found.into_iter();
            problems.extend(
                found.map(|it| FieldProblem::new(format!("/narrower{}", it.pointer), it.detail)),
            );
            None
        }
    };
    let sorted: Vec<Resorted> = narrowed
        .iter()
        .flat_map(|narrowed| earlier.iter().map(|it| resorted(narrowed, it)))
        .collect();
    problems.extend(contradiction(&sorted));
    match narrowed {
        Some(covers) if problems.is_empty() => {
            let checked = Checked {
                sentence,
                scope,
                reason,
                covers,
                sorted: sorted.clone(),
            };
            (sorted, Ok(checked))
        }
        _ => (sorted, Err(problems)),
    }
}

fn refused(problems: &mut Vec<FieldProblem>, pointer: &str, detail: String) -> String {
    problems.push(FieldProblem::new(pointer, detail));
    String::new()
}

fn sentence(typed: &str, earlier: &str) -> Result<String, String> {
    let sentence = visible::line(typed).map_err(|detail| format!("The sentence {detail}"))?;
    if !(1..=SENTENCE_CHARS).contains(&sentence.chars().count()) {
        return Err(format!(
            "State the narrower claim in one sentence of 1 to {SENTENCE_CHARS} characters."
        ));
    }
    if visible::skeleton(&sentence) == visible::skeleton(earlier) {
        return Err(
            "This is the earlier claim's sentence. Say in it what the claim is narrowed to.".into(),
        );
    }
    Ok(sentence)
}

fn resorted(narrowed: &Scope, earlier: &Earlier) -> Resorted {
    let facts = scope::Earlier {
        exploratory: earlier.exploratory,
        disputed: earlier.disputed,
        outcome: earlier.outcome.as_deref(),
        chosen: earlier.chosen.as_ref().map(|chosen| &chosen.0),
    };
    let (sorting, reasons) = match Spec::from_stored(&earlier.spec) {
        // Where it lies nobody may know, who narrows the claim least of all.
        _ if earlier.closed => (
            Sorting::MustRerun,
            vec!["It was sealed when the claim was narrowed.".into()],
        ),
        Ok(spec) => narrowed.resort(&spec, facts),
        Err(_) => (
            Sorting::MustRerun,
            vec!["Its specification cannot be read any more.".into()],
        ),
    };
    Resorted {
        id: earlier.id,
        title: earlier.title.clone(),
        outcome: earlier.outcome.clone(),
        challenge: earlier.challenge.clone(),
        sorting,
        reasons,
    }
}

/// A narrower claim leaves out what falsified the earlier one; else it would only be the fallen claim under a new name.
fn contradiction(sorted: &[Resorted]) -> Option<FieldProblem> {
    let against = |it: &&Resorted| {
        it.sorting == Sorting::StillApplies
            && matches!(it.challenge.as_deref(), Some("open" | "confirmed"))
    };
    let first = sorted.iter().find(against)?;
    let more = sorted.iter().filter(against).count() - 1;
    let others = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let how = match first.challenge.as_deref() {
        Some("confirmed") => "which is confirmed",
        _ => "which is not settled",
    };
    Some(FieldProblem::new(
        "/narrower",
        format!(
            "Experiment {}{others} falsified the earlier claim within this scope, {how}: narrow it until that lies outside.",
            first.id
        ),
    ))
}

/// Puts a checked revision on the board and on record. Runs in the caller's transaction: on an error, roll it back.
///
/// # Errors
/// If the claim has as many revisions as there are letters, or as of any claim.
pub async fn revise(
    tx: &mut PgConnection,
    claim: &Claim,
    who: Writer,
    revision: &Checked,
) -> Result<ClaimId> {
    // A newcomer narrows, too: a moderator let the claim onto the board, and what is narrower says less.
    board::room_beside(&mut *tx, who, claim, &revision.sentence).await?;
    let label = table::next_label(tx, claim).await?.ok_or_else(|| {
        Error::Conflict(format!(
            "{} and its revisions have used all letters; state a new claim.",
            claim.label
        ))
    })?;
    let new = table::New {
        earlier: claim,
        label: &label,
        sentence: &revision.sentence,
        scope: &revision.scope,
        covers: &revision.covers,
        reason: &revision.reason,
        author: who.id,
    };
    let id = table::insert(tx, new).await?;
    table::insert_sorted(tx, id, &revision.sorted).await?;
    record::claim(&mut *tx, id).await?;
    // What was disputed when they were sorted, or confirmed since, fells it once it counts.
    jobs::inherit_from_wider(tx, id).await?;
    Ok(id)
}
