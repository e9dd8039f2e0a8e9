//! The queue and its workers.

use super::body::Body;
use super::experiments::EmptyBody;
use super::idempotency::{self, Stop};
use super::page::{Cursor, Page};
use super::runs::{Reason, Run, WaitingFor};
use crate::auth::token::{ApiAccount, Scope};
use crate::db::cancelled;
use crate::db::data_sets;
use crate::db::queue as table;
use crate::db::runs;
use crate::db::workers;
use crate::error::Result;
use crate::extract::Query;
use crate::reason;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::id::{ExperimentId, RunId};
use breakmywork_protocol::jobs;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use utoipa::ToSchema;

/// Waiting runs that are listed.
const WAITING: i64 = 200;
/// Running runs that are listed.
const RUNNING: i64 = 200;

/// What runs and what waits.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Queue {
    /// Runs by state.
    counts: Counts,
    /// Set while nothing new is taken.
    paused: Option<Pause>,
    /// Runs on a worker, the longest first; at most 200.
    running: Vec<Run>,
    /// Runs that wait, in order; at most 200.
    waiting: Vec<Waiting>,
}

/// Runs by state.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Counts {
    queued: i64,
    running: i64,
    succeeded: i64,
    failed: i64,
    cancelled: i64,
}

/// Why nothing is taken.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Pause {
    /// Since when.
    at: DateTime<Utc>,
    /// By whom.
    by: Option<String>,
    /// Why.
    reason: Option<String>,
}

/// A run that waits.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Waiting {
    /// The run.
    run: RunId,
    /// Its experiment.
    experiment: ExperimentId,
    /// Its arm.
    arm: String,
    /// Its seed.
    seed: i64,
    /// 1 is next; runs whose data set no live worker has stand behind all others.
    position: i64,
    /// For a run that needs a data set: which workers have that.
    waiting_for: Option<WaitingFor>,
    /// Waiting since.
    created_at: DateTime<Utc>,
}

async fn state(tx: &mut PgConnection) -> Result<Queue> {
    let counts = table::counts(&mut *tx).await?;
    let control = table::control(&mut *tx).await?;
    let running = runs::running(&mut *tx, RUNNING).await?;
    let waiting = table::waiting(&mut *tx, None, WAITING).await?;
    let data_sets = data_sets::of_waiting(&mut *tx, &waiting).await?;
    Ok(Queue {
        counts: Counts {
            queued: counts.queued,
            running: counts.running,
            succeeded: counts.succeeded,
            failed: counts.failed,
            cancelled: counts.cancelled,
        },
        paused: control.paused_at.map(|at| Pause {
            at,
            by: control.paused_by,
            reason: control.pause_reason,
        }),
        running: running
            .into_iter()
            .map(|run| Run::new(run, &data_sets))
            .collect(),
        waiting: waiting
            .into_iter()
            .map(|row| Waiting {
                run: row.run,
                experiment: row.experiment,
                arm: row.arm,
                seed: row.seed,
                position: row.position,
                waiting_for: data_sets
                    .wait(row.data_set.as_deref())
                    .map(WaitingFor::from),
                created_at: row.created_at,
            })
            .collect(),
    })
}

/// Show the queue.
#[utoipa::path(get, path = "/api/v1/queue", tag = "queue", responses((status = 200, body = Queue)))]
pub(super) async fn show(State(pool): State<PgPool>) -> Result<Json<Queue>> {
    let mut connection = pool.acquire().await?;
    Ok(Json(state(&mut connection).await?))
}

/// Stop handing out runs (admin); what runs goes on.
#[utoipa::path(post, path = "/api/v1/queue/pause", tag = "queue", security(("token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Reason, responses((status = 200, body = Queue)))]
pub(super) async fn pause(
    State(pool): State<PgPool>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Reason>,
) -> Result<Response, Stop> {
    account.require(Scope::Admin)?;
    let reason = reason::checked(&body.value.reason)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    jobs::pause(&mut call.tx, account.id, &reason).await?;
    let queue = state(&mut call.tx).await?;
    call.finish(StatusCode::OK, &queue).await
}

/// Hand out runs again (admin).
#[utoipa::path(post, path = "/api/v1/queue/resume", tag = "queue", security(("token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    responses((status = 200, body = Queue)))]
pub(super) async fn resume(
    State(pool): State<PgPool>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<EmptyBody>,
) -> Result<Response, Stop> {
    account.require(Scope::Admin)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    jobs::resume(&mut call.tx, account.id).await?;
    let queue = state(&mut call.tx).await?;
    call.finish(StatusCode::OK, &queue).await
}

/// A run that somebody ended.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CancelledRun {
    /// The run.
    run: RunId,
    /// Its experiment.
    experiment: ExperimentId,
    /// Its arm.
    arm: String,
    /// Its seed.
    seed: i64,
    /// Number of the trial that it is a run of; null of the runs that the verdict compares.
    trial: Option<i32>,
    /// Who ended it; null if nobody asked for it.
    cancelled_by: Option<String>,
    /// Why.
    reason: Option<String>,
    /// When it ended.
    cancelled_at: DateTime<Utc>,
    /// The run that repeats it.
    retried_by: Option<RunId>,
    /// Its page.
    url: String,
}

/// List the runs that people ended, the latest first; none of a sealed experiment.
#[utoipa::path(get, path = "/api/v1/queue/cancelled", tag = "queue", params(Cursor),
    responses((status = 200, body = Page<CancelledRun>)))]
pub(super) async fn cancelled_runs(
    State(pool): State<PgPool>,
    Query(cursor): Query<Cursor>,
) -> Result<Page<CancelledRun>> {
    let limit = cursor.limit()?;
    let before = cursor.position()?.map(RunId);
    let runs = cancelled::newest(&pool, before, limit + 1).await?;
    let show = |run: cancelled::Cancelled| CancelledRun {
        url: format!("/runs/{}", run.run),
        run: run.run,
        experiment: run.experiment,
        arm: run.arm,
        seed: run.seed,
        trial: run.trial,
        cancelled_by: run.by,
        reason: run.reason,
        cancelled_at: run.at,
        retried_by: run.retried_by,
    };
    Ok(Page::cut(runs, limit, |run| run.run, show))
}

/// A worker process.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Worker {
    /// Fresh for each process.
    id: uuid::Uuid,
    /// What it is called in public: the start of its id.
    name: String,
    /// Name of its host; null for whoever sends no token with the scope `admin`.
    host: Option<String>,
    /// Its device.
    device: String,
    /// Version of its code.
    version: String,
    /// Whether it counts: not signed off and not silent for long.
    live: bool,
    /// Data sets that it has and gets runs of, as name@version; empty for one that is not live.
    data_sets: Vec<String>,
    /// Data sets that it has with another content than this board knows under the name: it gets no runs of them.
    other_content: Vec<String>,
    /// Most runs that it works on at once.
    slots: i16,
    /// The runs it works on, the longest first.
    runs: Vec<RunId>,
    /// Whether it takes runs; false while it is in trouble, until its next try succeeds.
    takes: bool,
    /// What is wrong with its machine; null while all is well.
    trouble: Option<String>,
    /// Since when.
    trouble_at: Option<DateTime<Utc>>,
    /// Seconds that it trained in attempts that have ended, slot by slot.
    trained_seconds: f64,
    /// Of a volunteer's worker: whose; null of the board's own.
    volunteer: Option<String>,
    /// When it registered.
    started_at: DateTime<Utc>,
    /// Last time it was heard of.
    last_seen_at: DateTime<Utc>,
    /// When it signed off.
    stopped_at: Option<DateTime<Utc>>,
}

/// List the workers heard of within the last hour, in the order of their ids.
#[utoipa::path(get, path = "/api/v1/workers", tag = "queue", params(Cursor), responses((status = 200, body = Page<Worker>)))]
pub(super) async fn workers(
    State(pool): State<PgPool>,
    Query(cursor): Query<Cursor>,
    reader: Option<ApiAccount>,
) -> Result<Page<Worker>> {
    let runs_the_board = reader.is_some_and(|reader| reader.require(Scope::Admin).is_ok());
    let limit = cursor.limit()?;
    let workers = workers::after(&pool, cursor.read()?, limit + 1).await?;
    let show = |worker: workers::Worker| Worker {
        name: worker.name(),
        id: worker.id,
        host: runs_the_board.then_some(worker.host),
        device: worker.device,
        version: worker.version,
        data_sets: if worker.live {
            worker.data_sets
        } else {
            Vec::new()
        },
        other_content: if worker.live {
            worker.other_content
        } else {
            Vec::new()
        },
        live: worker.live,
        slots: worker.slots,
        takes: worker.takes,
        trouble: worker.trouble,
        trouble_at: worker.trouble_at,
        runs: worker.runs,
        trained_seconds: worker.trained_seconds,
        volunteer: worker.volunteer,
        started_at: worker.started_at,
        last_seen_at: worker.last_seen_at,
        stopped_at: worker.stopped_at,
    };
    Ok(Page::cut(workers, limit, |worker| worker.id, show))
}
