//! What members and moderators do about a claim's standing: confirm, dispute, answer, resolve. What form and REST have in
//! common.

use crate::db::experiments;
use crate::error::{Error, Result};
use crate::{proposal, reason};
use breakmywork_protocol::id::{AccountId, ExperimentId};
use breakmywork_protocol::{jobs, visible};
use sqlx::PgConnection;

/// Longest answer to a dispute, in characters, as the table's constraint has it.
const ANSWER_CHARS: usize = 2_000;

/// Registers the confirmation of an experiment that challenges its claim, on behalf of a member.
///
/// # Errors
/// Over the member's quota, or nothing to confirm: then roll `tx` back.
pub async fn confirm(
    tx: &mut PgConnection,
    id: ExperimentId,
    member: AccountId,
) -> Result<ExperimentId> {
    proposal::within_quota(tx, member).await?;
    Ok(jobs::confirm(tx, id, member).await?)
}

/// Disputes an experiment.
///
/// # Errors
/// Without a reason, not registered, or disputed already: then roll `tx` back.
pub async fn dispute(
    tx: &mut PgConnection,
    id: ExperimentId,
    moderator: AccountId,
    reason: &str,
) -> Result<()> {
    let reason = reason::checked(reason)?;
    Ok(jobs::dispute(tx, id, moderator, &reason).await?)
}

/// Resolves a dispute.
///
/// # Errors
/// Without a reason, or not disputed: then roll `tx` back.
pub async fn resolve_dispute(
    tx: &mut PgConnection,
    id: ExperimentId,
    moderator: AccountId,
    reason: &str,
) -> Result<()> {
    let reason = reason::checked(reason)?;
    Ok(jobs::resolve_dispute(tx, id, moderator, &reason).await?)
}

/// The author answers a dispute.
///
/// # Errors
/// Without an answer, not `author`'s, or not disputed: then roll `tx` back.
pub async fn answer_dispute(
    tx: &mut PgConnection,
    id: ExperimentId,
    author: AccountId,
    answer: &str,
) -> Result<()> {
    let experiment = experiments::find(&mut *tx, id, Some(author))
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    if experiment.author_id != author {
        return Err(Error::Forbidden(
            "Only the author of an experiment answers a dispute of it.".to_owned(),
        ));
    }
    let answer = visible::line(answer)
        .map_err(|detail| Error::field("/answer", format!("The answer {detail}")))?;
    if !(1..=ANSWER_CHARS).contains(&answer.chars().count()) {
        return Err(Error::field(
            "/answer",
            format!("Answer in one line of 1 to {ANSWER_CHARS} characters; everybody can read it."),
        ));
    }
    Ok(jobs::answer_dispute(tx, id, author, &answer).await?)
}
