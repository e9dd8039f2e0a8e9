//! The sweep: takes leases away from workers that are dead, hung or too slow, and mends what no lease explains.

use super::finish::{close_attempt, lose};
use super::{Error, Result, Timing, audit, conclude, events, line, seal};
use crate::id::{ExperimentId, RunId};
use sqlx::PgPool;

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reaped {
    /// Leases taken away from workers that no longer beat or no longer step.
    pub lost: u32,
    /// Attempts ended because they took longer than an attempt may.
    pub timed_out: u32,
    /// Runs and experiments whose state was not what their leases and attempts say, mended.
    pub mended: u32,
    /// Leases, runs and experiments that could not be handled this time; the log says why.
    pub failed: u32,
}

/// Takes away every lease that has run out, mends every run and experiment whose rows do not agree, and opens what was sealed
/// until now. Any number of
/// processes may call it at once. What cannot be handled is logged and stepped over: it holds up nobody else's run.
///
/// # Errors
/// If the database is away; what was handled before stays handled.
pub async fn reap(pool: &PgPool, timing: Timing) -> Result<Reaped> {
    let mut reaped = Reaped::default();
    let mut skipped = Vec::new();
    while let Some((run, end)) = reap_one(pool, timing, &skipped).await? {
        match end {
            Ok(true) => reaped.timed_out += 1,
            Ok(false) => reaped.lost += 1,
            Err(error) => {
                tracing::error!(%run, %error, "an expired lease could not be taken away");
                reaped.failed += 1;
                skipped.push(run.0);
            }
        }
    }
    audit::mend(pool, timing, &mut reaped).await?;
    seal::open_due(pool).await?;
    line::sweep(pool).await?;
    Ok(reaped)
}

/// A lease that has run out.
struct Ripe {
    run: RunId,
    epoch: i64,
    step: i32,
    expired: bool,
    timed_out: bool,
    silent_s: f64,
}

/// Handles one lease in one transaction, and says of which run and whether it was out of time; `None` if there is none.
async fn reap_one(
    pool: &PgPool,
    timing: Timing,
    skipped: &[i64],
) -> Result<Option<(RunId, Result<bool>)>> {
    let mut tx = pool.begin().await?;
    // From the leases to their runs, whatever the database believes of either: there are few leases, and no end of runs.
    // Found and locked by one statement, deleted by another: a plan may run the search of a `delete … using (search)`
    // once for each row, and each time it finds, and deletes, another lease. A beat that commits first is seen when
    // the row is looked at again under its lock.
    let ripe = sqlx::query_as!(
        Ripe,
        r#"select l.run_id as "run: RunId", l.epoch, l.step, l.expires_at < now() as "expired!",
                  l.taken_at < now() - make_interval(secs => run.max_runtime_s) as "timed_out!",
                  extract(epoch from now() - l.beat_at)::float8 as "silent_s!"
           from run_lease l cross join lateral (select max_runtime_s from run where run.id = l.run_id offset 0) run
           where (l.expires_at < now()
              or l.progress_at < now() - make_interval(secs => $1)
              or l.taken_at < now() - make_interval(secs => run.max_runtime_s))
              and l.run_id <> all ($2)
           limit 1 for update of l skip locked"#,
        f64::from(timing.stall_s),
        skipped
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(ripe) = ripe else {
        return Ok(None);
    };
    let run = ripe.run;
    let ended = async {
        let timed_out = take_away(&mut tx, &ripe, timing).await?;
        tx.commit().await?;
        Ok(timed_out)
    };
    match ended.await {
        // Only what the database says of these rows is theirs; without a database the sweep ends.
        Err(error) if !is_of_rows(&error) => Err(error),
        end => Ok(Some((run, end))),
    }
}

/// Whether an error is about the rows that were written, and not about the connection.
pub(super) fn is_of_rows(error: &Error) -> bool {
    !matches!(error, Error::Database(error) if error.as_database_error().is_none()
        && !matches!(error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::RowNotFound))
}

async fn take_away(tx: &mut sqlx::PgConnection, ripe: &Ripe, timing: Timing) -> Result<bool> {
    sqlx::query!("delete from run_lease where run_id = $1", ripe.run as RunId)
        .execute(&mut *tx)
        .await?;
    let run = sqlx::query!(
        r#"select experiment_id as "experiment_id: ExperimentId", max_runtime_s
           from run where id = $1 for no key update"#,
        ripe.run as RunId
    )
    .fetch_one(&mut *tx)
    .await?;
    let timed_out = ripe.timed_out && !ripe.expired;
    let (outcome, error) = if timed_out {
        (
            "timed_out",
            format!(
                "The attempt took longer than the {} s that one may take.",
                run.max_runtime_s
            ),
        )
    } else if ripe.expired {
        (
            "lost",
            format!(
                "The worker was silent for {:.0} s and lost its lease at step {}.",
                ripe.silent_s, ripe.step
            ),
        )
    } else {
        (
            "lost",
            format!(
                "The worker beat but its trainer gave no sign of life for {} s; it was stuck at step {}.",
                timing.stall_s, ripe.step
            ),
        )
    };
    close_attempt(tx, ripe.run, ripe.epoch, outcome, Some(&error)).await?;
    lose(tx, ripe.run, ripe.epoch, outcome, &error, timing).await?;
    let data = serde_json::json!({ "epoch": ripe.epoch, "step": ripe.step, "error": error });
    events::record(tx, run.experiment_id, Some(ripe.run), None, outcome, data).await?;
    conclude::if_done(tx, run.experiment_id).await?;
    line::enter(tx, ripe.run).await?;
    line::charge(tx, ripe.run, ripe.epoch).await?;
    Ok(timed_out)
}
