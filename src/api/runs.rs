//! Runs and their learning curves.

use super::body::Body;
use super::idempotency::{self, Stop};
use super::page::Page;
use crate::auth::token::{ApiAccount, Scope};
use crate::db;
use crate::db::data_sets::{self, Availability, Wait};
use crate::error::{Error, Result};
use crate::extract::{Path, Query};
use crate::reason;
use crate::trust::Trust;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::id::{ExperimentId, RunId};
use breakmywork_protocol::jobs;
use breakmywork_protocol::result::RunResult;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};

/// One arm with one seed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Run {
    /// Key.
    id: RunId,
    /// The experiment it belongs to.
    experiment: ExperimentId,
    /// Number of the trial that it is a run of; null of the runs that the verdict compares.
    trial: Option<i32>,
    /// Its arm.
    arm: String,
    /// Its seed.
    seed: i64,
    /// queued, running, succeeded, failed or cancelled.
    state: String,
    /// Optimizer steps done by the current attempt; null when it does not run.
    step: Option<i32>,
    /// Optimizer steps in all; null for a run by epochs until a worker that has the data set reports it.
    steps: Option<i32>,
    /// The data set that it needs, as name@version; null if its sequences are generated.
    data_set: Option<String>,
    /// While it is queued and needs a data set: which workers have that.
    waiting_for: Option<WaitingFor>,
    /// Attempts so far.
    attempts: i64,
    /// Attempts that were lost; they cost the run nothing but time.
    losses: i16,
    /// What kind of failure ended it: specification, error, out_of_memory, diverged, timed_out or lost.
    failure: Option<String>,
    /// The reason in words.
    error: Option<String>,
    /// Why somebody asked for its end.
    cancel_reason: Option<String>,
    /// Whose word its numbers are; null until a worker takes it, of a volunteer's until it has ended.
    trust: Option<Trust>,
    /// The volunteers who got the same numbers, where those count; else empty.
    confirmed_by: Vec<String>,
    /// Final metrics, proof of treatment and provenance.
    result: Option<RunResult>,
    /// The run it retries.
    retry_of: Option<RunId>,
    /// When it was queued.
    created_at: DateTime<Utc>,
    /// When it was first taken.
    started_at: Option<DateTime<Utc>>,
    /// When it reached its final state.
    finished_at: Option<DateTime<Utc>>,
    /// Its page.
    url: String,
}

/// The data set that a queued run needs, and who has it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WaitingFor {
    /// As name@version.
    data_set: String,
    /// Live workers that have it; with 0 the run waits until an operator adds it.
    workers_with_it: usize,
    /// Live workers in all.
    workers_live: usize,
    /// Names of the live workers that have it, as the list of workers has them.
    workers: Vec<String>,
    /// Names of the live workers that have another content under its name and get no runs of it.
    workers_with_other_content: Vec<String>,
    /// The same in words, with the commands that add it where nobody has it.
    reason: String,
}

impl From<Wait> for WaitingFor {
    fn from(wait: Wait) -> Self {
        Self {
            reason: wait.reason(),
            workers_with_it: wait.workers.len(),
            workers_live: wait.live,
            data_set: wait.data_set,
            workers: wait.workers,
            workers_with_other_content: wait.other_content,
        }
    }
}

impl Run {
    /// A run as it is shown; `data_sets` tells who has what it waits for.
    pub(super) fn new(run: db::runs::Run, data_sets: &Availability) -> Self {
        Self {
            waiting_for: data_sets.of(&run).map(WaitingFor::from),
            url: format!("/runs/{}", run.id),
            trust: run.trust(),
            confirmed_by: run.confirmed_by,
            id: run.id,
            experiment: run.experiment,
            trial: run.trial,
            arm: run.arm,
            seed: run.seed,
            state: run.state,
            step: run.step,
            steps: run.steps,
            data_set: run.data_set,
            attempts: run.epoch,
            losses: run.losses,
            failure: run.failure,
            error: run.error,
            cancel_reason: run.cancel_reason,
            result: run.result.and_then(|result| result.0.into_inner()),
            retry_of: run.retry_of,
            created_at: run.created_at,
            started_at: run.started_at,
            finished_at: run.finished_at,
        }
    }
}

/// Show a run.
#[utoipa::path(get, path = "/api/v1/runs/{id}", tag = "runs",
    params(("id" = i64, Path, description = "Key")),
    responses((status = 200, body = Run), (status = 404, description = "No such run")))]
pub(super) async fn show(
    State(pool): State<PgPool>,
    Path(id): Path<RunId>,
    reader: Option<ApiAccount>,
) -> Result<Json<Run>> {
    let run = find(&pool, id, reader.as_ref()).await?;
    let data_sets = data_sets::of_runs(&pool, std::slice::from_ref(&run)).await?;
    Ok(Json(Run::new(run, &data_sets)))
}

async fn find(pool: &PgPool, id: RunId, reader: Option<&ApiAccount>) -> Result<db::runs::Run> {
    db::runs::find(pool, id, reader.map(|reader| reader.id))
        .await?
        .ok_or_else(|| Error::missing("run", id))
}

/// A learning curve.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Curve {
    /// Metric.
    name: String,
    /// Optimizer steps done, growing.
    steps: Vec<i32>,
    /// Values at those steps; null where they left the finite numbers.
    values: Vec<Option<f64>>,
}

/// Which part of the curves.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CurveFilter {
    /// Only this metric.
    name: Option<String>,
    /// Only later steps: what is new since.
    after: Option<i32>,
}

/// Show the learning curves of a run.
#[utoipa::path(get, path = "/api/v1/runs/{id}/metrics", tag = "runs",
    params(("id" = i64, Path, description = "Key"), CurveFilter),
    responses((status = 200, body = Page<Curve>), (status = 404, description = "No such run")))]
pub(super) async fn metrics(
    State(pool): State<PgPool>,
    Path(id): Path<RunId>,
    Query(filter): Query<CurveFilter>,
    reader: Option<ApiAccount>,
) -> Result<Page<Curve>> {
    let run = find(&pool, id, reader.as_ref()).await?;
    let after = filter.after.unwrap_or(-1);
    let curves = db::runs::curves_of_run(&pool, &run, filter.name.as_deref(), after).await?;
    let show = |curve: db::runs::Curve| Curve {
        name: curve.name,
        steps: curve.points.iter().map(|point| point.step).collect(),
        values: curve
            .points
            .iter()
            .map(|point| Some(point.value).filter(|value| value.is_finite()))
            .collect(),
    };
    Ok(Page::whole(curves.into_iter().map(show).collect()))
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reason {
    /// One line, shown to everybody.
    #[schema(min_length = 1, max_length = 300)]
    pub(super) reason: String,
}

/// Cancel a run (admin).
#[utoipa::path(post, path = "/api/v1/runs/{id}/cancel", tag = "runs", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Reason,
    responses((status = 200, body = Run), (status = 409, description = "It has ended")))]
pub(super) async fn cancel(
    State(pool): State<PgPool>,
    Path(id): Path<RunId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Reason>,
) -> Result<Response, Stop> {
    account.require(Scope::Admin)?;
    let reason = reason::checked(&body.value.reason)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    jobs::cancel(&mut call.tx, id, account.id, &reason).await?;
    let run = find_in(&mut call.tx, id).await?;
    call.finish(StatusCode::OK, &run).await
}

/// Run a failed or cancelled run again (admin).
#[utoipa::path(post, path = "/api/v1/runs/{id}/retry", tag = "runs", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Reason,
    responses((status = 201, description = "The new run", body = Run), (status = 409, description = "It cannot be retried")))]
pub(super) async fn retry(
    State(pool): State<PgPool>,
    Path(id): Path<RunId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Reason>,
) -> Result<Response, Stop> {
    account.require(Scope::Admin)?;
    let reason = reason::checked(&body.value.reason)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    let id = jobs::retry(&mut call.tx, id, account.id, &reason).await?;
    let run = find_in(&mut call.tx, id).await?;
    call.finish(StatusCode::CREATED, &run).await
}

async fn find_in(tx: &mut sqlx::PgConnection, id: RunId) -> Result<Run> {
    let run = db::runs::find_for_admins(&mut *tx, id)
        .await?
        .ok_or_else(|| Error::missing("run", id))?;
    let data_sets = data_sets::of_runs(&mut *tx, std::slice::from_ref(&run)).await?;
    Ok(Run::new(run, &data_sets))
}
