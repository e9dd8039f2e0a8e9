//! The job table for workers that have a token instead of the database's password: the same steps under the same fence
//! as [`breakmywork_protocol::jobs`], which does them.
//!
//! A token is one worker. What it sends is bounded and checked like anybody's. The numbers that it reports are believed if an
//! admin made the token; those of a volunteer's count once a second host got the same.

use super::body::Body;
use super::worker_files;
use crate::auth::token::{ApiAccount, Scope};
use crate::error::{Error, Result};
use crate::extract::{Path, Query};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use breakmywork_protocol::checkpoint_files;
use breakmywork_protocol::data_set::Reference;
use breakmywork_protocol::id::RunId;
use breakmywork_protocol::jobs::outside::{
    Condition, Heard, Known, MOST_DATA_SETS, MOST_POINTS, MOST_RUNS, NOT_REGISTERED, REPLACED,
    Registration, Release, Report, RunNumbers, Shelf, Taken, Unwanted, What,
};
use breakmywork_protocol::jobs::{self, Bearer, Checkpoint, Ending, Lease, Offer};
use breakmywork_protocol::metric;
use serde::Deserialize;
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Longest key of a checkpoint, in characters.
const KEY_CHARS: usize = 200;

/// Processes that a volunteer may register within an hour: each has a row.
const PROCESSES: i64 = 60;

const NOT_YET: Error = Error::Worker {
    kind: NOT_REGISTERED,
    detail: "No worker has registered with this token. Register it first.",
};
const ANOTHER: Error = Error::Worker {
    kind: REPLACED,
    detail: "Another process has registered with this token since. Each worker needs a token of its own.",
};

/// Refuses whoever is not the worker that the token is.
pub(super) async fn check(pool: &PgPool, account: &ApiAccount, worker: Uuid) -> Result<()> {
    account.require(Scope::Work)?;
    match jobs::worker_of_token(pool, bearer(account)).await? {
        Some(current) if current == worker => Ok(()),
        Some(_) => Err(ANOTHER),
        None => Err(NOT_YET),
    }
}

/// Whose worker a token is.
fn bearer(account: &ApiAccount) -> Bearer {
    Bearer {
        token: account.token,
        volunteer: account.volunteer(),
    }
}

fn most<T>(pointer: &str, items: &[T], most: usize) -> Result<()> {
    match items.len() <= most {
        true => Ok(()),
        false => Err(Error::field(
            pointer,
            format!("has {} entries; at most {most} are taken.", items.len()),
        )),
    }
}

pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Show of which release this board is: a worker of another one takes no runs. Needs the scopes `read` and `work`.
#[utoipa::path(get, path = "/api/v1/worker", tag = "worker", security(("token" = [])),
    responses((status = 200, body = Release), (status = 403, description = "The token lacks the scope `work`")))]
pub(super) async fn release(account: ApiAccount) -> Result<Json<Release>> {
    account.require(Scope::Work)?;
    Ok(Json(Release::of_this_program()))
}

/// Make a worker process known. From now on it is the worker that this token is, and no earlier process.
#[utoipa::path(put, path = "/api/v1/worker/{worker}", tag = "worker", security(("token" = [])),
    params(("worker" = Uuid, Path, description = "Fresh for each process")), request_body = Registration,
    responses((status = 204, description = "It may take runs"), (status = 403, description = "The token lacks the scope `work`"),
        (status = 409, description = "That id was another process's"), (status = 422, description = "The number of slots is none"),
        (status = 429, description = "A volunteer's processes registered too often")))]
pub(super) async fn register(
    State(pool): State<PgPool>,
    Path(worker): Path<Uuid>,
    account: ApiAccount,
    body: Body<Registration>,
) -> Result<StatusCode> {
    account.require(Scope::Work)?;
    let Registration {
        host,
        device,
        version,
        slots,
    } = body.value;
    if !(1..=64).contains(&slots) {
        return Err(Error::field("/slots", "must be 1 to 64."));
    }
    if let Some(volunteer) = account.volunteer()
        && jobs::registered_lately(&pool, volunteer).await? >= PROCESSES
    {
        return Err(Error::TooMany {
            detail: format!(
                "Your workers registered {PROCESSES} times within an hour. Wait a while; a worker that runs need not register again."
            ),
            retry_after: 600,
        });
    }
    let bearer = bearer(&account);
    match jobs::register_outside_worker(&pool, worker, bearer, &host, &device, &version, slots)
        .await
    {
        Err(jobs::Error::Conflict(_)) => Err(ANOTHER),
        done => {
            done?;
            tracing::info!(%worker, by = %account.token, "an outside worker registered");
            Ok(StatusCode::NO_CONTENT)
        }
    }
}

/// Sign a worker off: it counts no more, until it asks for a run again.
#[utoipa::path(delete, path = "/api/v1/worker/{worker}", tag = "worker", security(("token" = [])),
    params(("worker" = Uuid, Path, description = "The one that registered")),
    responses((status = 204, description = "It is signed off"), (status = 403, description = "The token lacks the scope `work`"),
        (status = 409, description = "The token is not this worker")))]
pub(super) async fn sign_off(
    State(pool): State<PgPool>,
    Path(worker): Path<Uuid>,
    account: ApiAccount,
) -> Result<StatusCode> {
    check(&pool, &account, worker).await?;
    jobs::stop_worker(&pool, worker).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Say what is wrong with a worker's machine, or that all is well.
#[utoipa::path(put, path = "/api/v1/worker/{worker}/condition", tag = "worker", security(("token" = [])),
    params(("worker" = Uuid, Path, description = "The one that registered")), request_body = Condition,
    responses((status = 204, description = "It is noted"), (status = 403, description = "The token lacks the scope `work`"),
        (status = 409, description = "The token is not this worker")))]
pub(super) async fn condition(
    State(pool): State<PgPool>,
    Path(worker): Path<Uuid>,
    account: ApiAccount,
    body: Body<Condition>,
) -> Result<StatusCode> {
    check(&pool, &account, worker).await?;
    jobs::report_trouble(&pool, worker, body.value.trouble.as_ref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Say what data sets a worker has, in place of what it offered before.
#[utoipa::path(put, path = "/api/v1/worker/{worker}/data-sets", tag = "worker", security(("token" = [])),
    params(("worker" = Uuid, Path, description = "The one that registered")), request_body = Shelf,
    responses((status = 200, description = "Which of them it gets no runs of", body = Unwanted),
        (status = 403, description = "The token lacks the scope `work`"), (status = 409, description = "The token is not this worker"),
        (status = 422, description = "Too many, or one that is no data set")))]
pub(super) async fn offer(
    State(pool): State<PgPool>,
    Path(worker): Path<Uuid>,
    account: ApiAccount,
    body: Body<Shelf>,
) -> Result<Json<Unwanted>> {
    check(&pool, &account, worker).await?;
    let given = body.value.data_sets;
    most("/data_sets", &given, MOST_DATA_SETS)?;
    let mut offers = Vec::with_capacity(given.len());
    for (place, one) in given.into_iter().enumerate() {
        let data_set = one.data_set.parse::<Reference>().map_err(|error| {
            Error::field(format!("/data_sets/{place}/data_set"), format!("{error}."))
        })?;
        if !is_sha256(&one.sha256) {
            let pointer = format!("/data_sets/{place}/sha256");
            return Err(Error::field(pointer, "must be 64 digits of 0-9 and a-f."));
        }
        offers.push(Offer {
            data_set,
            sha256: one.sha256,
        });
    }
    offers.sort_by(|a, b| a.data_set.cmp(&b.data_set));
    offers.dedup_by(|a, b| a.data_set == b.data_set);
    let other_content = jobs::offer(&pool, worker, &offers).await?;
    Ok(Json(Unwanted { other_content }))
}

/// Nothing.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NothingMore)]
pub(super) struct Nothing {}

/// Take the next run for a worker, if there is one.
#[utoipa::path(post, path = "/api/v1/worker/{worker}/take", tag = "worker", security(("token" = [])),
    params(("worker" = Uuid, Path, description = "The one that registered")), request_body = Nothing,
    responses((status = 200, body = Taken), (status = 403, description = "The token lacks the scope `work`"),
        (status = 409, description = "The token is not this worker")))]
pub(super) async fn take(
    State(state): State<AppState>,
    Path(worker): Path<Uuid>,
    account: ApiAccount,
    _: Body<Nothing>,
) -> Result<Json<Taken>> {
    check(&state.pool, &account, worker).await?;
    let lease = jobs::take(&state.pool, worker, state.timing).await?;
    Ok(Json(Taken {
        lease: lease.map(Into::into),
    }))
}

/// Say which of these runs have ended, so that their checkpoints can be removed.
#[utoipa::path(post, path = "/api/v1/worker/{worker}/ended", tag = "worker", security(("token" = [])),
    params(("worker" = Uuid, Path, description = "The one that registered")), request_body = RunNumbers,
    responses((status = 200, body = RunNumbers), (status = 403, description = "The token lacks the scope `work`"),
        (status = 409, description = "The token is not this worker"), (status = 422, description = "Too many")))]
pub(super) async fn ended(
    State(pool): State<PgPool>,
    Path(worker): Path<Uuid>,
    account: ApiAccount,
    body: Body<RunNumbers>,
) -> Result<Json<RunNumbers>> {
    check(&pool, &account, worker).await?;
    most("/runs", &body.value.runs, MOST_RUNS)?;
    let runs = jobs::ended(&pool, worker, &body.value.runs).await?;
    Ok(Json(RunNumbers { runs }))
}

/// Of which attempt.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OfAttempt {
    /// The lease's fencing number.
    epoch: i64,
}

/// List the checkpoints that the holder of a lease may go on from. Needs the scopes `read` and `work`.
#[utoipa::path(get, path = "/api/v1/worker/{worker}/runs/{run}/checkpoints", tag = "worker", security(("token" = [])),
    params(("worker" = Uuid, Path, description = "The one that registered"), ("run" = i64, Path, description = "The run"), OfAttempt),
    responses((status = 200, body = Known), (status = 403, description = "The token lacks the scope `work`"),
        (status = 409, description = "The token is not this worker, or the lease is lost")))]
pub(super) async fn checkpoints(
    State(state): State<AppState>,
    Path((worker, run)): Path<(Uuid, RunId)>,
    Query(attempt): Query<OfAttempt>,
    account: ApiAccount,
) -> Result<Json<Known>> {
    let pool = &state.pool;
    check(pool, &account, worker).await?;
    let lease = Lease::named(pool, run, attempt.epoch, worker).await?;
    lease.check(pool).await?;
    let checkpoints = jobs::checkpoints(pool, &lease).await?;
    let kept = worker_files::store(&state, &account).is_ok();
    Ok(Json(Known { checkpoints, kept }))
}

/// Report of a run, as the holder of its lease. A report that comes again changes nothing.
#[utoipa::path(post, path = "/api/v1/worker/{worker}/runs/{run}/reports", tag = "worker", security(("token" = [])),
    params(("worker" = Uuid, Path, description = "The one that registered"), ("run" = i64, Path, description = "The run")),
    request_body = Report,
    responses((status = 200, body = Heard), (status = 403, description = "The token lacks the scope `work`"),
        (status = 409, description = "The token is not this worker, or the lease is lost"),
        (status = 422, description = "Too many points, a metric that there is not, or a key that is none")))]
pub(super) async fn report(
    State(state): State<AppState>,
    Path((worker, run)): Path<(Uuid, RunId)>,
    account: ApiAccount,
    body: Body<Report>,
) -> Result<Json<Heard>> {
    let (pool, timing) = (&state.pool, state.timing);
    check(pool, &account, worker).await?;
    let Report { epoch, what } = body.value;
    proper(&what)?;
    if let What::Checkpoint(checkpoint) = &what {
        own(run, epoch, checkpoint)?;
    }
    let lease = Lease::named(pool, run, epoch, worker).await?;
    let mut heard = Heard { cancel: false };
    match what {
        What::Beat(progress) => {
            heard.cancel = jobs::beat(pool, &lease, progress, timing).await?.cancel;
        }
        What::Metrics { progress, points } => {
            jobs::report_metrics(pool, &lease, progress, &points).await?;
        }
        What::Checkpoint(checkpoint) => jobs::checkpoint(pool, &lease, &checkpoint).await?,
        What::Unusable(key) => jobs::checkpoint_unusable(pool, &lease, &key).await?,
        What::Resumed(step) => jobs::resumed(pool, &lease, step).await?,
        What::End(ending) => jobs::finish(pool, &lease, ending, timing).await?,
    }
    Ok(Json(heard))
}

/// Refuses a checkpoint that is not where this attempt writes: others read what it names.
fn own(run: RunId, epoch: i64, checkpoint: &Checkpoint) -> Result<()> {
    if checkpoint.epoch != epoch {
        let detail = "must be that of the lease.";
        return Err(Error::field("/what/checkpoint/epoch", detail));
    }
    let key = checkpoint_files::key(run, epoch, checkpoint.step);
    match checkpoint.object_key == key {
        true => Ok(()),
        false => Err(Error::field(
            "/what/checkpoint/object_key",
            format!("must be {key}, where the files of this attempt lie."),
        )),
    }
}

/// Refuses what no worker of ours would send, before anything is looked up for it.
fn proper(what: &What) -> Result<()> {
    match what {
        What::Metrics { points, .. } => {
            most("/what/metrics/points", points, MOST_POINTS)?;
            let unknown = points
                .iter()
                .position(|point| metric::find(&point.name).is_none());
            match unknown {
                None => Ok(()),
                Some(place) => Err(Error::field(
                    format!("/what/metrics/points/{place}/name"),
                    "is no metric of this board.",
                )),
            }
        }
        What::Checkpoint(checkpoint) => {
            if !is_sha256(&checkpoint.sha256) {
                return Err(Error::field(
                    "/what/checkpoint/sha256",
                    "must be 64 digits of 0-9 and a-f.",
                ));
            }
            Ok(())
        }
        What::Unusable(key) if key.chars().count() > KEY_CHARS || key.contains('\0') => {
            Err(Error::field(
                "/what/unusable",
                format!("must be at most {KEY_CHARS} characters."),
            ))
        }
        What::End(Ending::Succeeded(result)) => {
            let unknown = result
                .metrics
                .keys()
                .find(|name| metric::find(name).is_none());
            match unknown {
                None => Ok(()),
                Some(_) => Err(Error::field(
                    "/what/end/succeeded/metrics",
                    "has a name that is no metric of this board.",
                )),
            }
        }
        What::Unusable(_) | What::Beat(_) | What::Resumed(_) | What::End(_) => Ok(()),
    }
}
