//! Taking a run: one short transaction that hands out a lease.

use super::{Lease, Result, Timing, events};
use crate::id::{AccountId, ExperimentId, RunId};
use sqlx::PgPool;
use uuid::Uuid;

/// Serialises takes, so that counting running runs and then taking one is exact.
const TAKE_LOCK: i64 = 0x62_6d_77_01;

/// Makes a worker process known, with the number of runs that it works on at once. Its id must be fresh: a reused
/// one would hide a dead worker's runs.
///
/// # Errors
/// If the database is away.
pub async fn register_worker(
    pool: &PgPool,
    worker: Uuid,
    host: &str,
    device: &str,
    version: &str,
    slots: u8,
) -> Result<()> {
    sqlx::query!(
        "insert into worker (id, host, device, version, slots) values ($1, $2, $3, $4, $5)
         on conflict (id) do update set last_seen_at = now()",
        worker,
        host,
        device,
        version,
        i16::from(slots)
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Signs a worker off; it offers no data set any more.
///
/// # Errors
/// If the database is away.
pub async fn stop_worker(pool: &PgPool, worker: Uuid) -> Result<()> {
    sqlx::query!(
        "with gone as (delete from worker_data_set where worker_id = $1)
         update worker set stopped_at = now(), last_seen_at = now() where id = $1",
        worker
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Takes the next run for `worker`, or `None` if there is nothing to take or the queue is paused.
///
/// Order: priority, then fewest running runs of the same person, then age. Runs that need a data set which this
/// worker has not [offered](super::offer), or with other content than the board's, are stepped over.
///
/// # Errors
/// If the database is away.
pub async fn take(pool: &PgPool, worker: Uuid, timing: Timing) -> Result<Option<Lease>> {
    let mut tx = pool.begin().await?;
    sqlx::query!("select pg_advisory_xact_lock($1)", TAKE_LOCK)
        .execute(&mut *tx)
        .await?;
    sqlx::query!(
        "update worker set last_seen_at = now(), stopped_at = null where id = $1",
        worker
    )
    .execute(&mut *tx)
    .await?;
    // Of each person only the oldest run of the highest priority can be next, of those without a data set and of
    // each data set that this worker has. So the number of rows compared is the number of people who wait times
    // that of the worker's data sets, not the number of runs: the recursive part jumps from owner to owner
    // through run_next_of_owner, and the lateral part finds each head in it.
    let next = sqlx::query!(
        r#"with recursive waiting (owner_id) as (
              (select owner_id from run where state = 'queued' order by owner_id limit 1)
            union all
              select (select r.owner_id from run r where r.state = 'queued' and r.owner_id > w.owner_id
                      order by r.owner_id limit 1)
              from waiting w where w.owner_id is not null
        ), busy as (
            select owner_id, count(*) as runs from run where state = 'running' group by owner_id
        ), kind (data_set) as (
            select '' union all
            select mine.name from worker_data_set mine
            join data_set board on board.name = mine.name and board.sha256 = mine.sha256
            where mine.worker_id = $1
        ), candidate as (
            select head.id, head.priority, coalesce(busy.runs, 0) as running
            from waiting w
            left join busy on busy.owner_id = w.owner_id
            cross join queue_control q
            cross join kind
            cross join lateral (
                select r.id, r.priority from run r
                where r.state = 'queued' and r.owner_id = w.owner_id
                  and coalesce(r.data_set, '') = kind.data_set and r.run_after <= now()
                order by r.priority desc, r.id limit 1
            ) head
            where w.owner_id is not null
              and q.paused_at is null
              and coalesce(busy.runs, 0) < coalesce(q.max_running_per_person, 2147483647)
              and (select coalesce(sum(runs), 0) from busy) < coalesce(q.max_running, 2147483647)
        )
        select r.id as "id: RunId", r.experiment_id as "experiment_id: ExperimentId",
               r.owner_id as "owner_id: AccountId", r.plan, r.epoch, r.max_runtime_s, r.started_at
        from run r join candidate c on c.id = r.id
        where r.state = 'queued'
        order by c.priority desc, c.running, c.id
        limit 1
        for update of r skip locked"#,
        worker
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(next) = next else {
        tx.commit().await?;
        return Ok(None);
    };
    let epoch = next.epoch + 1;
    sqlx::query!(
        "update run set state = 'running', epoch = $2, started_at = coalesce(started_at, now()) where id = $1",
        next.id as RunId,
        epoch
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "insert into run_lease (run_id, epoch, worker_id, expires_at)
         values ($1, $2, $3, now() + make_interval(secs => $4))",
        next.id as RunId,
        epoch,
        worker,
        f64::from(timing.lease_s)
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "insert into run_attempt (run_id, epoch, worker_id) values ($1, $2, $3)",
        next.id as RunId,
        epoch,
        worker
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "update experiment set state = 'running' where id = $1 and state = 'registered'",
        next.experiment_id as ExperimentId
    )
    .execute(&mut *tx)
    .await?;
    let data = serde_json::json!({ "epoch": epoch, "worker": worker });
    events::record(
        &mut tx,
        next.experiment_id,
        Some(next.id),
        None,
        "taken",
        data,
    )
    .await?;
    tx.commit().await?;
    Ok(Some(Lease {
        run: next.id,
        epoch,
        experiment: next.experiment_id,
        worker,
        plan: serde_json::from_value(next.plan).map_err(|error| error.to_string()),
        max_runtime_s: next.max_runtime_s,
    }))
}
