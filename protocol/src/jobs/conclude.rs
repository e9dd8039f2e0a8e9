//! The verdict: computed and posted in the transaction that ends the last run of an experiment.

use super::{
    Error, Result, co_sign, confirm, fall, power, rival, seal, search, submit, tuning, volunteer,
};
use crate::id::{AccountId, ClaimId, CommentId, ExperimentId, ThreadId};
use crate::news;
use crate::record::{self, Act, Subject};
use crate::result::RunResult;
use crate::spec::Spec;
use crate::text;
use crate::tuning::{Missing, told};
use crate::verdict::{self, Decision, End, Outcome, RunOutcome, Verdict};
use sqlx::{Acquire, PgConnection};

/// Ends the experiment if no run of it is left to wait for, or queues what comes next: the comparison, when its arms have
/// tried their settings, or the next pair of a sequential plan that has not decided. Says whether it did any of it. Called
/// by whatever ends a run.
///
/// Too many missing runs do not end it for good: it is *stalled* until an admin retries them or gives it up. Where
/// cancelled runs alone are too many, a person has decided that already, and the verdict is posted.
///
/// The experiment's row is locked first, so of two last runs that end at once exactly one sees the other's end.
pub(super) async fn if_done(tx: &mut PgConnection, experiment: ExperimentId) -> Result<bool> {
    let row = sqlx::query!(
        r#"select state, thread_id as "thread_id: ThreadId", author_id as "author: AccountId", spec, seed_salt, stop_reason,
             exploratory, shares_runs_of is not null as "shares_runs!"
           from experiment where id = $1 for no key update"#,
        experiment as ExperimentId
    )
    .fetch_one(&mut *tx)
    .await?;
    // The test of a rival ends with the experiment that has the runs.
    if row.shares_runs || (row.state != "registered" && row.state != "running") {
        return Ok(false);
    }
    let waiting = sqlx::query_scalar!(
        r#"select exists (select from run where experiment_id = $1 and state in ('queued', 'running')) as "waiting!""#,
        experiment as ExperimentId
    )
    .fetch_one(&mut *tx)
    .await?;
    if waiting {
        return Ok(false);
    }
    if let Some(reason) = row.stop_reason {
        let verdict = stopped(tx, experiment, &reason).await?;
        post(tx, experiment, row.thread_id, &Ended::judged(&verdict)).await?;
        return Ok(true);
    }
    if volunteer::again(tx, experiment).await? {
        return Ok(true);
    }
    if row.spec.get("search").is_some() {
        return search_is_done(tx, experiment, row.thread_id).await;
    }
    let spec = Spec::from_stored(&row.spec);
    let salt = row.seed_salt.as_deref();
    if let Ok(spec) = &spec
        && tuning::next_stage(&mut *tx, experiment, row.author, spec, salt).await?
    {
        return Ok(true);
    }
    // Without a criterion there is nothing that an admin could save by having runs done again.
    let only_looks = row.exploratory && row.spec.get("criterion").is_none();
    let decision = decide(tx, experiment, row.spec.clone(), row.seed_salt.clone()).await?;
    if let (Some(seed), Ok(spec)) = (decision.next_seed, spec) {
        let spec = tuning::settled(&mut *tx, experiment, &spec).await?;
        submit::next_pair(tx, experiment, row.author, &spec, seed).await?;
        return Ok(true);
    }
    if decision.verdict.outcome == Outcome::Aborted && !decision.by_people && !only_looks {
        stall(tx, experiment, &decision.reason).await?;
        return Ok(true);
    }
    let ended = Ended::Judged {
        verdict: &decision.verdict,
        noise: decision.noise.as_deref(),
    };
    post(tx, experiment, row.thread_id, &ended).await?;
    Ok(true)
}

/// Queues the next stage of a search, or ends it.
async fn search_is_done(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    thread: ThreadId,
) -> Result<bool> {
    match search::go_on(tx, experiment).await? {
        search::Turn::GoesOn => {}
        search::Turn::Missing(reason, false) => stall(tx, experiment, &reason).await?,
        search::Turn::Missing(reason, true) => {
            let verdict = Verdict::aborted(reason);
            post(tx, experiment, thread, &Ended::judged(&verdict)).await?;
        }
        search::Turn::Over(ended) => {
            post(tx, experiment, thread, &Ended::Searched(&ended)).await?;
        }
    }
    Ok(true)
}

/// How an experiment ended.
enum Ended<'a> {
    /// By the rule, or by hand; of an exploratory one the numbers alone are posted.
    Judged {
        verdict: &'a Verdict,
        /// What is kept for the power of experiments to come.
        noise: Option<&'a [f64]>,
    },
    /// As a search does.
    Searched(&'a search::Ended),
}

impl<'a> Ended<'a> {
    fn judged(verdict: &'a Verdict) -> Self {
        Self::Judged {
            verdict,
            noise: None,
        }
    }

    /// What a search saw is no verdict.
    fn verdict(&self) -> Option<&'a Verdict> {
        match self {
            Self::Judged { verdict, .. } => Some(verdict),
            Self::Searched(_) => None,
        }
    }
}

/// Posts the verdict on a stalled experiment as it stands.
pub(super) async fn give_up(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    actor: AccountId,
    reason: &str,
) -> Result<()> {
    let row = sqlx::query!(
        r#"select thread_id as "thread_id: ThreadId", spec, seed_salt
           from experiment where id = $1"#,
        experiment as ExperimentId
    )
    .fetch_one(&mut *tx)
    .await?;
    let mut decision = decide(tx, experiment, row.spec, row.seed_salt).await?;
    let words = format!(
        "{}\n\nAn admin gave it up: {}",
        decision.verdict.explanation,
        verdict::escape(reason)
    );
    decision.verdict.explanation = text::cut(&words, text::POST_CHARS + text::REASON_CHARS);
    let data = serde_json::json!({ "reason": reason });
    let subject = Subject::Experiment(experiment);
    record::act(&mut *tx, subject, Act::GivenUp, Some(actor), data.clone()).await?;
    super::events::record(tx, experiment, None, Some(actor), "given_up", data).await?;
    post(
        tx,
        experiment,
        row.thread_id,
        &Ended::judged(&decision.verdict),
    )
    .await
}

/// The verdict that the stored runs give, whatever verdict is stored: for whoever checks.
///
/// # Errors
/// If the database is away, or knows no such experiment.
pub async fn verdict_again(tx: &mut PgConnection, experiment: ExperimentId) -> Result<Verdict> {
    let row = sqlx::query!(
        "select spec, seed_salt, stop_reason from experiment where id = $1",
        experiment as ExperimentId
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(Error::NotFound("experiment"))?;
    match row.stop_reason {
        Some(reason) => Ok(stopped(tx, experiment, &reason).await?),
        None => Ok(decide(tx, experiment, row.spec, row.seed_salt)
            .await?
            .verdict),
    }
}

/// The exact tests of many pairs take a second of arithmetic, so they leave the asynchronous threads; and whatever goes
/// wrong in them, the runs have ended all the same and so must the experiment.
async fn decide(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    spec: serde_json::Value,
    seed_salt: Option<String>,
) -> Result<Decision> {
    if let Ok(tuned) = Spec::from_stored(&spec)
        && let Some(Err(missing)) =
            tuning::chosen_again(&mut *tx, experiment, &tuned, seed_salt.as_deref()).await?
    {
        let Missing { reason, by_people } = missing;
        let words = verdict::escape(&text::cut(&reason, text::POST_CHARS / 4));
        return Ok(Decision {
            by_people,
            reason,
            ..Decision::aborted(words)
        });
    }
    let with_runs = rival::with_runs(&mut *tx, experiment).await?;
    let outcomes = outcomes(tx, with_runs).await?;
    let decided = tokio::task::spawn_blocking(move || match Spec::from_stored(&spec) {
        Ok(spec) if spec.is_search() => {
            Decision::aborted("The search was not carried through to its end.".into())
        }
        Ok(spec) => {
            let seeds = spec.seeds_drawn(seed_salt.as_deref());
            verdict::decision(&spec, &seeds, &outcomes, spec.level())
        }
        Err(problems) => Decision::aborted(format!(
            "The stored specification can no longer be read: {problems}"
        )),
    });
    Ok(decided.await.unwrap_or_else(|error| {
        tracing::error!(%experiment, %error, "the verdict could not be computed");
        Decision::aborted("The verdict could not be computed.".into())
    }))
}

/// The verdict on an experiment that a person stopped, whatever its runs would have said.
async fn stopped(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    reason: &str,
) -> sqlx::Result<Verdict> {
    let row = sqlx::query!(
        r#"select coalesce(account.name, 'somebody') as "by!", author_id = stopped_by as "author?",
             (select count(*) from run where experiment_id = coalesce(e.shares_runs_of, e.id)
                and state in ('succeeded', 'failed')) as "ended!",
             (select count(*) from run where experiment_id = coalesce(e.shares_runs_of, e.id)) as "runs!"
           from experiment e left join account on account.id = stopped_by where e.id = $1"#,
        experiment as ExperimentId
    )
    .fetch_one(tx)
    .await?;
    Ok(Verdict::stopped(
        &row.by,
        row.author == Some(true),
        [row.ended, row.runs],
        reason,
    ))
}

/// The newest run of each arm and seed, and how it ended. Runs of trials are no pairs, and nothing of them gets in here.
pub(super) async fn outcomes(
    tx: &mut PgConnection,
    experiment: ExperimentId,
) -> sqlx::Result<Vec<RunOutcome>> {
    let rows = sqlx::query!(
        "select arm, seed, state, failure, error, result from run
         where experiment_id = $1 and trial is null
           and not exists (select from run later where later.retry_of = run.id)
         order by id",
        experiment as ExperimentId
    )
    .fetch_all(tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(RunOutcome {
                arm: row.arm,
                seed: u32::try_from(row.seed).map_err(|error| sqlx::Error::Decode(error.into()))?,
                end: end(&row.state, row.failure.as_deref(), row.error, row.result),
            })
        })
        .collect()
}

/// The end of a run by its columns.
pub(super) fn end(
    state: &str,
    failure: Option<&str>,
    error: Option<String>,
    result: Option<serde_json::Value>,
) -> End {
    match (state, failure) {
        ("succeeded", _) => result
            .and_then(|result| serde_json::from_value::<RunResult>(result).ok())
            .map_or_else(
                || End::Missing("its result cannot be read".into()),
                |result| End::Finished(Box::new(result)),
            ),
        ("failed", Some("diverged")) => End::Diverged,
        ("failed", _) => End::Missing(error.unwrap_or_default()),
        _ => End::Cancelled,
    }
}

/// Lets the experiment wait for an admin.
async fn stall(tx: &mut PgConnection, experiment: ExperimentId, reason: &str) -> Result<()> {
    let reason = text::cut(reason, text::POST_CHARS);
    sqlx::query!(
        "update experiment set state = 'stalled', stalled_at = now(), stalled_reason = $2 where id = $1",
        experiment as ExperimentId,
        reason
    )
    .execute(&mut *tx)
    .await?;
    tracing::warn!(%experiment, "stalled: too many runs are missing; an admin decides");
    let data = serde_json::json!({ "reason": text::cut(&reason, text::REASON_CHARS) });
    Ok(super::events::record(tx, experiment, None, None, "stalled", data).await?)
}

/// Posts the verdict; of an exploratory experiment its numbers alone. If the database refuses it, whatever the reason,
/// the runs have ended all the same: the experiment waits for an admin.
async fn post(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    thread: ThreadId,
    ended: &Ended<'_>,
) -> Result<()> {
    let mut point = tx.begin().await?;
    match write_both(&mut point, experiment, thread, ended).await {
        Ok(written) => {
            point.commit().await?;
            for Written {
                result,
                claim,
                heirs,
            } in written
            {
                news::after_verdict(tx, result, claim, &heirs).await?;
                confirm::after_verdict(tx, claim).await?;
            }
            Ok(())
        }
        Err(Error::Database(error)) if error.as_database_error().is_some() => {
            tracing::error!(%experiment, %error, "the verdict could not be stored");
            point.rollback().await?;
            stall(tx, experiment, "The verdict could not be stored.").await
        }
        Err(error) => Err(error),
    }
}

/// A verdict that was written: its post, and the claim that it is on.
struct Written {
    result: CommentId,
    claim: ClaimId,
    /// Narrower claims that fell with it.
    heirs: Vec<ClaimId>,
}

/// Writes the verdict, and that on the test of a rival that shares the runs, by its own criterion.
async fn write_both(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    thread: ThreadId,
    ended: &Ended<'_>,
) -> Result<Vec<Written>> {
    let mut written = vec![write(&mut *tx, experiment, thread, ended).await?];
    let rival = sqlx::query!(
        r#"select id as "id: ExperimentId", thread_id as "thread: ThreadId" from experiment
           where shares_runs_of = $1 and concluded_at is null"#,
        experiment as ExperimentId
    )
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(rival) = rival {
        let verdict = verdict_again(&mut *tx, rival.id).await?;
        // The pairs are kept once: two claims make no more of them.
        let ended = Ended::judged(&verdict);
        written.push(write(&mut *tx, rival.id, rival.thread, &ended).await?);
    }
    Ok(written)
}

async fn write(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    thread: ThreadId,
    ended: &Ended<'_>,
) -> sqlx::Result<Written> {
    let verdict = ended.verdict();
    let outcome = verdict.map(|verdict| verdict.outcome.name());
    seal::open(&mut *tx, experiment).await?;
    let row = sqlx::query!(
        r#"update experiment set state = 'concluded', concluded_at = now(), stalled_at = null, stalled_reason = null,
             challenge = case when $2 = 'falsified' and not exploratory and confirms is null and cardinality(outside) = 0
               then 'open' end
           where id = $1 returning exploratory, claim_id as "claim: ClaimId", confirms as "confirms: ExperimentId""#,
        experiment as ExperimentId,
        outcome,
    )
    .fetch_one(&mut *tx)
    .await?;
    let mut heirs = Vec::new();
    if let (Some(confirmed), Some(verdict)) = (row.confirms, verdict) {
        settle(tx, confirmed, verdict.outcome).await?;
        heirs = fall::inherit(&mut *tx, &[row.claim]).await?;
    }
    let exploratory = row.exploratory;
    if let Some(verdict) = verdict.filter(|_| !exploratory) {
        sqlx::query!(
            "insert into verdict (experiment_id, outcome, effect, p_value, severity, detail) values ($1, $2, $3, $4, $5, $6)",
            experiment as ExperimentId,
            verdict.outcome.name(),
            verdict.effect,
            verdict.p_value,
            verdict.severity,
            serde_json::to_value(verdict).expect("a verdict is plain data")
        )
        .execute(&mut *tx)
        .await?;
    }
    let words = match ended {
        Ended::Searched(ended) => search::conclude(&mut *tx, experiment, ended).await?,
        Ended::Judged { verdict, .. } if exploratory => verdict.without_outcome(),
        Ended::Judged { verdict, .. } => match co_sign::in_post(&mut *tx, experiment).await? {
            Some(accepted) => format!("{}\n\n{accepted}", verdict.explanation),
            None => verdict.explanation.clone(),
        },
    };
    let words = match tuned_words(&mut *tx, experiment).await? {
        Some(tuned) => text::cut(
            &format!("{words}\n\n{tuned}"),
            text::POST_CHARS + text::REASON_CHARS,
        ),
        None => words,
    };
    let result = sqlx::query_scalar!(
        r#"insert into comment (thread_id, kind, experiment_id, body) values ($1, 'result', $2, $3)
           returning id as "id: CommentId""#,
        thread as ThreadId,
        experiment as ExperimentId,
        words
    )
    .fetch_one(&mut *tx)
    .await?;
    if let Ended::Judged {
        noise: Some(noise), ..
    } = ended
    {
        power::keep(&mut *tx, experiment, noise).await?;
    }
    record::conclusion(&mut *tx, experiment).await?;
    let outcome = outcome.filter(|_| !exploratory);
    let data = serde_json::json!({ "outcome": outcome });
    super::events::record(tx, experiment, None, None, "concluded", data).await?;
    Ok(Written {
        result,
        claim: row.claim,
        heirs,
    })
}

/// What the arms chose before they were compared, for the result post.
async fn tuned_words(
    tx: &mut PgConnection,
    experiment: ExperimentId,
) -> sqlx::Result<Option<String>> {
    let row = sqlx::query!(
        "select spec, seed_salt from experiment where id = $1",
        experiment as ExperimentId
    )
    .fetch_one(&mut *tx)
    .await?;
    let Ok(spec) = Spec::from_stored(&row.spec) else {
        return Ok(None);
    };
    let salt = row.seed_salt.as_deref();
    let choice = tuning::chosen_again(tx, experiment, &spec, salt).await?;
    Ok(choice.and_then(|choice| Some(told(&spec, salt, &choice.ok()?))))
}

/// What the verdict on a confirmation says of the experiment that it repeats. One without an answer leaves it open.
async fn settle(
    tx: &mut PgConnection,
    confirmed: ExperimentId,
    outcome: Outcome,
) -> sqlx::Result<()> {
    let challenge = match outcome {
        Outcome::Falsified => "confirmed",
        Outcome::Supported | Outcome::Inconclusive => "not_confirmed",
        Outcome::Inadmissible | Outcome::Aborted => return Ok(()),
    };
    sqlx::query!(
        "update experiment set challenge = $2 where id = $1",
        confirmed as ExperimentId,
        challenge
    )
    .execute(tx)
    .await?;
    Ok(())
}
