//! A moderator disputes an experiment: it keeps its verdict, and does not move its claim's standing until the dispute is
//! resolved. Reason and answer are public. Where its runs test a rival claim, too, it is disputed and resolved as a whole.

use super::{Error, Result, confirm, events, fall, rival};
use crate::id::{AccountId, ClaimId, ExperimentId};
use crate::news::{self, Kind};
use crate::record::{self, Act, Subject};
use sqlx::PgConnection;

/// Disputes a registered experiment. Who may do so, the caller has checked. Runs in the caller's transaction: on an error,
/// roll it back.
///
/// # Errors
/// [`Error::NotFound`] for an unknown experiment; [`Error::Conflict`] if it is not registered or disputed already.
pub async fn dispute(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    moderator: AccountId,
    reason: &str,
) -> Result<()> {
    let row = lock(tx, experiment).await?;
    if row.disputed {
        return Err(Error::Conflict(
            "This experiment is disputed already; its reason stands on its page.".into(),
        ));
    }
    if !row.registered {
        return Err(Error::Conflict(
            "This experiment is not registered, so it moves nothing that could be disputed.".into(),
        ));
    }
    if row.closed {
        return Err(Error::Conflict(
            "This experiment is sealed: dispute it once it is opened, when there is something to read.".into(),
        ));
    }
    let both = rival::both(&mut *tx, experiment).await?;
    for experiment in &both {
        sqlx::query!(
            "update experiment set disputed_at = now(), disputed_by = $2, dispute_reason = $3, dispute_answer = null where id = $1",
            *experiment as ExperimentId,
            moderator as AccountId,
            reason
        )
        .execute(&mut *tx)
        .await?;
        let data = serde_json::json!({ "reason": reason });
        told(&mut *tx, *experiment, Act::Disputed, moderator, data).await?;
    }
    for experiment in both {
        let claim = lock(&mut *tx, experiment).await?.claim;
        news::of_standing(&mut *tx, claim).await?;
        fall::tell_heirs(&mut *tx, experiment).await?;
    }
    Ok(())
}

/// The author answers a dispute; a later answer takes the place of an earlier one, which stays among the events.
///
/// # Errors
/// [`Error::NotFound`] for an unknown experiment; [`Error::Conflict`] if it is not `author`'s or not disputed.
pub async fn answer_dispute(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    author: AccountId,
    answer: &str,
) -> Result<()> {
    let row = lock(tx, experiment).await?;
    if row.author != author {
        return Err(Error::Conflict(
            "Only its author answers a dispute; everybody else can write into the thread.".into(),
        ));
    }
    must_be_disputed(&row)?;
    sqlx::query!(
        "update experiment set dispute_answer = $2 where id = $1",
        experiment as ExperimentId,
        answer
    )
    .execute(&mut *tx)
    .await?;
    let data = serde_json::json!({ "answer": answer });
    told(tx, experiment, Act::DisputeAnswered, author, data).await
}

/// Resolves a dispute: the experiment moves its claim's standing again.
///
/// # Errors
/// [`Error::NotFound`] for an unknown experiment; [`Error::Conflict`] if it is not disputed.
pub async fn resolve_dispute(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    moderator: AccountId,
    reason: &str,
) -> Result<()> {
    let row = lock(tx, experiment).await?;
    must_be_disputed(&row)?;
    let both = rival::both(&mut *tx, experiment).await?;
    for experiment in &both {
        sqlx::query!(
            "update experiment set disputed_at = null, disputed_by = null, dispute_reason = null, dispute_answer = null
             where id = $1",
            *experiment as ExperimentId
        )
        .execute(&mut *tx)
        .await?;
        let data = serde_json::json!({ "reason": reason });
        told(&mut *tx, *experiment, Act::DisputeResolved, moderator, data).await?;
    }
    for experiment in both {
        let claim = lock(&mut *tx, experiment).await?.claim;
        news::of_standing(&mut *tx, claim).await?;
        fall::tell_heirs(&mut *tx, experiment).await?;
        confirm::after_verdict(&mut *tx, claim).await?;
    }
    Ok(())
}

/// Puts it on record and tells whoever watches.
async fn told(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    act: Act,
    by: AccountId,
    data: serde_json::Value,
) -> Result<()> {
    let (kind, news) = match act {
        Act::Disputed => ("disputed", Kind::Dispute),
        Act::DisputeAnswered => ("dispute_answered", Kind::DisputeAnswer),
        _ => ("dispute_resolved", Kind::DisputeResolved),
    };
    let subject = Subject::Experiment(experiment);
    record::act(&mut *tx, subject, act, Some(by), data.clone()).await?;
    events::record(&mut *tx, experiment, None, Some(by), kind, data).await?;
    Ok(news::of_experiment(tx, news, experiment, by).await?)
}

struct Row {
    author: AccountId,
    claim: ClaimId,
    registered: bool,
    closed: bool,
    disputed: bool,
}

/// Locks it, and what shares its runs, and reads it.
async fn lock(tx: &mut PgConnection, experiment: ExperimentId) -> Result<Row> {
    for experiment in rival::both(&mut *tx, experiment).await? {
        sqlx::query!(
            "select from experiment where id = $1 for no key update",
            experiment as ExperimentId
        )
        .execute(&mut *tx)
        .await?;
    }
    sqlx::query_as!(
        Row,
        r#"select author_id as "author: AccountId", claim_id as "claim: ClaimId",
             registered_at is not null as "registered!", closed, disputed_at is not null as "disputed!"
           from experiment where id = $1 for no key update"#,
        experiment as ExperimentId
    )
    .fetch_optional(tx)
    .await?
    .ok_or(Error::NotFound("experiment"))
}

fn must_be_disputed(row: &Row) -> Result<()> {
    if row.disputed {
        return Ok(());
    }
    Err(Error::Conflict("This experiment is not disputed.".into()))
}
