//! Editing what stands on the board. Every edit is kept with who made it and when; what an experiment was registered against
//! stays as it was said.

use super::{CheckedClaim, CheckedWork, Item, Writer, may_still_edit, not_twice};
use crate::db::claims::Claim;
use crate::db::works::Work;
use crate::db::{accounts, board as table, claims};
use crate::error::{Error, Result};
use breakmywork_protocol::record::{self, Act};
use serde_json::json;
use sqlx::PgConnection;

/// Whether somebody may edit a work: who put it on the board, and moderators.
///
/// # Errors
/// If not.
pub fn may_edit_work(work: &Work, who: Writer) -> Result<()> {
    if who.role.is_moderator() || work.added_by_id == Some(who.id) {
        return Ok(());
    }
    Err(Error::Forbidden(
        "Only who put a work on the board and moderators edit it.".into(),
    ))
}

/// Whether somebody may edit a claim: its author, and moderators.
///
/// # Errors
/// If not.
pub fn may_edit_claim(claim: &Claim, who: Writer) -> Result<()> {
    if who.role.is_moderator() || claim.answering_id == Some(who.id) {
        return Ok(());
    }
    Err(Error::Forbidden(
        "Only the author of a claim and moderators edit it. Say in its thread what should change."
            .into(),
    ))
}

/// What came between: somebody else saved it.
fn changed_meanwhile() -> Error {
    Error::Conflict(
        "Somebody edited this since you read it. Read it again; what you typed is not stored."
            .into(),
    )
}

/// Stores other words for a work, as an edit of its state `version`. Nothing is stored where nothing changes.
///
/// # Errors
/// Not allowed, over the limit, changed meanwhile, or on the board already: then roll `tx` back.
pub async fn edit_work(
    tx: &mut PgConnection,
    who: Writer,
    work: &Work,
    version: i64,
    to: &CheckedWork,
) -> Result<()> {
    may_edit_work(work, who)?;
    accounts::lock(&mut *tx, who.id).await?;
    may_still_edit(&mut *tx, who.id).await?;
    table::lock_work(&mut *tx, work.id).await?;
    if table::version(&mut *tx, Item::Work(work.id)).await? != version {
        return Err(changed_meanwhile());
    }
    if work.is_shown() {
        not_twice(&mut *tx, to, Some(work.id)).await?;
    }
    let Some(edit) = table::update_work(&mut *tx, work.id, who.id, to).await? else {
        return Ok(());
    };
    on_record(tx, Item::Work(work.id), who, edit).await
}

/// Stores other words for a claim, as an edit of its state `version`. Nothing is stored where nothing changes.
///
/// # Errors
/// Not allowed, over the limit, changed meanwhile, or another claim than what experiments were registered against: then roll
/// `tx` back.
pub async fn edit_claim(
    tx: &mut PgConnection,
    who: Writer,
    claim: &Claim,
    version: i64,
    to: &CheckedClaim,
) -> Result<()> {
    may_edit_claim(claim, who)?;
    accounts::lock(&mut *tx, who.id).await?;
    may_still_edit(&mut *tx, who.id).await?;
    // Whoever registers meanwhile waits for this.
    let under_test = table::lock_claim(&mut *tx, claim.id).await?;
    if table::version(&mut *tx, Item::Claim(claim.id)).await? != version {
        return Err(changed_meanwhile());
    }
    if under_test && to.says_otherwise(claim) {
        return Err(Error::Conflict(format!(
            "Experiments are registered on {}, so its sentence and what it covers stay as they are. Narrow it, or state another claim.",
            claim.label
        )));
    }
    if claim.covers.0.get() != Some(&to.covers) && is_in_line(&mut *tx, claim).await? {
        return Err(Error::Conflict(format!(
            "{} narrows another claim, or is narrowed by one, so what it covers stays as it is. Narrow it, or state another claim.",
            claim.label
        )));
    }
    let Some(edit) = table::update_claim(&mut *tx, claim.id, who.id, to).await? else {
        return Ok(());
    };
    on_record(tx, Item::Claim(claim.id), who, edit).await
}

/// Whether a claim narrows another one or is narrowed: a scope that could be edited would leave what made the line fall.
async fn is_in_line(tx: &mut PgConnection, claim: &Claim) -> Result<bool> {
    Ok(claim.revises.is_some() || !claims::revisions(tx, claim.id).await?.is_empty())
}

impl CheckedClaim {
    /// Whether it is another claim: another sentence, another account of where it holds, or another scope.
    fn says_otherwise(&self, claim: &Claim) -> bool {
        self.sentence != claim.sentence
            || self.scope != claim.scope.trim()
            || claim.covers.0.get() != Some(&self.covers)
    }
}

async fn on_record(
    tx: &mut PgConnection,
    item: Item,
    who: Writer,
    edit: table::Edit,
) -> Result<()> {
    if !edit.public {
        return Ok(());
    }
    let particulars = json!({ "edit": edit.id, "before": edit.before, "after": edit.after });
    Ok(record::act(tx, item.subject(), Act::Edited, Some(who.id), particulars).await?)
}
