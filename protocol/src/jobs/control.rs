//! What people do to the queue: cancel, retry, pause, resume. Each is written to the event log with its reason.
//!
//! All run in the caller's transaction: on an error, roll it back.

use super::finish::{cancel as cancel_now, close_attempt};
use super::{Error, Result, audit, conclude, events, line};
use crate::id::{AccountId, ExperimentId, RunId};
use crate::record::{self, Act, Subject};
use sqlx::PgConnection;

/// Cancels a run: a queued one at once, a running one with its worker's next beat, or at once if no worker holds it.
///
/// # Errors
/// [`Error::NotFound`] for an unknown run; [`Error::Conflict`] if it has ended or a cancel was asked before.
pub async fn cancel(
    tx: &mut PgConnection,
    run: RunId,
    actor: AccountId,
    reason: &str,
) -> Result<()> {
    let row = sqlx::query!(
        r#"select experiment_id as "experiment_id: ExperimentId", state, epoch, cancel_asked_at is not null as "asked!"
           from run where id = $1 for no key update"#,
        run as RunId
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(Error::NotFound("run"))?;
    // Nobody can take it or give it back while its row is locked.
    let held = row.state == "running" && audit::has_lease(&mut *tx, run).await?;
    if row.asked && held {
        return Err(Error::Conflict(
            "A cancel was asked before; the worker ends the run with its next beat.".into(),
        ));
    }
    if row.state != "queued" && row.state != "running" {
        return Err(Error::Conflict(format!(
            "This run has ended ({}); there is nothing to cancel.",
            row.state
        )));
    }
    sqlx::query!(
        "update run set cancel_asked_at = now(), cancel_asked_by = $2, cancel_reason = $3 where id = $1",
        run as RunId,
        actor as AccountId,
        reason
    )
    .execute(&mut *tx)
    .await?;
    let kind = if held { "cancel_asked" } else { "cancelled" };
    if !held {
        close_attempt(&mut *tx, run, row.epoch, "cancelled", None).await?;
        cancel_now(&mut *tx, run).await?;
    }
    let data = serde_json::json!({ "reason": reason });
    let subject = Subject::Run(run);
    record::act(&mut *tx, subject, Act::Cancelled, Some(actor), data.clone()).await?;
    events::record(
        &mut *tx,
        row.experiment_id,
        Some(run),
        Some(actor),
        kind,
        data,
    )
    .await?;
    if kind == "cancelled" {
        conclude::if_done(&mut *tx, row.experiment_id).await?;
    }
    Ok(())
}

/// Queues a failed or cancelled run again, as a new run that names the old one: final states stay.
///
/// # Errors
/// [`Error::NotFound`] for an unknown run; [`Error::Conflict`] if the run did not fail, diverged (that is its
/// result), was retried before, or its experiment has its verdict.
pub async fn retry(
    tx: &mut PgConnection,
    run: RunId,
    actor: AccountId,
    reason: &str,
) -> Result<RunId> {
    let row = sqlx::query!(
        r#"select experiment_id as "experiment_id: ExperimentId", state, failure
           from run where id = $1 for no key update"#,
        run as RunId
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(Error::NotFound("run"))?;
    if row.state != "failed" && row.state != "cancelled" {
        return Err(Error::Conflict(format!(
            "This run is {}; only a failed or cancelled one can be retried.",
            row.state
        )));
    }
    if row.failure.as_deref() == Some("diverged") {
        return Err(Error::Conflict(
            "This run diverged: that is its result, and it counts as the worst of its arm.".into(),
        ));
    }
    // Asked under the lock, by a statement of its own: one that waited for the lock would still see what was before.
    let retried = sqlx::query_scalar!(
        r#"select exists (select from run where retry_of = $1) as "retried!""#,
        run as RunId
    )
    .fetch_one(&mut *tx)
    .await?;
    if retried {
        return Err(Error::Conflict("This run was retried before.".into()));
    }
    reopen(&mut *tx, row.experiment_id).await?;
    let id = again(&mut *tx, row.experiment_id, run, actor, reason).await?;
    let particulars =
        serde_json::json!({ "reason": reason, "experiment": row.experiment_id, "by_run": id });
    let subject = Subject::Run(run);
    record::act(&mut *tx, subject, Act::Retried, Some(actor), particulars).await?;
    line::enter(&mut *tx, id).await?;
    Ok(id)
}

/// Retries every failed run of a stalled experiment that no retry stands for yet, and says how many.
///
/// # Errors
/// [`Error::NotFound`] for an unknown experiment; [`Error::Conflict`] if it is not stalled, or nothing of it failed.
pub async fn retry_failed(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    actor: AccountId,
    reason: &str,
) -> Result<usize> {
    // Runs are locked before their experiment, as everywhere.
    let runs = sqlx::query_scalar!(
        r#"select id as "id: RunId" from run
           where experiment_id = $1 and state = 'failed' and failure <> 'diverged' order by id for no key update"#,
        experiment as ExperimentId
    )
    .fetch_all(&mut *tx)
    .await?;
    stalled(&mut *tx, experiment).await?;
    let retried = sqlx::query_scalar!(
        r#"select retry_of as "id!: RunId" from run where experiment_id = $1 and retry_of is not null"#,
        experiment as ExperimentId
    )
    .fetch_all(&mut *tx)
    .await?;
    let left: Vec<RunId> = runs
        .into_iter()
        .filter(|run| !retried.contains(run))
        .collect();
    if left.is_empty() {
        return Err(Error::Conflict(
            "No run of this experiment failed: its missing runs were cancelled. Retry one of those on its own page, \
             or give the experiment up."
                .into(),
        ));
    }
    reopen(&mut *tx, experiment).await?;
    for run in &left {
        again(&mut *tx, experiment, *run, actor, reason).await?;
    }
    line::enter_all(&mut *tx, experiment).await?;
    let particulars = serde_json::json!({ "reason": reason, "runs": left });
    let subject = Subject::Experiment(experiment);
    record::act(&mut *tx, subject, Act::Retried, Some(actor), particulars).await?;
    Ok(left.len())
}

/// Ends a stalled experiment: its verdict, *aborted*, is posted and stays.
///
/// # Errors
/// [`Error::NotFound`] for an unknown experiment; [`Error::Conflict`] if it is not stalled.
pub async fn give_up(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    actor: AccountId,
    reason: &str,
) -> Result<()> {
    stalled(&mut *tx, experiment).await?;
    conclude::give_up(&mut *tx, experiment, actor, reason).await
}

/// Locks an experiment that waits for an admin.
async fn stalled(tx: &mut PgConnection, experiment: ExperimentId) -> Result<()> {
    let state = sqlx::query_scalar!(
        "select state from experiment where id = $1 for no key update",
        experiment as ExperimentId
    )
    .fetch_optional(tx)
    .await?
    .ok_or(Error::NotFound("experiment"))?;
    if state != "stalled" {
        return Err(Error::Conflict(format!(
            "This experiment is {state}; only a stalled one waits for a decision."
        )));
    }
    Ok(())
}

/// Locks the experiment; one that was stalled runs again.
async fn reopen(tx: &mut PgConnection, experiment: ExperimentId) -> Result<()> {
    let row = sqlx::query!(
        r#"select state, stopped_at is not null as "stopped!" from experiment where id = $1 for no key update"#,
        experiment as ExperimentId
    )
    .fetch_one(&mut *tx)
    .await?;
    if row.stopped {
        return Err(Error::Conflict(
            "The experiment was stopped; amend it to run it again.".into(),
        ));
    }
    if row.state == "concluded" {
        return Err(Error::Conflict(
            "The experiment has its verdict, which stays; amend the experiment to run it again."
                .into(),
        ));
    }
    sqlx::query!(
        "update experiment set state = 'running', stalled_at = null, stalled_reason = null
         where id = $1 and state = 'stalled'",
        experiment as ExperimentId
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// A new run for an old one that stays as it ended.
async fn again(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    run: RunId,
    actor: AccountId,
    reason: &str,
) -> Result<RunId> {
    let id = sqlx::query_scalar!(
        r#"insert into run (experiment_id, owner_id, trial, arm, seed, plan, steps, data_set, priority, max_failures,
                            max_losses, max_runtime_s, retry_of)
           select experiment_id, owner_id, trial, arm, seed, plan, steps, data_set, priority, max_failures,
                  max_losses, max_runtime_s, id
           from run where id = $1
           returning id as "id: RunId""#,
        run as RunId
    )
    .fetch_one(&mut *tx)
    .await?;
    let data = serde_json::json!({ "reason": reason, "retry_of": run });
    events::record(&mut *tx, experiment, Some(id), Some(actor), "retried", data).await?;
    Ok(id)
}

/// Stops handing out runs; what runs goes on.
///
/// # Errors
/// If the database is away.
pub async fn pause(tx: &mut PgConnection, actor: AccountId, reason: &str) -> Result<()> {
    sqlx::query!(
        "update queue_control set paused_at = now(), paused_by = $1, pause_reason = $2",
        actor as AccountId,
        reason
    )
    .execute(&mut *tx)
    .await?;
    let particulars = serde_json::json!({ "reason": reason });
    record::act(tx, Subject::Queue, Act::Paused, Some(actor), particulars).await?;
    tracing::info!(actor = actor.0, reason, "the queue is paused");
    Ok(())
}

/// Hands out runs again.
///
/// # Errors
/// If the database is away.
pub async fn resume(tx: &mut PgConnection, actor: AccountId) -> Result<()> {
    sqlx::query!(
        "update queue_control set paused_at = null, paused_by = null, pause_reason = null"
    )
    .execute(&mut *tx)
    .await?;
    let particulars = serde_json::json!({});
    record::act(tx, Subject::Queue, Act::Resumed, Some(actor), particulars).await?;
    tracing::info!(actor = actor.0, "the queue is open again");
    Ok(())
}
