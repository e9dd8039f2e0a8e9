//! A person stops an experiment: its open runs are cancelled together, and its verdict is *aborted* with the reason.

use super::{Error, Result, conclude, events};
use crate::id::{AccountId, ExperimentId, RunId};
use crate::record::{self, Act, Subject};
use sqlx::PgConnection;

/// Stops an experiment for good. Queued runs are cancelled at once, running ones with their workers' next beats; the
/// verdict is posted when the last of them has ended. Who may do so, the caller has checked.
///
/// Runs in the caller's transaction: on an error, roll it back.
///
/// # Errors
/// [`Error::NotFound`] for an unknown experiment; [`Error::Conflict`] if it is not registered, has its verdict, or was
/// stopped before.
pub async fn stop(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    actor: AccountId,
    reason: &str,
) -> Result<()> {
    // Runs before their experiment, as everywhere; in one order, so that two who stop do not wait for each other.
    let open = sqlx::query!(
        r#"select id as "id: RunId", state from run
           where experiment_id = $1 and state in ('queued', 'running') order by id for no key update"#,
        experiment as ExperimentId
    )
    .fetch_all(&mut *tx)
    .await?;
    let row = sqlx::query!(
        r#"select state, stopped_at is not null as "stopped!", shares_runs_of from experiment where id = $1 for no key update"#,
        experiment as ExperimentId
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(Error::NotFound("experiment"))?;
    if let Some(with_runs) = row.shares_runs_of {
        return Err(Error::Conflict(format!(
            "Its runs are those of experiment {with_runs}, which tests the rival claim; stop that one, and both end."
        )));
    }
    if row.stopped {
        return Err(Error::Conflict(
            "This experiment was stopped before; its verdict comes when its last run has ended."
                .into(),
        ));
    }
    match row.state.as_str() {
        "proposed" => {
            return Err(Error::Conflict(
                "This experiment is not registered, so nothing runs; withdraw it instead.".into(),
            ));
        }
        "concluded" | "withdrawn" => {
            return Err(Error::Conflict(format!(
                "This experiment is {}; there is nothing to stop.",
                row.state
            )));
        }
        _ => {}
    }
    sqlx::query!(
        "update experiment set stopped_at = now(), stopped_by = $2, stop_reason = $3,
             state = case when state = 'stalled' then 'running' else state end, stalled_at = null, stalled_reason = null
         where id = $1 or shares_runs_of = $1",
        experiment as ExperimentId,
        actor as AccountId,
        reason
    )
    .execute(&mut *tx)
    .await?;
    let runs: Vec<i64> = open.iter().map(|run| run.id.0).collect();
    sqlx::query!(
        "update run set cancel_asked_at = coalesce(cancel_asked_at, now()),
             cancel_asked_by = case when cancel_asked_at is null then $2 else cancel_asked_by end,
             cancel_reason = case when cancel_asked_at is null then $3 else cancel_reason end,
             state = case when state = 'queued' then 'cancelled' else state end,
             finished_at = case when state = 'queued' then now() else finished_at end
         where id = any($1)",
        &runs,
        actor as AccountId,
        reason
    )
    .execute(&mut *tx)
    .await?;
    let data = serde_json::json!({ "reason": reason, "runs": runs.len() });
    let subject = Subject::Experiment(experiment);
    record::act(&mut *tx, subject, Act::Stopped, Some(actor), data.clone()).await?;
    events::record(&mut *tx, experiment, None, Some(actor), "stopped", data).await?;
    conclude::if_done(tx, experiment).await?;
    Ok(())
}
