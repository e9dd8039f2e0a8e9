//! What members put on the board: works and claims, their edits, and what waits for a moderator. What form and REST have in
//! common.
//!
//! What a newcomer adds is seen by that person and by moderators alone until a moderator approves it; nothing can be proposed
//! on it before. Every edit is kept, and of what everybody sees it goes on record.

mod claim;
mod edit;
mod history;
mod moderation;
mod work;

pub use claim::{CheckedClaim, NewClaim, check_claim};
pub use edit::{edit_claim, edit_work, may_edit_claim, may_edit_work};
pub use history::{Changed, Difference, differences_of, history};
pub use moderation::{Decision, Item, decide};
pub use work::{CheckedWork, KINDS, NewWork, check_work, doi};

use crate::auth::account::Role;
use crate::auth::token::ApiAccount;
use crate::db::claims::Claim;
use crate::db::{accounts, board as table, claims, works};
use crate::error::{Error, FieldProblem, Result};
use crate::extract::Visit;
use breakmywork_protocol::id::{AccountId, ClaimId, WorkId};
use breakmywork_protocol::{record, visible};
use sqlx::{PgConnection, PgExecutor};

/// Days for which an account without an experiment that has a verdict is a newcomer's.
pub const NEWCOMER_DAYS: i32 = 7;
/// Works and claims of one person within a day.
const PER_DAY: i64 = 20;
/// Works and claims of a newcomer that wait at once.
const WAITING: i64 = 5;
/// Edits of one person within a day.
const EDITS_PER_DAY: i64 = 100;
/// Claims about one work, those that wait included: a page shows them all.
const CLAIMS: i64 = 200;
/// The same for moderators, who go on where members filled a work up; no page shows more.
const CLAIMS_OF_ALL: i64 = 1_000;
/// Claims of one person about one work: nobody closes it for others.
const OWN_CLAIMS: i64 = 20;

/// Who reads: nobody in particular by default.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reader {
    /// The account.
    pub id: Option<AccountId>,
    /// Whether it sees what waits, whoever added it.
    pub is_moderator: bool,
}

impl From<&Visit> for Reader {
    fn from(visit: &Visit) -> Self {
        Self {
            id: visit.reader(),
            is_moderator: visit.is_moderator(),
        }
    }
}

impl From<Option<&ApiAccount>> for Reader {
    fn from(account: Option<&ApiAccount>) -> Self {
        account.map(Self::from).unwrap_or_default()
    }
}

impl From<&ApiAccount> for Reader {
    fn from(account: &ApiAccount) -> Self {
        Self {
            id: Some(account.id),
            is_moderator: account.role.is_moderator(),
        }
    }
}

/// Who writes.
#[derive(Debug, Clone, Copy)]
pub struct Writer {
    /// The account.
    pub id: AccountId,
    /// What it may do.
    pub role: Role,
}

impl Writer {
    /// The same as a reader.
    pub fn reader(self) -> Reader {
        Reader {
            id: Some(self.id),
            is_moderator: self.role.is_moderator(),
        }
    }
}

/// Puts a work on the board, or of a newcomer into the queue; gives its slug. The same sent twice is there once.
///
/// # Errors
/// Over a limit, or on the board already: then roll `tx` back.
pub async fn add_work(tx: &mut PgConnection, who: Writer, work: &CheckedWork) -> Result<String> {
    accounts::lock(&mut *tx, who.id).await?;
    if let Some(twin) = table::just_added_work(&mut *tx, who.id, &work.title).await? {
        return Ok(twin);
    }
    let waits = room(&mut *tx, who).await?;
    not_twice(&mut *tx, work, None).await?;
    let slug = table::free_slug(&mut *tx, &work.slug()).await?;
    let id = table::insert_work(&mut *tx, who.id, &slug, work, waits).await?;
    if !waits {
        record::work(tx, id, Some(who.id)).await?;
    }
    Ok(slug)
}

/// Puts a claim about a work on the board and on record, or of a newcomer into the queue. The same sent twice is there once.
///
/// # Errors
/// Over a limit, no such work, or one that has that claim: then roll `tx` back.
pub async fn add_claim(
    tx: &mut PgConnection,
    who: Writer,
    work: &str,
    claim: &CheckedClaim,
) -> Result<ClaimId> {
    accounts::lock(&mut *tx, who.id).await?;
    let work = works::seen(&mut *tx, work, who.reader())
        .await?
        .ok_or_else(|| Error::missing("work called", work))?;
    if let Some(twin) = table::just_added_claim(&mut *tx, who.id, work.id, &claim.sentence).await? {
        return Ok(twin);
    }
    // What somebody knows waits all the same beside a work that waits.
    let waits = room_for_claim(&mut *tx, who, work.id, &claim.sentence).await? || !work.is_shown();
    let id = table::insert_claim(&mut *tx, who.id, work.id, claim, waits).await?;
    if !waits {
        record::claim(tx, id).await?;
    }
    Ok(id)
}

/// Room for a claim that follows from one on the board, its denial or a narrower one; whether those of that person wait for a
/// moderator, though everybody would see this one at once.
///
/// # Errors
/// As of any claim: then roll `tx` back.
pub async fn room_beside(
    tx: &mut PgConnection,
    who: Writer,
    claim: &Claim,
    sentence: &str,
) -> Result<bool> {
    accounts::lock(&mut *tx, who.id).await?;
    room_for_claim(&mut *tx, who, claim.work, sentence).await
}

/// Room for one more claim about a work, whichever way it comes there; whether it waits. The account is locked, and the work
/// from here on, so that what is sent at once is counted.
///
/// # Errors
/// Over a limit, or somebody said the same.
async fn room_for_claim(
    tx: &mut PgConnection,
    who: Writer,
    work: WorkId,
    sentence: &str,
) -> Result<bool> {
    let waits = room(&mut *tx, who).await?;
    table::lock_work(&mut *tx, work).await?;
    let there = claims::of_work(&mut *tx, work, Reader::default()).await?;
    let same = visible::skeleton(sentence);
    if let Some(twin) = there
        .iter()
        .find(|there| visible::skeleton(&there.sentence) == same)
    {
        return Err(Error::field(
            "/sentence",
            format!("That is claim {} already.", twin.label),
        ));
    }
    let is_moderator = who.role.is_moderator();
    let most = if is_moderator { CLAIMS_OF_ALL } else { CLAIMS };
    let claims = table::claims_of(&mut *tx, work, who.id).await?;
    if claims.all >= most {
        return Err(Error::Conflict(format!(
            "There are {most} claims about this work already. Test one of them."
        )));
    }
    if claims.own >= OWN_CLAIMS && !is_moderator {
        return Err(Error::Conflict(format!(
            "{OWN_CLAIMS} claims about this work are yours already. Test one of them."
        )));
    }
    Ok(waits)
}

/// Whether what that person adds waits; the account is locked, so that two at once are counted.
///
/// # Errors
/// If there is no room for more.
async fn room(tx: &mut PgConnection, who: Writer) -> Result<bool> {
    let added = table::added(&mut *tx, who.id).await?;
    if added.within_a_day >= PER_DAY {
        return Err(Error::TooMany {
            detail: format!(
                "You put {PER_DAY} works and claims on the board within a day. Wait until tomorrow, then add this one."
            ),
            retry_after: 3_600,
        });
    }
    if !waits(&mut *tx, who).await? {
        return Ok(false);
    }
    if added.waiting >= WAITING {
        return Err(Error::TooMany {
            detail: format!(
                "{WAITING} works and claims of yours wait for a moderator. Once one is decided on, add this one."
            ),
            retry_after: 3_600,
        });
    }
    Ok(true)
}

/// Whether what that person adds waits for a moderator.
///
/// # Errors
/// If the database is away.
pub async fn waits(db: impl PgExecutor<'_>, who: Writer) -> Result<bool> {
    Ok(!who.role.is_moderator() && table::is_newcomer(db, who.id, NEWCOMER_DAYS).await?)
}

/// Whether that person may still edit today.
async fn may_still_edit(tx: &mut PgConnection, who: AccountId) -> Result<()> {
    if table::edits_within_a_day(&mut *tx, who).await? >= EDITS_PER_DAY {
        return Err(Error::TooMany {
            detail: format!(
                "You edited {EDITS_PER_DAY} times within a day. Wait until tomorrow, then save this."
            ),
            retry_after: 3_600,
        });
    }
    Ok(())
}

/// Refuses a work that is on the board already, by its DOI or its number on arXiv.
async fn not_twice(tx: &mut PgConnection, work: &CheckedWork, but: Option<WorkId>) -> Result<()> {
    let (doi, arxiv) = (work.doi.as_deref(), work.arxiv.as_deref());
    let Some(twin) = table::known_work(tx, doi, arxiv, but).await? else {
        return Ok(());
    };
    let same_arxiv = arxiv.is_some() && twin.arxiv.as_deref() == arxiv;
    let (pointer, what) = match same_arxiv {
        true => ("/arxiv", "number on arXiv"),
        false => ("/doi", "DOI"),
    };
    Err(Error::field(
        pointer,
        format!(
            "The work of this {what} is on the board: “{}”, /works/{}. State a claim about it there.",
            twin.title, twin.slug
        ),
    ))
}

/// A line of text between two lengths, or a problem.
fn line(
    typed: &str,
    pointer: &str,
    least: usize,
    most: usize,
    problems: &mut Vec<FieldProblem>,
) -> String {
    let length = typed.trim().chars().count();
    let detail = match visible::line(typed) {
        _ if length > most => format!("At most {most} characters; this has {length}."),
        Err(detail) => format!("It {detail}"),
        Ok(line) if line.chars().count() < least => "Fill this in.".to_owned(),
        Ok(line) => return line,
    };
    problems.push(FieldProblem::new(pointer, detail));
    String::new()
}

/// Some lines of Markdown, or a problem.
fn text(
    typed: &str,
    pointer: &str,
    least: usize,
    most: usize,
    problems: &mut Vec<FieldProblem>,
) -> String {
    let text = typed.trim().replace("\r\n", "\n");
    let length = text.chars().count();
    let detail = if length > most {
        format!("At most {most} characters; this has {length}.")
    } else if text.contains('\0') {
        "It must not contain a NUL character.".to_owned()
    } else if least > 0 && !visible::is_there(&text) {
        "Fill this in.".to_owned()
    } else {
        return text;
    };
    problems.push(FieldProblem::new(pointer, detail));
    String::new()
}
