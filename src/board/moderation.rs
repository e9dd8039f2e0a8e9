//! What a moderator decides about a newcomer's work or claim.

use super::Writer;
use crate::db::board as table;
use crate::error::{Error, Result};
use crate::reason;
use breakmywork_protocol::id::{ClaimId, WorkId};
use breakmywork_protocol::record::{self, Act, Subject};
use serde::Deserialize;
use serde_json::json;
use sqlx::PgConnection;

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Everybody sees it from now on, for good.
    Approve,
    /// It stays off the board.
    Decline,
}

/// What members put on the board.
#[derive(Debug, Clone, Copy)]
pub enum Item {
    /// A work.
    Work(WorkId),
    /// A claim.
    Claim(ClaimId),
}

impl Item {
    /// As the record has it.
    pub fn subject(self) -> Subject {
        match self {
            Self::Work(id) => Subject::Work(id),
            Self::Claim(id) => Subject::Claim(id),
        }
    }

    /// The work, or the claim.
    pub fn columns(self) -> (Option<WorkId>, Option<ClaimId>) {
        match self {
            Self::Work(id) => (Some(id), None),
            Self::Claim(id) => (None, Some(id)),
        }
    }
}

/// Approves or declines what waits; what was declined may be approved after all. Who may do so, the caller has checked.
///
/// # Errors
/// Without a reason to decline, not waiting any more, a claim about a work that is not on the board, or a work that is there
/// under another name: then roll `tx` back.
pub async fn decide(
    tx: &mut PgConnection,
    item: Item,
    who: Writer,
    decision: Decision,
    words: &str,
) -> Result<()> {
    let words = match decision == Decision::Approve && words.trim().is_empty() {
        true => None,
        false => Some(reason::checked(words)?),
    };
    let (to, act) = match decision {
        Decision::Approve => ("shown", Act::Approved),
        Decision::Decline => ("declined", Act::Declined),
    };
    let done = match item {
        Item::Work(id) => {
            if decision == Decision::Approve
                && let Some(twin) = table::shown_twin(&mut *tx, id).await?
            {
                return Err(Error::Conflict(format!(
                    "The same work is on the board already, as /works/{twin}. Decline this one and say so."
                )));
            }
            table::moderate_work(&mut *tx, id, who.id, to, words.as_deref()).await?
        }
        Item::Claim(id) => {
            if decision == Decision::Approve && !table::work_is_shown(&mut *tx, id).await? {
                return Err(Error::Conflict(
                    "The work that this claim is about is not on the board. Approve the work first.".into(),
                ));
            }
            table::moderate_claim(&mut *tx, id, who.id, to, words.as_deref()).await?
        }
    };
    if !done {
        return Err(Error::Conflict(
            "That was decided already; look at it again.".into(),
        ));
    }
    let particulars = json!({ "reason": words });
    record::act(&mut *tx, item.subject(), act, Some(who.id), particulars).await?;
    if let (Item::Claim(id), Decision::Approve) = (item, decision) {
        record::claim(tx, id).await?;
    }
    Ok(())
}
