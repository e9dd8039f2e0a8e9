//! Comments and proposals that moderators hide, and appeals against that: what pages and REST have in common.

use crate::db::hiding as table;
use crate::error::{Error, Result};
use crate::reason;
use breakmywork_protocol::id::{AccountId, CommentId, ExperimentId};
use breakmywork_protocol::record::Subject;
use breakmywork_protocol::visible;
use sqlx::PgConnection;

/// Longest appeal, in characters, as the tables' constraints have it.
const APPEAL_CHARS: usize = 1_000;

/// What moderators hide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hideable {
    /// What a person said.
    Comment(CommentId),
    /// An experiment that is not registered.
    Proposal(ExperimentId),
}

impl Hideable {
    /// What it is, in a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Comment(_) => "comment",
            Self::Proposal(_) => "proposal",
        }
    }

    /// As the record has it.
    pub fn subject(self) -> Subject {
        match self {
            Self::Comment(id) => Subject::Comment(id),
            Self::Proposal(id) => Subject::Experiment(id),
        }
    }
}

impl From<CommentId> for Hideable {
    fn from(id: CommentId) -> Self {
        Self::Comment(id)
    }
}

impl From<ExperimentId> for Hideable {
    fn from(id: ExperimentId) -> Self {
        Self::Proposal(id)
    }
}

/// What is done, with the words for everybody to read.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    /// A moderator hides it.
    Hide(&'a str),
    /// A moderator shows it again.
    Unhide(&'a str),
    /// Its author says why it should be shown: once each time that it is hidden.
    Appeal(&'a str),
    /// A moderator leaves it hidden against an appeal.
    Decline(&'a str),
}

/// Does it, on record.
///
/// # Errors
/// Without words, no such thing, not its author's, or nothing to do: then roll `tx` back.
pub async fn act(
    tx: &mut PgConnection,
    what: Hideable,
    by: AccountId,
    step: Step<'_>,
) -> Result<()> {
    let author = table::author(&mut *tx, what)
        .await?
        .ok_or_else(|| Error::missing(what.name(), what.subject().id().unwrap_or_default()))?;
    // Whose it is comes before what is said.
    if matches!(step, Step::Appeal(_)) && author != Some(by) {
        return Err(Error::Forbidden(format!(
            "Only its author appeals against hiding a {}.",
            what.name()
        )));
    }
    let words = match step {
        Step::Hide(why) | Step::Unhide(why) | Step::Decline(why) => reason::checked(why)?,
        Step::Appeal(words) => appeal(words)?,
    };
    let done = match step {
        Step::Hide(_) => table::hide(tx, what, by, &words).await?,
        Step::Unhide(_) => table::unhide(tx, what, by, &words).await?,
        Step::Appeal(_) => table::appeal(tx, what, by, &words).await?,
        Step::Decline(_) => table::decline(tx, what, by, &words).await?,
    };
    match done {
        true => Ok(()),
        false => Err(Error::Conflict(refusal(what, step))),
    }
}

fn appeal(words: &str) -> Result<String> {
    let words = visible::line(words)
        .map_err(|detail| Error::field("/words", format!("The appeal {detail}")))?;
    match (1..=APPEAL_CHARS).contains(&words.chars().count()) {
        true => Ok(words),
        false => Err(Error::field(
            "/words",
            format!(
                "Say in one line of 1 to {APPEAL_CHARS} characters why it should be shown; everybody can read it."
            ),
        )),
    }
}

/// Why there was nothing to do.
fn refusal(what: Hideable, step: Step<'_>) -> String {
    let name = what.name();
    match (step, what) {
        (Step::Hide(_), Hideable::Comment(_)) => {
            "This comment is hidden or deleted already, or is a result, which stays.".to_owned()
        }
        (Step::Hide(_), Hideable::Proposal(_)) => {
            "This proposal is hidden already, is sealed, or was registered: what is registered is evidence, and stays. Dispute it if it should not count.".to_owned()
        }
        (Step::Unhide(_), _) => format!("This {name} is shown already."),
        (Step::Appeal(_), _) => {
            format!("A {name} is appealed for once, each time that it is hidden.")
        }
        (Step::Decline(_), _) => {
            format!("No appeal against hiding this {name} waits for an answer.")
        }
    }
}
