//! Taking a run: one short transaction that hands out a lease.

use super::{Error, Lease, Result, Timing, events, volunteer};
use crate::id::{AccountId, ExperimentId, RunId};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// Serialises takes, so that counting running runs and then taking one is exact.
const TAKE_LOCK: i64 = 0x62_6d_77_01;

/// Takes the next run for `worker`, or `None` if there is nothing to take or the queue is paused.
///
/// Order: priority, then the person who has used the workers least lately (of what is over half is forgotten every
/// six hours), then who waits longest; of one person the oldest run. Runs that need a data set which this
/// worker has not [offered](super::offer), or with other content than the board's, are stepped over; so are runs
/// that failed on this worker, or that it was unable to train, while another worker could have them or a back-off lasts. A
/// volunteer's worker gets less: see [`volunteer`].
///
/// # Errors
/// [`Error::NotFound`] if the board does not know the worker (any more): it has to register again.
pub async fn take(pool: &PgPool, worker: Uuid, timing: Timing) -> Result<Option<Lease>> {
    // Not under the lock: every idle worker says so each second.
    let volunteer = sqlx::query_scalar!(
        r#"update worker set last_seen_at = now(), stopped_at = null where id = $1
           returning volunteer_id as "volunteer: AccountId""#,
        worker
    )
    .fetch_optional(pool)
    .await?
    .ok_or(Error::NotFound("worker"))?;
    let offered = match volunteer {
        Some(volunteer) => match volunteer::next(pool, worker, volunteer).await? {
            Some(run) => Some((volunteer, run)),
            None => return Ok(None),
        },
        None => None,
    };
    let mut tx = pool.begin().await?;
    sqlx::query!("select pg_advisory_xact_lock($1)", TAKE_LOCK)
        .execute(&mut *tx)
        .await?;
    let found = match offered {
        Some((volunteer, run)) => volunteer::still(&mut tx, volunteer, run).await?,
        None => oldest(&mut tx, worker, timing).await?,
    };
    // Locked by its key, whatever plan found it. If a cancel holds it, the worker asks again in a moment.
    let next = sqlx::query!(
        r#"select id as "id: RunId", experiment_id as "experiment_id: ExperimentId", plan, epoch, max_runtime_s
           from run where id = $1 and state = 'queued' for update skip locked"#,
        found as Option<RunId>
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(next) = next else {
        tx.commit().await?;
        return Ok(None);
    };
    let epoch = next.epoch + 1;
    sqlx::query!(
        "update run set state = 'running', epoch = $2, started_at = coalesce(started_at, now()), lent = lent or $3 where id = $1",
        next.id as RunId,
        epoch,
        volunteer.is_some()
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

/// The run that comes next for a worker of the board's own. People in the order of `queue_order`, which the pages show too; of
/// the first who has one, the oldest run that this worker can train. The lateral part is evaluated person by person until one
/// is found, so a take costs as much as there are people who wait, and a little, however many runs wait.
async fn oldest(
    tx: &mut PgConnection,
    worker: Uuid,
    timing: Timing,
) -> sqlx::Result<Option<RunId>> {
    sqlx::query_scalar!(
        r#"select oldest.id as "id: RunId"
        from (
            select line.owner_id, line.priority, min(line.used) as used, min(line.entered_at) as entered_at,
                   array_agg(line.data_set) as data_sets
            from queue_order() line cross join queue_control q
            where (line.data_set = '' or exists (
                    select from worker_data_set mine
                    join data_set board on board.name = mine.name and board.sha256 = mine.sha256
                    where mine.worker_id = $1 and mine.name = line.data_set))
              and q.paused_at is null
              and line.running < coalesce(q.max_running_per_person, 2147483647)
              and (q.max_running is null or (select count(*) from run where state = 'running') < q.max_running)
            group by line.owner_id, line.priority
            order by line.priority desc, min(line.used), min(line.entered_at), line.owner_id
            offset 0
        ) person
        cross join lateral (
            select head.id from unnest(person.data_sets) needed (data_set)
            cross join lateral (
                select r.id from run r
                where r.state = 'queued' and r.owner_id = person.owner_id and r.priority = person.priority
                  and coalesce(r.data_set, '') = needed.data_set and r.run_after <= now()
                  and (r.board_after is null or r.board_after <= now())
                  and (r.epoch = 0 or not run_avoids(r.id, $1, $2))
                order by r.id limit 1
            ) head
            order by head.id limit 1
        ) oldest
        order by person.priority desc, person.used, person.entered_at, person.owner_id
        limit 1"#,
        worker,
        f64::from(timing.backoff_s)
    )
    .fetch_optional(tx)
    .await
}
