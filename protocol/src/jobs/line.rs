//! The queue's order: who waits, and what each person has used lately.
//!
//! `queue_line` names the people who wait, one row for each data set that their runs need; `queue_use` what they have
//! used. The function `queue_order` puts both in order, for the take and for the pages alike. Rows enter with the runs
//! that are queued, in the same transaction, and leave by a sweep: a line without runs costs a take one look.
//!
//! Both are locked after the experiment, the use last.

use crate::db::along_indexes;
use crate::id::{ExperimentId, RunId};
use sqlx::{PgConnection, PgPool};

/// A run was queued again: its owner waits.
pub(super) async fn enter(tx: &mut PgConnection, run: RunId) -> sqlx::Result<()> {
    // The update is for its lock: the sweep must not remove a line while runs enter it.
    sqlx::query!(
        "insert into queue_line (owner_id, data_set, priority)
         select owner_id, coalesce(data_set, ''), priority from run where id = $1 and state = 'queued'
         on conflict (owner_id, data_set, priority) do update set owner_id = excluded.owner_id",
        run as RunId
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// The runs of an experiment were queued.
pub(super) async fn enter_all(tx: &mut PgConnection, experiment: ExperimentId) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into queue_line (owner_id, data_set, priority)
         select distinct owner_id, coalesce(data_set, ''), priority from run
         where experiment_id = $1 and state = 'queued' order by 1, 2, 3
         on conflict (owner_id, data_set, priority) do update set owner_id = excluded.owner_id",
        experiment as ExperimentId
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Adds the time of an attempt that has ended to what its owner has used. What was lost is nobody's use, nor is what a
/// volunteer's machine gave.
pub(super) async fn charge(tx: &mut PgConnection, run: RunId, epoch: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into queue_use (owner_id, seconds)
         select run.owner_id, greatest(extract(epoch from a.ended_at - a.started_at), 1)
         from run join run_attempt a on a.run_id = run.id join worker w on w.id = a.worker_id
         where a.run_id = $1 and a.epoch = $2 and w.volunteer_id is null
           and a.outcome in ('succeeded', 'failed', 'cancelled', 'preempted', 'timed_out')
         on conflict (owner_id) do update
         set seconds = used_until_now(queue_use.seconds, queue_use.counted_at) + excluded.seconds, counted_at = now()",
        run as RunId,
        epoch
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Removes the lines in which nobody stands.
pub(super) async fn sweep(pool: &PgPool) -> sqlx::Result<()> {
    let mut tx = pool.begin().await?;
    along_indexes(&mut tx).await?;
    // Whoever enters a line locks it. What could be locked here is looked at again, by a statement that sees all who
    // entered before.
    let empty = sqlx::query!(
        "select owner_id, data_set, priority from queue_line l
         where (select run.id from run where state = 'queued' and owner_id >= l.owner_id and owner_id <= l.owner_id
             and coalesce(run.data_set, '') = l.data_set and run.priority = l.priority
           order by owner_id, coalesce(run.data_set, ''), run.priority desc, run.id limit 1) is null
         order by 1, 2, 3 for update skip locked"
    )
    .fetch_all(&mut *tx)
    .await?;
    for line in empty {
        sqlx::query!(
            "delete from queue_line
             where owner_id = $1 and data_set = $2 and priority = $3
               and (select run.id from run where state = 'queued' and owner_id >= $1 and owner_id <= $1
                   and coalesce(run.data_set, '') = $2 and run.priority = $3
                 order by owner_id, coalesce(run.data_set, ''), run.priority desc, run.id limit 1) is null",
            line.owner_id,
            line.data_set,
            line.priority
        )
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await
}

/// Opens a line for every run that waits without one: after a restore, or when somebody changed a run by hand.
///
/// # Errors
/// If the database is away.
pub async fn complete_lines(pool: &PgPool) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "insert into queue_line (owner_id, data_set, priority)
         select distinct owner_id, coalesce(data_set, ''), priority from run where state = 'queued' order by 1, 2, 3
         on conflict (owner_id, data_set, priority) do nothing"
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected())
}
