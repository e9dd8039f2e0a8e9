//! The author of a claim accepts a proposal as a test of it, or declines, and so does that of a rival claim that it tests, too;
//! and who that author is. What form and REST have in common.

use crate::db::acceptance as table;
use crate::db::{claims, experiments};
use crate::error::{Error, Result};
use crate::reason;
use breakmywork_protocol::id::{AccountId, ClaimId, ExperimentId};
use breakmywork_protocol::jobs::{self, Answer};
use breakmywork_protocol::record::{self, Act, Subject};
use serde_json::json;
use sqlx::PgConnection;

/// What a claim's author says to a proposal.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// For which claim: the proposal's own, or the rival that it tests, too; its own, if none is named.
    pub claim: Option<ClaimId>,
    /// Whether it is accepted as a test of that claim.
    pub accepts: bool,
    /// What is said with it; may be empty where it is accepted.
    pub words: &'a str,
    /// The hash of what was read.
    pub proposal_sha256: &'a str,
}

/// Answers a proposal that tests a claim of `member`.
///
/// # Errors
/// Without a reason to decline, not the claim's author, a claim that it does not test, changed since it was read, or not
/// proposed any more: then roll `tx` back.
pub async fn answer(
    tx: &mut PgConnection,
    id: ExperimentId,
    member: AccountId,
    said: Said<'_>,
) -> Result<()> {
    let words = match said.accepts && said.words.trim().is_empty() {
        true => None,
        false => Some(reason::checked(said.words).map_err(|error| at(error, "/words"))?),
    };
    let experiment = experiments::find(&mut *tx, id, Some(member))
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    // Nobody accepts what they cannot read: what is sealed is unilateral.
    experiment.seen()?;
    let claim = said.claim.unwrap_or(experiment.claim);
    if claim != experiment.claim && Some(claim) != experiment.rival {
        return Err(Error::field(
            "/claim",
            match experiment.rival {
                Some(rival) => format!(
                    "This proposal tests claims {} and {rival}.",
                    experiment.claim
                ),
                None => format!("This proposal tests claim {} alone.", experiment.claim),
            },
        ));
    }
    let claim = claims::find(&mut *tx, claim)
        .await?
        .ok_or_else(|| Error::missing("claim", claim))?;
    if claim.answering_id != Some(member) {
        return Err(Error::Forbidden(match claim.answering() {
            Some(author) => format!(
                "{author} is the author of {}, and only the author of a claim accepts or declines tests of it. Everybody else can write into the thread.",
                claim.label
            ),
            None => format!(
                "No account on this board is the author of {}, so nobody can accept or decline tests of it.",
                claim.label
            ),
        }));
    }
    let answer = Answer {
        claim: claim.id,
        accepts: said.accepts,
        words: words.as_deref(),
        proposal_sha256: said.proposal_sha256,
    };
    Ok(jobs::answer(tx, id, member, answer).await?)
}

/// Says whose a claim is that no account put on the board; nobody's again, if `name` is empty. Who may do so, the caller has
/// checked.
///
/// # Errors
/// Without a reason, no such account, or a claim that an account put here: then roll `tx` back.
pub async fn name_author(
    tx: &mut PgConnection,
    id: ClaimId,
    moderator: AccountId,
    name: &str,
    reason: &str,
) -> Result<()> {
    let reason = reason::checked(reason)?;
    let claim = claims::find(&mut *tx, id)
        .await?
        .ok_or_else(|| Error::missing("claim", id))?;
    let name = name.trim();
    let account = match name {
        "" => None,
        name => Some(table::account(&mut *tx, name).await?.ok_or_else(|| {
            Error::field(
                "/author",
                "There is nobody of that name who can sign in. Give the name of an account.",
            )
        })?),
    };
    if let Some(author) = claim.author {
        return Err(Error::Conflict(format!(
            "{author} put this claim on the board and is its author."
        )));
    }
    if claim.named_author.as_deref().unwrap_or_default() == name {
        return Err(Error::Conflict(
            "So it is already; nothing was changed.".into(),
        ));
    }
    if !table::name_author(&mut *tx, id, account).await? {
        return Err(Error::missing("claim", id));
    }
    let author = account.map(|id| json!({ "id": id, "name": name }));
    let particulars = json!({ "author": author, "reason": reason });
    let subject = Subject::Claim(id);
    Ok(record::act(tx, subject, Act::AuthorNamed, Some(moderator), particulars).await?)
}

/// The same error, said of another field.
fn at(error: Error, pointer: &str) -> Error {
    match error {
        Error::Invalid(mut problems) => {
            for problem in &mut problems {
                pointer.clone_into(&mut problem.pointer);
            }
            Error::Invalid(problems)
        }
        other => other,
    }
}
