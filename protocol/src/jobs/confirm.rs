//! Confirmations: a claim falls by a falsification that repeats, and by nothing else.
//!
//! A falsified verdict opens a *challenge*. The board answers it with a confirmation: the same specification on seeds
//! drawn anew, with the pairs and at the level of [`Confirmation::plan`]. One runs at a time on each claim, so that
//! an attacker cannot spend several of its levels on one piece of luck. What the board's budget does not cover waits for
//! any member to register it.

use super::{Error, Result, events, submit, tuning};
use crate::db::along_indexes;
use crate::id::{AccountId, ClaimId, ExperimentId, ThreadId};
use crate::news::{self, Kind};
use crate::spec::{Seeds, Spec, limits, number};
use crate::stored::Stored;
use crate::text;
use crate::verdict::{Confirmation, PLANNED_POWER, Verdict};
use sqlx::types::Json;
use sqlx::{Acquire, PgConnection, PgPool};

/// Seconds of one worker that the board's own confirmations may take within a week.
const WEEKLY_BUDGET_S: f64 = 24.0 * 3600.0;
/// Challenges looked at in one sweep; the next one goes on.
const AT_ONCE: i64 = 100;

/// Whether a confirmation was registered, or why not.
pub(super) enum Answer {
    /// It was.
    Registered(ExperimentId),
    /// There is no challenge to answer, or one is being answered.
    Nothing,
    /// The board's budget is spent.
    OverBudget,
}

/// An open challenge whose turn it is.
struct Challenge {
    experiment: ExperimentId,
    claim: ClaimId,
    title: String,
    prediction: String,
    spec: Spec,
    verdict: Verdict,
    /// Seconds of one worker that a pair of it took.
    pair_seconds: f64,
}

/// Answers the oldest open challenge of a claim, if none is being answered and the budget allows.
///
/// A challenge whose confirmation was aborted is left to people: the board would repeat what went wrong.
pub(super) async fn answer_next(tx: &mut PgConnection, claim: ClaimId) -> Result<Answer> {
    if is_settled_or_busy(tx, claim).await? {
        return Ok(Answer::Nothing);
    }
    let next = sqlx::query_scalar!(
        r#"select id as "id: ExperimentId" from experiment e
           where claim_id = $1 and challenge = 'open' and disputed_at is null
             and not exists (select from experiment c where c.confirms = e.id)
           order by concluded_at, id limit 1"#,
        claim as ClaimId
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(next) = next else {
        return Ok(Answer::Nothing);
    };
    let challenge = load(tx, next).await?;
    let plan = plan(tx, &challenge).await?;
    let used = sqlx::query_scalar!(
        r#"select coalesce(sum(planned_seconds), 0) as "used!" from experiment
           join account on account.id = author_id
           where confirms is not null and is_board and registered_at > now() - interval '7 days'"#
    )
    .fetch_one(&mut *tx)
    .await?;
    if used + challenge.pair_seconds * f64::from(plan.pairs) > WEEKLY_BUDGET_S {
        return Ok(Answer::OverBudget);
    }
    let board = sqlx::query_scalar!(r#"select id as "id: AccountId" from account where is_board"#)
        .fetch_one(&mut *tx)
        .await?;
    let id = register(tx, &challenge, plan, board).await?;
    Ok(Answer::Registered(id))
}

/// Registers the confirmation of an open challenge for a member: what the board's budget did not cover, or what was
/// aborted. Runs in the caller's transaction: on an error, roll it back.
///
/// # Errors
/// [`Error::NotFound`] for an unknown experiment; [`Error::Conflict`] if it is no open challenge, is disputed, or if a
/// confirmation of the claim, or one that the member registered, runs already.
pub async fn confirm(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    member: AccountId,
) -> Result<ExperimentId> {
    let claim = sqlx::query_scalar!(
        r#"select claim_id as "claim: ClaimId" from experiment where id = $1"#,
        experiment as ExperimentId
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(Error::NotFound("experiment"))?;
    // The claim is locked before the challenge is read: a confirmation that ends in this moment may have settled it.
    let settled_or_busy = is_settled_or_busy(tx, claim).await?;
    let row = sqlx::query!(
        r#"select challenge, disputed_at is not null as "disputed!" from experiment where id = $1"#,
        experiment as ExperimentId
    )
    .fetch_one(&mut *tx)
    .await?;
    let conflict = |words: &str| Err(Error::Conflict(words.into()));
    if row.disputed {
        return conflict(
            "A moderator disputes this experiment; it can be confirmed when that is resolved.",
        );
    }
    if row.challenge.as_deref() != Some("open") {
        return conflict(
            "This experiment does not challenge its claim, so there is nothing to confirm.",
        );
    }
    if settled_or_busy {
        return conflict(
            "A confirmation on this claim is under way, or one has settled it; one runs at a time.",
        );
    }
    if let Some(other) = under_way(tx, member).await? {
        return Err(Error::Conflict(format!(
            "A confirmation that you registered, experiment {other}, has not ended; one runs at a time. Any other member may register this one."
        )));
    }
    // However long it takes: that is at most seven times what the challenge took, which the board let in, and a challenge
    // that nobody may answer would stand for good.
    let challenge = load(tx, experiment).await?;
    let plan = plan(tx, &challenge).await?;
    register(tx, &challenge, plan, member).await
}

/// The confirmation that a person registered, or an agent of theirs, and that has not ended. They all stand in one line, so
/// nobody fills it.
async fn under_way(tx: &mut PgConnection, member: AccountId) -> sqlx::Result<Option<ExperimentId>> {
    sqlx::query_scalar!(
        r#"select id as "id: ExperimentId" from experiment
           where author_id = any (accounts_of($1)) and confirms is not null and state in ('registered', 'running', 'stalled')
           order by id limit 1"#,
        member as AccountId
    )
    .fetch_optional(tx)
    .await
}

/// Answers challenges that were left: for want of budget, or because something went wrong when their verdict came.
pub(super) async fn answer_left(pool: &PgPool) -> sqlx::Result<()> {
    let mut tx = pool.begin().await?;
    along_indexes(&mut tx).await?;
    let claims = sqlx::query_scalar!(
        r#"select distinct claim_id as "claim!: ClaimId" from experiment e
           where challenge = 'open' and disputed_at is null
             and (select c.id from experiment c where c.confirms >= e.id and c.confirms <= e.id
                  order by c.confirms limit 1) is null
           limit $1"#,
        AT_ONCE
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    for claim in claims {
        let mut tx = pool.begin().await?;
        match answer_next(&mut tx, claim).await {
            Ok(Answer::Registered(id)) => {
                tx.commit().await?;
                tracing::info!(%claim, confirmation = %id, "a challenge that was left is answered");
            }
            // A smaller one behind it may still find room.
            Ok(Answer::Nothing | Answer::OverBudget) => {}
            Err(error) => tracing::error!(%claim, %error, "a challenge could not be answered"),
        }
    }
    Ok(())
}

/// Gives the claim's next challenge its turn, after a verdict or a resolved dispute.
///
/// Whatever goes wrong here, what came before stands; the sweep comes back to it.
pub(super) async fn after_verdict(tx: &mut PgConnection, claim: ClaimId) -> sqlx::Result<()> {
    let mut point = tx.begin().await?;
    match answer_next(&mut point, claim).await {
        Ok(_) => point.commit().await,
        Err(error) => {
            tracing::error!(%claim, %error, "a challenge could not be answered");
            point.rollback().await
        }
    }
}

/// Whether the claim has fallen already, by itself or with a wider one, or one of its confirmations has no verdict yet. Locks
/// the claim, so that of two who look at once one sees what the other did.
async fn is_settled_or_busy(tx: &mut PgConnection, claim: ClaimId) -> sqlx::Result<bool> {
    sqlx::query!(
        "select from claim where id = $1 for no key update",
        claim as ClaimId
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query_scalar!(
        r#"select claim_standing($1) = 'falsified' or exists (
             select from experiment where claim_id = $1
               and confirmation is not null and state in ('registered', 'running', 'stalled')
           ) as "it!""#,
        claim as ClaimId
    )
    .fetch_one(tx)
    .await
}

async fn load(tx: &mut PgConnection, experiment: ExperimentId) -> Result<Challenge> {
    let row = sqlx::query!(
        r#"select claim_id as "claim: ClaimId", title, prediction, spec, verdict.detail as "detail: Json<Stored<Verdict>>",
             (select coalesce(sum(extract(epoch from finished_at - started_at)) / greatest(count(distinct seed), 1), 0)
              from run where experiment_id = coalesce(shares_runs_of, experiment.id) and trial is null and state = 'succeeded')::double precision as "pair_seconds!"
           from experiment join verdict on verdict.experiment_id = experiment.id where experiment.id = $1"#,
        experiment as ExperimentId
    )
    .fetch_one(&mut *tx)
    .await?;
    let unreadable =
        || Error::Conflict("What is stored of this experiment cannot be read any more.".into());
    let spec = Spec::from_stored(&row.spec).map_err(|_| unreadable())?;
    Ok(Challenge {
        experiment,
        claim: row.claim,
        title: row.title,
        prediction: row.prediction,
        // What was chosen was chosen on other seeds than a confirmation has: it is tested, and not tuned again.
        spec: tuning::settled(&mut *tx, experiment, &spec).await?,
        verdict: row.detail.0.into_inner().ok_or_else(unreadable)?,
        pair_seconds: row.pair_seconds,
    })
}

/// The next place of the claim, whether or not the earlier ones came to a verdict: what was seen of an aborted one must
/// not be had for nothing.
async fn plan(tx: &mut PgConnection, challenge: &Challenge) -> sqlx::Result<Confirmation> {
    let place = sqlx::query_scalar!(
        r#"select coalesce(max(confirmation), 0) + 1 as "place!" from experiment where claim_id = $1"#,
        challenge.claim as ClaimId
    )
    .fetch_one(tx)
    .await?;
    let place = u32::try_from(place).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(Confirmation::plan(&challenge.verdict, place))
}

async fn register(
    tx: &mut PgConnection,
    challenge: &Challenge,
    plan: Confirmation,
    author: AccountId,
) -> Result<ExperimentId> {
    let mut spec = challenge.spec.clone();
    spec.seeds = Seeds::Count(plan.pairs);
    if let Some(criterion) = &mut spec.criterion {
        criterion.alpha = plan.level;
        // Its pairs are planned to have the power, so all of them run.
        criterion.stopping = None;
    }
    let title = format!("Confirmation {}: {}", plan.place, challenge.title);
    let rationale = format!(
        "Experiment [{0}](/experiments/{0}) falsified this prediction. This is the same specification on {1} seeds \
         drawn anew, at the level {2}, which is that of confirmation {3} on this claim. If what was seen there is \
         true, it falsifies the prediction again with a chance of {4:.0} % or more, and the claim falls; if not, the claim \
         stands again. Rare seeds that speak for the claim, and that the pairs there cannot show, are allowed for.{5}",
        challenge.experiment,
        plan.pairs,
        number(plan.level),
        plan.place,
        (plan.power * 100.0).floor(),
        if plan.power < PLANNED_POWER {
            format!(
                " {} seeds are the most that are taken, so it is not the {:.0} % that it should be.",
                limits::SEEDS.end(),
                PLANNED_POWER * 100.0
            )
        } else {
            String::new()
        }
    );
    let thread =
        sqlx::query_scalar!(r#"insert into thread default values returning id as "id: ThreadId""#)
            .fetch_one(&mut *tx)
            .await?;
    let id = sqlx::query_scalar!(
        r#"insert into experiment (claim_id, author_id, thread_id, title, prediction, rationale, spec_source, spec,
             confirms, confirmation, planned_power, planned_seconds)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) returning id as "id: ExperimentId""#,
        challenge.claim as ClaimId,
        author as AccountId,
        thread as ThreadId,
        text::cut(&title, limits::TITLE_CHARS),
        challenge.prediction,
        rationale,
        spec.to_toml(),
        spec.to_json(),
        challenge.experiment as ExperimentId,
        i32::try_from(plan.place).unwrap_or(i32::MAX),
        plan.power,
        challenge.pair_seconds * f64::from(plan.pairs),
    )
    .fetch_one(&mut *tx)
    .await?;
    submit::register(tx, id, author, &spec, false).await?;
    let data = serde_json::json!({ "confirmation": id, "place": plan.place, "level": plan.level });
    events::record(tx, challenge.experiment, None, None, "confirmation", data).await?;
    news::of_experiment(tx, Kind::Confirmation, challenge.experiment, author).await?;
    Ok(id)
}
