//! The reaper: takes leases away from workers that are dead, hung or too slow.

use super::finish::{backoff, cancel, close_attempt, fail, requeue};
use super::{Result, Timing, conclude, events};
use crate::id::{ExperimentId, RunId};
use sqlx::PgPool;

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reaped {
    /// Leases taken away from workers that no longer beat or no longer step.
    pub lost: u32,
    /// Runs ended because an attempt took longer than a run may.
    pub timed_out: u32,
}

/// Takes away every lease that has run out. Any number of processes may call it at once.
///
/// # Errors
/// If the database is away; leases handled before stay handled.
pub async fn reap(pool: &PgPool, timing: Timing) -> Result<Reaped> {
    let mut reaped = Reaped::default();
    while let Some(timed_out) = reap_one(pool, timing).await? {
        if timed_out {
            reaped.timed_out += 1;
        } else {
            reaped.lost += 1;
        }
    }
    Ok(reaped)
}

/// Handles one lease in one transaction; says whether it was out of time, or `None` if there is none.
async fn reap_one(pool: &PgPool, timing: Timing) -> Result<Option<bool>> {
    let mut tx = pool.begin().await?;
    // The delete itself finds the lease, so it cannot act on an old snapshot (a beat
    // that commits first is seen when the row is re-checked under its lock).
    let lease = sqlx::query!(
        r#"delete from run_lease l
           using (
               select l.run_id, run.max_runtime_s from run_lease l join run on run.id = l.run_id
               where l.expires_at < now()
                  or l.progress_at < now() - make_interval(secs => $1)
                  or l.taken_at < now() - make_interval(secs => run.max_runtime_s)
               limit 1 for update of l skip locked
           ) ripe
           where l.run_id = ripe.run_id
           returning l.run_id as "run_id: RunId", l.epoch, l.step, l.expires_at < now() as "expired!",
                     l.taken_at < now() - make_interval(secs => ripe.max_runtime_s) as "timed_out!",
                     extract(epoch from now() - l.beat_at)::float8 as "silent_s!""#,
        f64::from(timing.stall_s)
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(lease) = lease else {
        return Ok(None);
    };
    let run = sqlx::query!(
        r#"select experiment_id as "experiment_id: ExperimentId", losses, max_losses, max_runtime_s,
                  cancel_asked_at is not null as "cancel!"
           from run where id = $1 for no key update"#,
        lease.run_id as RunId
    )
    .fetch_one(&mut *tx)
    .await?;
    let timed_out = lease.timed_out && !lease.expired;
    let (outcome, error) = if timed_out {
        (
            "timed_out",
            format!(
                "The attempt took longer than the {} s that a run may take.",
                run.max_runtime_s
            ),
        )
    } else if lease.expired {
        (
            "lost",
            format!(
                "The worker was silent for {:.0} s and lost its lease at step {}.",
                lease.silent_s, lease.step
            ),
        )
    } else {
        (
            "lost",
            format!(
                "The worker beat but made no step for {} s; it was stuck at step {}.",
                timing.stall_s, lease.step
            ),
        )
    };
    close_attempt(&mut tx, lease.run_id, lease.epoch, outcome, Some(&error)).await?;
    if timed_out {
        fail(&mut tx, lease.run_id, "timed_out", &error).await?;
    } else {
        sqlx::query!(
            "update run set losses = losses + 1 where id = $1",
            lease.run_id as RunId
        )
        .execute(&mut *tx)
        .await?;
        if run.cancel {
            cancel(&mut tx, lease.run_id).await?;
        } else if run.losses + 1 >= run.max_losses {
            let error = format!("Lost {} times; the last time: {error}", run.losses + 1);
            fail(&mut tx, lease.run_id, "lost", &error).await?;
        } else {
            requeue(&mut tx, lease.run_id, backoff(timing, run.losses)).await?;
        }
    }
    let data = serde_json::json!({ "epoch": lease.epoch, "step": lease.step, "error": error });
    events::record(
        &mut tx,
        run.experiment_id,
        Some(lease.run_id),
        None,
        outcome,
        data,
    )
    .await?;
    conclude::if_done(&mut tx, run.experiment_id).await?;
    tx.commit().await?;
    Ok(Some(timed_out))
}
