//! The end of an attempt: lease, run, attempt, verdict and result post in one transaction.

use super::{
    Error, Lease, Result, Timing, conclude, events, keep_curves, line, volunteer,
    worker::count_time,
};
use crate::id::RunId;
use crate::result::RunResult;
use crate::spec::Plan;
use crate::text;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = RunEnding))]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The run is complete.
    Succeeded(Box<RunResult>),
    /// It failed by its own doing.
    Failed {
        /// What kind of failure.
        kind: FailureKind,
        /// The reason, for people; never empty.
        error: String,
    },
    /// The worker hands the run back in good order; this costs the run nothing.
    Preempted,
    /// The worker's machine is at fault (its disk, its device, its data, its memory): the run goes back at no cost,
    /// and to another worker while there is one.
    Unable {
        /// What is wrong there, for people; never empty.
        error: String,
    },
    /// The trainer was killed from outside, by the system for want of memory or by hand: a loss, not a failure.
    Lost {
        /// What was seen, for people; never empty.
        error: String,
    },
    /// The worker stopped because somebody had asked for it.
    Cancelled,
}

/// What kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = RunFailureKind))]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The worker cannot run this plan.
    Specification,
    /// Anything else; may heal, so it is tried again a few times.
    Error,
    /// The device is too small; trying again would not change that.
    OutOfMemory,
    /// Loss or gradient left the finite numbers: a result, the worst of its arm.
    Diverged,
    /// The attempt took longer than one may; the next goes on from its last checkpoint.
    TimedOut,
}

impl FailureKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Specification => "specification",
            Self::Error => "error",
            Self::OutOfMemory => "out_of_memory",
            Self::Diverged => "diverged",
            Self::TimedOut => "timed_out",
        }
    }

    fn may_heal(self) -> bool {
        matches!(self, Self::Error)
    }
}

/// Ends the attempt that holds `lease`. Sent again after a lost answer, it succeeds again and changes nothing.
///
/// # Errors
/// [`Error::LeaseLost`] if the lease was taken away: nothing was written.
pub async fn finish(pool: &PgPool, lease: &Lease, ending: Ending, timing: Timing) -> Result<()> {
    let mut tx = pool.begin().await?;
    let ending = admitted(&mut tx, lease.run, ending.fit()).await?;
    if let Some(volunteer) = volunteer::of_worker(&mut tx, lease.worker).await? {
        volunteer::finish(tx, lease, ending, volunteer).await?;
        count_time(pool, lease).await;
        return Ok(());
    }
    let outcome = match &ending {
        Ending::Succeeded(_) => "succeeded",
        Ending::Failed {
            kind: FailureKind::TimedOut,
            ..
        } => "timed_out",
        Ending::Failed { .. } => "failed",
        Ending::Preempted => "preempted",
        Ending::Unable { .. } => "unable",
        Ending::Lost { .. } => "lost",
        Ending::Cancelled => "cancelled",
    };
    if !let_go(&mut tx, lease).await? {
        return already_ended(&mut tx, lease, outcome).await;
    }
    let run = sqlx::query!(
        r#"select failures, max_failures, lent or retry_of is not null as "judges!", cancel_asked_at is not null as "cancel!"
           from run where id = $1 for no key update"#,
        lease.run as RunId
    )
    .fetch_one(&mut *tx)
    .await?;
    let error = match &ending {
        Ending::Failed { error, .. } | Ending::Unable { error } | Ending::Lost { error } => {
            Some(error.as_str())
        }
        Ending::Succeeded(_) | Ending::Preempted | Ending::Cancelled => None,
    };
    close_attempt(&mut tx, lease.run, lease.epoch, outcome, error).await?;
    if run.judges {
        match &ending {
            Ending::Succeeded(result) => {
                volunteer::judge(&mut tx, lease.run, Some(result.as_ref())).await?;
            }
            Ending::Failed {
                kind: FailureKind::Diverged,
                ..
            } => volunteer::judge(&mut tx, lease.run, None).await?,
            _ => {}
        }
    }
    match &ending {
        Ending::Succeeded(result) => {
            let result = serde_json::to_value(result).expect("a result is plain data");
            sqlx::query!(
                "update run set state = 'succeeded', result = $2, finished_at = now() where id = $1",
                lease.run as RunId,
                result
            )
            .execute(&mut *tx)
            .await?;
        }
        Ending::Failed {
            kind: FailureKind::TimedOut,
            error,
        } => lose(&mut tx, lease.run, lease.epoch, outcome, error, timing).await?,
        Ending::Failed { kind, error } => {
            let again = kind.may_heal() && run.failures + 1 < run.max_failures;
            sqlx::query!(
                "update run set failures = failures + 1 where id = $1",
                lease.run as RunId
            )
            .execute(&mut *tx)
            .await?;
            if run.cancel && *kind != FailureKind::Diverged {
                cancel(&mut tx, lease.run).await?;
            } else if !again {
                fail(&mut tx, lease.run, kind.name(), error).await?;
            } else {
                let wait = backoff(timing, run.failures);
                requeue(&mut tx, lease.run, wait).await?;
            }
        }
        Ending::Lost { error } => {
            lose(&mut tx, lease.run, lease.epoch, outcome, error, timing).await?;
        }
        // Other workers need not wait; this one gets it later, if at all (`run_avoids`).
        Ending::Preempted | Ending::Unable { .. } if !run.cancel => {
            requeue(&mut tx, lease.run, 0.0).await?;
        }
        Ending::Preempted | Ending::Unable { .. } | Ending::Cancelled => {
            cancel(&mut tx, lease.run).await?;
        }
    }
    let data = serde_json::json!({ "epoch": lease.epoch, "error": error });
    events::record(
        &mut tx,
        lease.experiment,
        Some(lease.run),
        None,
        outcome,
        data,
    )
    .await?;
    conclude::if_done(&mut tx, lease.experiment).await?;
    line::enter(&mut tx, lease.run).await?;
    line::charge(&mut tx, lease.run, lease.epoch).await?;
    tx.commit().await?;
    // No longer under the locks, and never in the way of an ending.
    keep_curves(pool, lease.experiment, Some(lease.run)).await;
    count_time(pool, lease).await;
    Ok(())
}

impl Ending {
    /// What a worker reports, as it can be sent, stored and shown to everybody.
    #[must_use]
    pub fn fit(self) -> Self {
        match self {
            Self::Failed { kind, error } => Self::Failed {
                kind,
                error: text::for_people(&error),
            },
            Self::Unable { error } => Self::Unable {
                error: text::for_people(&error),
            },
            Self::Lost { error } => Self::Lost {
                error: text::for_people(&error),
            },
            Self::Succeeded(result) => match result.storable() {
                Ok(result) => Self::Succeeded(Box::new(result)),
                Err(metric) => Self::Failed {
                    kind: FailureKind::Diverged,
                    error: format!("Its {metric} is not a finite number."),
                },
            },
            other @ (Self::Preempted | Self::Cancelled) => other,
        }
    }
}

/// A result that was reached on another content than the data set's name stands for does not count: somebody changed
/// the worker's folder under it, which is not the run's fault, and other workers have the right one. The result of
/// another plan or seed than the run's is a failure that may heal. Asked before the lease, so that an ending which is
/// sent again gets the same answer.
async fn admitted(tx: &mut PgConnection, run: RunId, ending: Ending) -> sqlx::Result<Ending> {
    let Ending::Succeeded(result) = &ending else {
        return Ok(ending);
    };
    let planned = sqlx::query!("select plan, seed from run where id = $1", run as RunId)
        .fetch_optional(&mut *tx)
        .await?;
    let provenance = &result.provenance;
    let of_the_run = planned.is_none_or(|planned| {
        let plan = Plan::deserialize(planned.plan).map(|plan| plan.sha256());
        i64::from(provenance.seed) == planned.seed
            && plan.is_ok_and(|sha256| sha256 == provenance.plan_sha256)
    });
    if !of_the_run {
        return Ok(Ending::Failed {
            kind: FailureKind::Error,
            error: format!(
                "it trained another plan (SHA-256 {}, seed {}) than this run's, so its result does not count; give \
                 that worker the board's release",
                text::cut(&provenance.plan_sha256, 64),
                provenance.seed
            ),
        });
    }
    let known = sqlx::query!(
        "select d.name, d.sha256 from run r join data_set d on d.name = r.data_set where r.id = $1",
        run as RunId
    )
    .fetch_optional(tx)
    .await?;
    let used = result.provenance.data_sha256.as_deref();
    let Some(known) = known.filter(|known| used != Some(known.sha256.as_str())) else {
        return Ok(ending);
    };
    let used = used.map_or_else(
        || "no data set".into(),
        |sha256| format!("another content (SHA-256 {sha256})"),
    );
    Ok(Ending::Unable {
        error: format!(
            "it was trained on {used}, not on what {} stands for on this board (SHA-256 {}), so its result does not \
             count; give that worker the board's content, or import the other one under the next version",
            known.name, known.sha256
        ),
    })
}

/// Takes back the lease; false if it was no longer this one.
pub(super) async fn let_go(tx: &mut PgConnection, lease: &Lease) -> sqlx::Result<bool> {
    let gone = sqlx::query!(
        "delete from run_lease where run_id = $1 and epoch = $2 and worker_id = $3",
        lease.run as RunId,
        lease.epoch,
        lease.worker
    )
    .execute(tx)
    .await?;
    Ok(gone.rows_affected() > 0)
}

/// Without a lease, an ending is either a repetition of what was accepted, or stale.
pub(super) async fn already_ended(
    tx: &mut PgConnection,
    lease: &Lease,
    outcome: &str,
) -> Result<()> {
    let before = sqlx::query_scalar!(
        "select outcome from run_attempt where run_id = $1 and epoch = $2 and worker_id = $3",
        lease.run as RunId,
        lease.epoch,
        lease.worker
    )
    .fetch_optional(tx)
    .await?
    .flatten();
    if before.as_deref() == Some(outcome) {
        return Ok(());
    }
    Err(Error::LeaseLost {
        run: lease.run,
        epoch: lease.epoch,
    })
}

pub(super) async fn close_attempt(
    tx: &mut PgConnection,
    run: RunId,
    epoch: i64,
    outcome: &str,
    error: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update run_attempt set ended_at = now(), outcome = $3, error = $4
         where run_id = $1 and epoch = $2 and ended_at is null",
        run as RunId,
        epoch,
        outcome,
        error
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn fail(
    tx: &mut PgConnection,
    run: RunId,
    failure: &str,
    error: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update run set state = 'failed', failure = $2, error = $3, finished_at = now() where id = $1",
        run as RunId,
        failure,
        error
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn cancel(tx: &mut PgConnection, run: RunId) -> sqlx::Result<()> {
    sqlx::query!(
        "update run set state = 'cancelled', finished_at = now() where id = $1",
        run as RunId
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn requeue(tx: &mut PgConnection, run: RunId, wait_s: f64) -> sqlx::Result<()> {
    sqlx::query!(
        "update run set state = 'queued', run_after = now() + make_interval(secs => $2) where id = $1",
        run as RunId,
        wait_s
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Counts a loss, and queues the run again unless it is one too many since an attempt last got further than those
/// before it. A cancel that was asked for ends it.
pub(super) async fn lose(
    tx: &mut PgConnection,
    run: RunId,
    epoch: i64,
    failure: &str,
    error: &str,
    timing: Timing,
) -> sqlx::Result<()> {
    if volunteer::lost(&mut *tx, run, epoch).await? {
        return Ok(());
    }
    let counted = sqlx::query!(
        r#"update run set losses = least(losses, 32766) + 1, losses_in_row = case when exists (
               select from run_checkpoint c where c.run_id = run.id and c.epoch = $2 and c.step > coalesce(
                   (select max(e.step) from run_checkpoint e where e.run_id = run.id and e.epoch < $2), 0)
           ) then 1 else least(losses_in_row, 32766) + 1 end
           where id = $1
           returning losses_in_row, max_losses, cancel_asked_at is not null as "cancel!""#,
        run as RunId,
        epoch
    )
    .fetch_one(&mut *tx)
    .await?;
    if counted.cancel {
        return cancel(tx, run).await;
    }
    if counted.losses_in_row < counted.max_losses {
        return requeue(tx, run, backoff(timing, counted.losses_in_row - 1)).await;
    }
    let error = format!(
        "Lost {} times without getting further; the last time: {error}",
        counted.losses_in_row
    );
    fail(tx, run, failure, &error).await
}

/// Seconds to wait after the `before`-th trouble: doubles each time, ten minutes at most.
pub(super) fn backoff(timing: Timing, before: i16) -> f64 {
    const LONGEST_S: f64 = 600.0;
    (f64::from(timing.backoff_s) * 2_f64.powi(i32::from(before))).min(LONGEST_S)
}
