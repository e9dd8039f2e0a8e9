//! What changed between two experiments: of an amendment and what it amends, or of any two on one claim.

mod fields;
mod text;
mod timing;

pub use fields::{Change, Section};
pub use text::{Piece, TextDiff, pieces};
pub use timing::{Known, Timing};

use crate::db::amendments::{self, Amendment};
use crate::db::experiments::{self as table, Experiment};
use crate::error::{Error, Result};
use crate::heavy;
use breakmywork_protocol::id::{AccountId, ExperimentId};
use sqlx::PgPool;

/// Amendments in a row that are followed back, and those of one experiment that are named.
pub const CHAIN: i64 = 10;

/// Two experiments and what differs.
#[derive(Debug)]
pub struct Comparison {
    /// The one that is compared with.
    pub before: Experiment,
    /// The one that was asked for.
    pub after: Experiment,
    /// Whether `after` amends `before`.
    pub amends: bool,
    /// What was known of `before` when `after` was registered.
    pub timing: Timing,
    /// Fields of the specification that differ, the criterion's first.
    pub changes: Vec<Change>,
    /// Title, prediction and rationale, where they differ.
    pub texts: Vec<TextDiff>,
    /// What `before` amends in turn, the nearest first; at most [`CHAIN`].
    pub earlier: Vec<Amendment>,
}

/// Compares an experiment with what it amends, or with another one on its claim, as `reader` may see them.
///
/// # Errors
/// If there is no such experiment, one is sealed, it amends nothing and no other is named, or the other one is of another claim.
pub async fn compare(
    pool: &PgPool,
    id: ExperimentId,
    with: Option<ExperimentId>,
    reader: Option<AccountId>,
) -> Result<Comparison> {
    let after = find(pool, id, reader).await?;
    let other = with.or(after.amends).ok_or_else(|| {
        Error::NotFound(format!(
            "Experiment {id} amends no other. Name one on the same claim to compare it with: ?with=…"
        ))
    })?;
    let amends = after.amends == Some(other);
    let before = find(pool, other, reader).await?;
    if !amends && before.claim != after.claim {
        return Err(Error::BadRequest(format!(
            "Experiment {other} is on another claim; experiments of one claim are compared, and amendments with what they amend."
        )));
    }
    let timing = timing::of(pool, &before, &after).await?;
    let earlier = amendments::earlier(pool, other, CHAIN).await?;
    let (before, after, changes, texts) = heavy::run(move || {
        let changes = fields::changes(&before, &after);
        let texts = text::diffs(&before, &after);
        (before, after, changes, texts)
    })
    .await?;
    Ok(Comparison {
        before,
        after,
        amends,
        timing,
        changes,
        texts,
        earlier,
    })
}

/// Both must be open to the reader: a difference tells of both.
async fn find(pool: &PgPool, id: ExperimentId, reader: Option<AccountId>) -> Result<Experiment> {
    let found = table::find(pool, id, reader)
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    found.seen()?;
    Ok(found)
}
