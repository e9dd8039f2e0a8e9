//! Claims that deny each other, and experiments that test both. What form and REST have in common.

use crate::board::{self, NEWCOMER_DAYS, Writer};
use crate::db::claims::{self, Claim};
use crate::db::{experiments, rivals as table};
use crate::error::{Error, FieldProblem, Result};
use crate::proposal;
use crate::reason;
use breakmywork_protocol::id::{AccountId, ClaimId, ExperimentId};
use breakmywork_protocol::jobs;
use breakmywork_protocol::record::{self, Act, Subject};
use breakmywork_protocol::scope::Scope;
use breakmywork_protocol::spec::Spec;
use breakmywork_protocol::visible;
use serde_json::json;
use sqlx::PgConnection;

/// Most rivals of one claim.
const RIVALS: usize = 20;
/// Longest sentence of a claim, in characters.
const SENTENCE_CHARS: usize = 500;

/// Who says something about a claim.
#[derive(Debug, Clone, Copy)]
pub struct Who {
    /// The account.
    pub id: AccountId,
    /// Whether it may speak for every claim.
    pub is_moderator: bool,
}

impl From<Writer> for Who {
    fn from(writer: Writer) -> Self {
        Self {
            id: writer.id,
            is_moderator: writer.role.is_moderator(),
        }
    }
}

impl Who {
    /// Whether that person speaks for a claim: its author, and moderators.
    pub fn speaks_for(self, claim: &Claim) -> bool {
        self.is_moderator || claim.answering_id == Some(self.id)
    }
}

async fn find(tx: &mut PgConnection, id: ClaimId, pointer: &str) -> Result<Claim> {
    claims::find(tx, id).await?.ok_or_else(|| match pointer {
        "" => Error::missing("claim", id),
        pointer => Error::field(
            pointer,
            format!("there is no claim {id}; GET /api/v1/claims lists them."),
        ),
    })
}

fn scope(claim: &Claim) -> Result<&Scope> {
    claim.covers.0.get().ok_or_else(|| {
        Error::Conflict(format!(
            "What is stored of the scope of {} cannot be read any more.",
            claim.label
        ))
    })
}

fn ordered(one: ClaimId, other: ClaimId) -> [ClaimId; 2] {
    if one.0 <= other.0 {
        [one, other]
    } else {
        [other, one]
    }
}

async fn on_record(
    tx: &mut PgConnection,
    [claim, rival]: [ClaimId; 2],
    act: Act,
    by: AccountId,
    reason: Option<&str>,
) -> Result<()> {
    let particulars = json!({ "rival": rival, "reason": reason });
    Ok(record::act(tx, Subject::Claim(claim), act, Some(by), particulars).await?)
}

/// Says that two claims deny each other. Who speaks for both has agreed with that; else the author of the other one, or a
/// moderator, is to agree.
///
/// # Errors
/// For neither of them, without a reason, or where they do not deny each other: then roll `tx` back.
pub async fn declare(
    tx: &mut PgConnection,
    id: ClaimId,
    rival: ClaimId,
    who: Who,
    reason: &str,
) -> Result<()> {
    let reason = reason::checked(reason)?;
    let claim = find(&mut *tx, id, "").await?;
    let other = find(&mut *tx, rival, "/rival").await?;
    let speaks = [who.speaks_for(&claim), who.speaks_for(&other)];
    if speaks == [false, false] {
        return Err(Error::Forbidden(
            "Only the authors of two claims and moderators say that they deny each other. Write into a thread of theirs why you think so.".into(),
        ));
    }
    let same = id == rival;
    if let Some(why) = same
        .then(|| "A claim does not deny itself.".to_owned())
        .or(scope(&claim)?.agrees_with(scope(&other)?))
    {
        return Err(Error::field(
            "/rival",
            format!("They do not deny each other. {why}"),
        ));
    }
    let pair = ordered(id, rival);
    match table::agreed(&mut *tx, pair).await? {
        Some(true) => return Err(Error::Conflict("They are rivals already.".into())),
        Some(false) => {
            return Err(Error::Conflict(
                "That was said already, and waits for the other claim’s author to agree.".into(),
            ));
        }
        None => {}
    }
    few_enough(&mut *tx, id).await?;
    few_enough(&mut *tx, rival).await?;
    let agreed = speaks == [true, true];
    let declared_for = if speaks[0] { id } else { rival };
    table::insert(&mut *tx, pair, declared_for, who.id, &reason, agreed).await?;
    let act = match agreed {
        true => Act::RivalAgreed,
        false => Act::RivalDeclared,
    };
    on_record(tx, pair, act, who.id, Some(&reason)).await
}

async fn few_enough(tx: &mut PgConnection, claim: ClaimId) -> Result<()> {
    if table::of_claim(tx, claim).await?.len() >= RIVALS {
        return Err(Error::Conflict(format!(
            "Claim {claim} has {RIVALS} rivals already; end one of them first."
        )));
    }
    Ok(())
}

/// Agrees that two claims deny each other.
///
/// # Errors
/// Not the other claim's author and no moderator, or nothing to agree to: then roll `tx` back.
pub async fn agree(tx: &mut PgConnection, id: ClaimId, rival: ClaimId, who: Who) -> Result<()> {
    let pair = ordered(id, rival);
    let nothing = || Error::Conflict("Nothing here waits for anybody to agree.".into());
    let to_agree = table::to_agree(&mut *tx, pair).await?.ok_or_else(nothing)?;
    if !who.speaks_for(&find(&mut *tx, to_agree, "").await?) {
        return Err(Error::Forbidden(
            "Only the author of the other claim, or a moderator, agrees to that.".into(),
        ));
    }
    if !table::agree(&mut *tx, pair, who.id).await? {
        return Err(nothing());
    }
    on_record(tx, pair, Act::RivalAgreed, who.id, None).await
}

/// Says that two claims are no rivals, or not any more. What was registered stays as it is.
///
/// # Errors
/// For neither of them, without a reason, or if they were none: then roll `tx` back.
pub async fn end(
    tx: &mut PgConnection,
    id: ClaimId,
    rival: ClaimId,
    who: Who,
    reason: &str,
) -> Result<()> {
    let reason = reason::checked(reason)?;
    let claims = [
        find(&mut *tx, id, "").await?,
        find(&mut *tx, rival, "").await?,
    ];
    if !claims.iter().any(|claim| who.speaks_for(claim)) {
        return Err(Error::Forbidden(
            "Only the authors of the two claims and moderators say that.".into(),
        ));
    }
    let pair = ordered(id, rival);
    if !table::delete(&mut *tx, pair).await? {
        return Err(Error::Conflict("They are no rivals.".into()));
    }
    on_record(tx, pair, Act::RivalEnded, who.id, Some(&reason)).await
}

/// Puts the denial of a claim on the board: of the same two arms the other one is no worse, or better, by what counts. They
/// are rivals at once.
///
/// # Errors
/// Not the claim's author and no moderator, without a sentence or a reason, of a claim that names no arms or is denied
/// already, or as of any claim: then roll `tx` back.
pub async fn deny(
    tx: &mut PgConnection,
    id: ClaimId,
    writer: Writer,
    sentence: &str,
    reason: &str,
) -> Result<ClaimId> {
    let claim = find(&mut *tx, id, "").await?;
    let who = Who::from(writer);
    if !who.speaks_for(&claim) {
        return Err(Error::Forbidden(
            "Only the author of a claim and moderators put its denial on the board. Write into its thread what it should say.".into(),
        ));
    }
    let reason = reason::checked(reason)?;
    let sentence = visible::line(sentence)
        .map_err(|detail| Error::field("/sentence", format!("The sentence {detail}")))?;
    if !(1..=SENTENCE_CHARS).contains(&sentence.chars().count()) {
        return Err(Error::field(
            "/sentence",
            format!("State the denial in one sentence of 1 to {SENTENCE_CHARS} characters."),
        ));
    }
    let covers = scope(&claim)?;
    if covers.arms.are_open() {
        return Err(Error::Conflict(
            "The claim does not say which arms it compares, so it is not clear what would deny it."
                .into(),
        ));
    }
    if board::room_beside(&mut *tx, writer, &claim, &sentence).await? {
        return Err(Error::Conflict(format!(
            "What a newcomer states waits for a moderator, and this would be on the board at once. It is open to you {NEWCOMER_DAYS} days after you signed up, or once an experiment of yours has a verdict; until then ask a moderator."
        )));
    }
    let denied = covers.denied();
    not_denied(&mut *tx, &claim, &denied).await?;
    few_enough(&mut *tx, id).await?;
    let new = table::Denial {
        of: id,
        sentence: &sentence,
        covers: &denied,
        author: who.id,
    };
    let denial = table::insert_denial(&mut *tx, new).await?;
    record::claim(&mut *tx, denial).await?;
    let pair = ordered(id, denial);
    table::insert(&mut *tx, pair, id, who.id, &reason, true).await?;
    on_record(&mut *tx, pair, Act::RivalAgreed, who.id, Some(&reason)).await?;
    Ok(denial)
}

/// Refuses a second denial of a claim, and that of a denial, which would be the claim again.
async fn not_denied(tx: &mut PgConnection, claim: &Claim, denied: &Scope) -> Result<()> {
    let rivals = table::of_claim(&mut *tx, claim.id).await?;
    let agreed = rivals.iter().filter(|rival| rival.agreed_at.is_some());
    let ids: Vec<ClaimId> = agreed.map(|rival| rival.id).collect();
    let rivals = claims::of_ids(tx, &ids).await?;
    match rivals.iter().find(|it| it.covers.0.get() == Some(denied)) {
        None => Ok(()),
        Some(there) => Err(Error::Conflict(format!(
            "Claim {} says that already: it denies {}.",
            there.label, claim.label
        ))),
    }
}

/// Lets a proposal test a rival of its claim, too, or no rival any more.
///
/// # Errors
/// No agreed rival of the claim, a criterion that cannot test it, not `author`'s, or not proposed any more: then roll `tx` back.
pub async fn choose(
    tx: &mut PgConnection,
    id: ExperimentId,
    author: AccountId,
    rival: Option<ClaimId>,
) -> Result<()> {
    let experiment = experiments::find(&mut *tx, id, Some(author))
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    if experiment.author_id != author {
        return Err(Error::Forbidden(
            "Only its author says what an experiment tests.".into(),
        ));
    }
    proposal::not_hidden(&experiment)?;
    if let Some(rival) = rival {
        if experiment.closed {
            let detail = "cannot be tested by what is sealed: its test would show it.";
            return Err(Error::Invalid(vec![FieldProblem::new("/rival", detail)]));
        }
        let spec = experiment.parsed().map_err(Error::internal)?;
        if let Err(problem) = check(&mut *tx, experiment.claim, rival, &spec).await? {
            return Err(Error::Invalid(vec![problem]));
        }
    }
    if experiment.rival == rival {
        return Ok(());
    }
    if !table::choose(&mut *tx, id, author, rival).await? {
        return Err(Error::Conflict(format!(
            "This experiment is {}; what it tests cannot change any more.",
            experiment.state
        )));
    }
    Ok(())
}

/// The specification by which a rival of `claim` is tested, too.
///
/// # Errors
/// If the database is away; inside, why it cannot be.
pub async fn check(
    tx: &mut PgConnection,
    claim: ClaimId,
    rival: ClaimId,
    spec: &Spec,
) -> Result<std::result::Result<Spec, FieldProblem>> {
    let refused = |detail: String| Ok(Err(FieldProblem::new("/rival", detail)));
    if table::agreed(&mut *tx, [claim, rival]).await? != Some(true) {
        return refused(format!(
            "is no agreed rival of the claim; GET /api/v1/claims/{claim}/rivals lists them."
        ));
    }
    let other = find(&mut *tx, rival, "/rival").await?;
    match jobs::spec_of_rival(spec, scope(&other)?) {
        Ok(spec) => Ok(Ok(spec)),
        Err(detail) => refused(detail),
    }
}
