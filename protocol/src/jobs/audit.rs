//! What must hold between two sweeps: a run is *running* exactly while it has a lease and an open attempt, all of one
//! epoch, and an experiment waits exactly while one of its runs does.
//!
//! Every operation keeps that in one transaction. What breaks it (a restored dump, a hand in the database, a bug) is
//! mended here, so that every accepted submission still reaches a final state, and logged, because it should not be.

use super::finish::{close_attempt, lose};
use super::reap::{Reaped, is_of_rows};
use super::{Result, Timing, conclude, confirm, events, line};
use crate::db::along_indexes;
use crate::id::{ExperimentId, RunId};
use sqlx::{PgConnection, PgPool};

/// Rows looked at in one sweep; the next one goes on.
const AT_ONCE: i64 = 100;

/// Mends what does not agree, and counts it.
pub(super) async fn mend(pool: &PgPool, timing: Timing, reaped: &mut Reaped) -> Result<()> {
    for run in broken_runs(pool).await? {
        match mend_run(pool, run, timing).await {
            Ok(true) => reaped.mended += 1,
            Ok(false) => {}
            Err(error) if is_of_rows(&error) => {
                tracing::error!(%run, %error, "a run whose rows do not agree could not be mended");
                reaped.failed += 1;
            }
            Err(error) => return Err(error),
        }
    }
    confirm::answer_left(pool).await?;
    for experiment in left_experiments(pool).await? {
        match conclude_left(pool, experiment).await {
            Ok(true) => reaped.mended += 1,
            Ok(false) => {}
            Err(error) if is_of_rows(&error) => {
                tracing::error!(%experiment, %error, "an experiment whose runs have ended could not be concluded");
                reaped.failed += 1;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Runs whose state, lease and attempt do not agree, each found through the small index of its kind.
async fn broken_runs(pool: &PgPool) -> sqlx::Result<Vec<RunId>> {
    let mut tx = pool.begin().await?;
    along_indexes(&mut tx).await?;
    sqlx::query_scalar!(
        r#"select run.id as "id!: RunId"
           from (select id, epoch from run where state = 'running' order by owner_id offset 0) run
             left join lateral (select epoch from run_lease where run_id = run.id offset 0) l on true
             left join lateral (select epoch from run_attempt where run_id = run.id and ended_at is null offset 0) a on true
           where l.epoch is distinct from run.epoch or a.epoch is distinct from run.epoch
           union
           select l.run_id from run_lease l cross join lateral (select state from run where id = l.run_id offset 0) run
           where run.state <> 'running'
           union
           select a.run_id from run_attempt a cross join lateral (select state from run where id = a.run_id offset 0) run
           where a.ended_at is null and run.state <> 'running'
           limit $1"#,
        AT_ONCE
    )
    .fetch_all(&mut *tx)
    .await
}

/// Looks again under the locks, and if it is still so ends what is open as lost.
async fn mend_run(pool: &PgPool, run: RunId, timing: Timing) -> Result<bool> {
    let mut tx = pool.begin().await?;
    sqlx::query!(
        "select epoch from run_lease where run_id = $1 for update",
        run as RunId
    )
    .fetch_optional(&mut *tx)
    .await?;
    let row = sqlx::query!(
        r#"select experiment_id as "experiment_id: ExperimentId", state, epoch from run where id = $1 for no key update"#,
        run as RunId
    )
    .fetch_one(&mut *tx)
    .await?;
    // After the locks: nobody can end or take this run any more.
    let open = sqlx::query!(
        r#"select (select epoch from run_lease where run_id = $1) as lease,
                  (select epoch from run_attempt where run_id = $1 and ended_at is null) as attempt"#,
        run as RunId
    )
    .fetch_one(&mut *tx)
    .await?;
    let running = row.state == "running";
    let whole = match (open.lease, open.attempt) {
        (None, None) => !running,
        (lease, attempt) => running && lease == Some(row.epoch) && attempt == Some(row.epoch),
    };
    if whole {
        return Ok(false);
    }
    tracing::warn!(
        %run, state = row.state, epoch = row.epoch, lease = ?open.lease, attempt = ?open.attempt,
        "a run's state, lease and attempt do not agree: what is open of it is ended as lost"
    );
    sqlx::query!("delete from run_lease where run_id = $1", run as RunId)
        .execute(&mut *tx)
        .await?;
    let error = "The board lost track of the attempt.";
    if let Some(epoch) = open.attempt {
        close_attempt(&mut tx, run, epoch, "lost", Some(error)).await?;
    }
    if running {
        lose(&mut tx, run, row.epoch, "lost", error, timing).await?;
    }
    let data = serde_json::json!({ "epoch": row.epoch, "error": error });
    events::record(&mut tx, row.experiment_id, Some(run), None, "lost", data).await?;
    conclude::if_done(&mut tx, row.experiment_id).await?;
    line::enter(&mut tx, run).await?;
    tx.commit().await?;
    Ok(true)
}

/// Experiments that wait for nothing and have no verdict.
async fn left_experiments(pool: &PgPool) -> sqlx::Result<Vec<ExperimentId>> {
    let mut tx = pool.begin().await?;
    along_indexes(&mut tx).await?;
    sqlx::query_scalar!(
        r#"select id as "id: ExperimentId" from experiment e
           where state in ('registered', 'running') and shares_runs_of is null
             and (select run.id from run
                  where run.experiment_id >= e.id and run.experiment_id <= e.id and run.state in ('queued', 'running')
                  order by run.experiment_id, run.id limit 1) is null
           order by id limit $1"#,
        AT_ONCE
    )
    .fetch_all(&mut *tx)
    .await
}

async fn conclude_left(pool: &PgPool, experiment: ExperimentId) -> Result<bool> {
    let mut tx: sqlx::Transaction<'_, sqlx::Postgres> = pool.begin().await?;
    let ended = conclude::if_done(&mut tx, experiment).await?;
    if ended {
        tracing::warn!(%experiment, "all runs had ended and nobody had noticed: it ends, or its next pair runs, now");
    }
    tx.commit().await?;
    Ok(ended)
}

/// Whether a running run has a lease that its worker will hear a cancel by.
pub(super) async fn has_lease(tx: &mut PgConnection, run: RunId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from run_lease where run_id = $1) as "held!""#,
        run as RunId
    )
    .fetch_one(tx)
    .await
}
