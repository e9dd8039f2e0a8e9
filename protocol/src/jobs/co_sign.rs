//! Co-signing: the author of a claim accepts a proposal as a test of it, or declines, before it is registered. Where it tests a
//! rival claim, too, that one's author is asked as well, and each answers for one of the two.
//!
//! An answer names the hash of what was shown, so it holds for exactly that. It is taken of proposals alone: at registration
//! the seeds are drawn, and with them anybody can compute the result at home. Nothing follows from it for verdict or standing.

use super::{Error, Result};
use crate::id::{AccountId, ClaimId, ExperimentId};
use crate::record::{self, Act, Subject, digest};
use crate::spec::Spec;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

/// Most answers to one proposal for one claim: each goes on record.
const TIMES: i16 = 20;

/// SHA-256 of all that a proposal says, as canonical JSON: what an answer to it names.
pub fn proposal_sha256(
    claim: ClaimId,
    title: &str,
    prediction: &str,
    rationale: &str,
    spec: &Value,
    rival: Option<ClaimId>,
) -> String {
    let mut said = json!({
        "claim": claim, "title": title, "prediction": prediction, "rationale": rationale, "spec": spec,
    });
    if let Some(rival) = rival {
        said["rival"] = json!(rival);
    }
    digest(&said)
}

/// What the author of a claim answers to a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The claim that it is a test of: that of the proposal, or the rival that it names.
    pub claim: ClaimId,
    /// Whether it is accepted as a test of the claim.
    pub accepts: bool,
    /// What is said with it, for everybody to read; of one that declines, why.
    pub words: Option<&'a str>,
    /// The [`proposal_sha256`] of what was read.
    pub proposal_sha256: &'a str,
}

/// Stores an answer to a proposal, and puts it on record. The same one sent again changes nothing. Runs in the caller's
/// transaction: on an error, roll it back.
///
/// # Errors
/// [`Error::NotFound`] for an unknown experiment; [`Error::Conflict`] if it does not test the claim, is not proposed any more,
/// changed since it was read, if `member` is not the claim's author or is the proposal's, or has answered it too often.
pub async fn answer(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    member: AccountId,
    answer: Answer<'_>,
) -> Result<()> {
    let row = sqlx::query!(
        r#"select e.state, e.closed, e.claim_id as "claim: ClaimId", e.title, e.prediction, e.rationale, e.spec,
             e.rival_id as "rival: ClaimId", e.author_id = $2 as "is_own!", coalesce(named_author_id, claim.author_id) = $2 as is_claims_author,
             (select disabled_at is null from account where id = $2) as "is_enabled!",
             coalesce($3 in (e.claim_id, e.rival_id), false) as "is_tested!"
           from experiment e left join claim on claim.id = $3 where e.id = $1 for no key update of e"#,
        experiment as ExperimentId,
        member as AccountId,
        answer.claim as ClaimId
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(Error::NotFound("experiment"))?;
    let conflict = |words: String| Err(Error::Conflict(words));
    if !row.is_tested {
        return conflict(format!(
            "This proposal does not test claim {}.",
            answer.claim
        ));
    }
    if row.is_claims_author != Some(true) || !row.is_enabled {
        return conflict(
            "Only the author of the claim accepts a proposal as a test of it, or declines; everybody else can write into the thread.".into(),
        );
    }
    if row.is_own {
        return conflict(
            "This proposal is your own, and is marked as the claim’s author’s.".into(),
        );
    }
    if row.closed {
        return conflict(
            "This proposal is sealed: nobody accepts as a test what only its author knows.".into(),
        );
    }
    if row.state != "proposed" {
        return conflict(format!(
            "This experiment is {}. A test is accepted before it is registered, when its seeds are not drawn; write into its thread what you think of it.",
            row.state
        ));
    }
    let spec = Spec::from_stored(&row.spec).map_err(|_| {
        Error::Conflict("What is stored of this proposal cannot be read any more.".into())
    })?;
    let sha256 = proposal_sha256(
        row.claim,
        &row.title,
        &row.prediction,
        &row.rationale,
        &spec.to_json(),
        row.rival,
    );
    if sha256 != answer.proposal_sha256 {
        return conflict(
            "The proposal was changed since you read it. Read it again, then give your answer."
                .into(),
        );
    }
    store(tx, experiment, member, &answer).await
}

async fn store(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    member: AccountId,
    answer: &Answer<'_>,
) -> Result<()> {
    let earlier = sqlx::query!(
        r#"select account_id as "account: AccountId", accepts, words, proposal_sha256, lapsed_at is null as "holds!", times
           from co_signature where experiment_id = $1 and claim_id = $2"#,
        experiment as ExperimentId,
        answer.claim as ClaimId
    )
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(earlier) = earlier {
        let same = earlier.holds && earlier.account == member && earlier.accepts == answer.accepts;
        if same
            && earlier.words.as_deref() == answer.words
            && earlier.proposal_sha256 == answer.proposal_sha256
        {
            return Ok(());
        }
        if earlier.times >= TIMES {
            return Err(Error::Conflict(format!(
                "This proposal was answered {TIMES} times; the last answer stays. Write into its thread what you think of it."
            )));
        }
    }
    sqlx::query!(
        "insert into co_signature as s (experiment_id, account_id, accepts, words, proposal_sha256, claim_id)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (experiment_id, claim_id) do update set account_id = $2, accepts = $3, words = $4, proposal_sha256 = $5,
           answered_at = now(), lapsed_at = null, times = s.times + 1",
        experiment as ExperimentId,
        member as AccountId,
        answer.accepts,
        answer.words,
        answer.proposal_sha256,
        answer.claim as ClaimId
    )
    .execute(&mut *tx)
    .await?;
    let act = match answer.accepts {
        true => Act::TestAccepted,
        false => Act::TestDeclined,
    };
    let particulars = json!({
        "claim": answer.claim, "proposal_sha256": answer.proposal_sha256, "reason": answer.words,
    });
    let subject = Subject::Experiment(experiment);
    Ok(record::act(tx, subject, act, Some(member), particulars).await?)
}

/// Lets answers lapse that were given to another proposal than the one that is registered now: one whose specification a
/// later release reads otherwise.
pub(super) async fn hold_to(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    spec: &Spec,
) -> sqlx::Result<()> {
    let row = sqlx::query!(
        r#"select claim_id as "claim: ClaimId", title, prediction, rationale, rival_id as "rival: ClaimId"
           from experiment where id = $1"#,
        experiment as ExperimentId
    )
    .fetch_one(&mut *tx)
    .await?;
    let sha256 = proposal_sha256(
        row.claim,
        &row.title,
        &row.prediction,
        &row.rationale,
        &spec.to_json(),
        row.rival,
    );
    sqlx::query!(
        "update co_signature set lapsed_at = now()
         where experiment_id = $1 and lapsed_at is null and proposal_sha256 <> $2",
        experiment as ExperimentId,
        sha256
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Whether the claim's author has accepted a registered experiment as a test, as a sentence of its result post; none where
/// that could not be.
pub(super) async fn in_post(
    tx: &mut PgConnection,
    experiment: ExperimentId,
) -> sqlx::Result<Option<String>> {
    let row = sqlx::query!(
        r#"select e.acceptance, e.confirms as "confirms: ExperimentId", account.name as "by?", s.answered_at as "at?: DateTime<Utc>"
           from experiment e
             left join lateral answer_to(e.id, e.claim_id) s on true
             left join account on account.id = s.account_id
           where e.id = $1"#,
        experiment as ExperimentId
    )
    .fetch_one(tx)
    .await?;
    let what = match row.confirms {
        Some(confirmed) => {
            format!("Experiment [{confirmed}](/experiments/{confirmed}), which it repeats, was ")
        }
        None => "It was ".to_owned(),
    };
    let by = row.by.unwrap_or_default();
    let at = row.at.map_or_else(String::new, |at| {
        format!(", on {}", at.format("%-d %B %Y, %H:%M UTC"))
    });
    Ok(match row.acceptance.as_deref() {
        Some("accepted") => Some(format!(
            "{what}accepted as a test by {by}, the claim’s author{at}, before the first run."
        )),
        Some("declined") => Some(format!(
            "{what}registered unilaterally: {by}, the claim’s author, had declined it as a test{at}."
        )),
        Some("own") => Some(format!("{what}registered by the claim’s author.")),
        Some(_) => Some(format!(
            "{what}registered unilaterally: the claim’s author had not accepted it as a test."
        )),
        None => None,
    })
}
