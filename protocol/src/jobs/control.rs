//! What people do to the queue: cancel, retry, pause, resume. Each is written to the event log with its reason.
//!
//! All run in the caller's transaction: on an error, roll it back.

use super::finish::cancel as cancel_now;
use super::{Error, Result, conclude, events};
use crate::id::{AccountId, ExperimentId, RunId};
use sqlx::PgConnection;

/// Cancels a run: a queued one at once, a running one with its worker's next beat.
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
        r#"select experiment_id as "experiment_id: ExperimentId", state, cancel_asked_at is not null as "asked!"
           from run where id = $1 for no key update"#,
        run as RunId
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(Error::NotFound("run"))?;
    if row.asked && row.state == "running" {
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
    let kind = if row.state == "queued" {
        cancel_now(&mut *tx, run).await?;
        "cancelled"
    } else {
        "cancel_asked"
    };
    let data = serde_json::json!({ "reason": reason });
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
        r#"select experiment_id as "experiment_id: ExperimentId", state, failure,
                  exists (select from run later where later.retry_of = run.id) as "retried!"
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
    if row.retried {
        return Err(Error::Conflict("This run was retried before.".into()));
    }
    let state = sqlx::query_scalar!(
        "select state from experiment where id = $1 for no key update",
        row.experiment_id as ExperimentId
    )
    .fetch_one(&mut *tx)
    .await?;
    if state == "concluded" {
        return Err(Error::Conflict(
            "The experiment has its verdict, which stays; amend the experiment to run it again."
                .into(),
        ));
    }
    let id = sqlx::query_scalar!(
        r#"insert into run (experiment_id, owner_id, arm, seed, plan, steps, data_set, priority, max_failures, max_losses,
                            max_runtime_s, retry_of)
           select experiment_id, owner_id, arm, seed, plan, steps, data_set, priority, max_failures, max_losses,
                  max_runtime_s, id
           from run where id = $1
           returning id as "id: RunId""#,
        run as RunId
    )
    .fetch_one(&mut *tx)
    .await?;
    let data = serde_json::json!({ "reason": reason, "retry_of": run });
    events::record(
        &mut *tx,
        row.experiment_id,
        Some(id),
        Some(actor),
        "retried",
        data,
    )
    .await?;
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
    tracing::info!(actor = actor.0, "the queue is open again");
    Ok(())
}
