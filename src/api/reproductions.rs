//! What readers' own machines made of an experiment's runs: report it, read it, take it back.

use super::body::Body;
use super::idempotency::{self, Stop};
use super::page::{Cursor, Page};
use crate::auth::token::{ApiAccount, Scope};
use crate::db::reproductions::{self as table};
use crate::error::{Error, Result};
use crate::extract::{Path, Query};
use crate::reproduction;
use crate::trust::Trust;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::id::{ExperimentId, ReproductionId, RunId};
use breakmywork_protocol::reproduction::{Device, Machine, Number, Report, Word};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use utoipa::ToSchema;

/// Runs of an experiment that somebody trained again, as that person reports.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Reproduction {
    /// Key.
    id: ReproductionId,
    /// The experiment.
    experiment: ExperimentId,
    /// Who reports it.
    by: String,
    /// Whether that is the experiment's author, whose reports are not counted.
    is_author: bool,
    /// Always `self_reported`: nobody else saw it, and it moves neither verdict nor standing.
    trust: Trust,
    /// On what, as reported.
    machine: Machine,
    /// What the board finds when it holds the numbers against its own.
    word: Word,
    /// How many runs.
    runs: i32,
    /// Those runs with their numbers; null in lists.
    compared: Option<Vec<ComparedRun>>,
    /// When it was reported.
    created_at: DateTime<Utc>,
}

/// A run of the board, and what it came to again.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ComparedRun {
    /// The board's run.
    run: RunId,
    /// Its arm.
    arm: String,
    /// Its seed.
    seed: i64,
    /// The worst word of its numbers.
    word: Word,
    /// Its numbers; none where it diverged both times.
    numbers: Vec<Number>,
}

fn machine(row: &table::Reproduction) -> Machine {
    Machine {
        device: match row.device.as_str() {
            "cpu" => Device::Cpu,
            _ => Device::Cuda,
        },
        arithmetic: row.arithmetic.clone(),
        device_name: row.device_name.clone(),
        threads: row.threads.unsigned_abs(),
        worker_version: row.worker_version.clone(),
        code_version: row.code_version.clone(),
    }
}

impl From<table::Reproduction> for Reproduction {
    fn from(row: table::Reproduction) -> Self {
        Self {
            machine: machine(&row),
            word: row.word(),
            id: row.id,
            experiment: row.experiment,
            by: row.by,
            is_author: row.is_author,
            trust: Trust::SelfReported,
            runs: row.runs,
            compared: None,
            created_at: row.created_at,
        }
    }
}

/// One with its numbers.
async fn find_in(db: &mut PgConnection, id: ReproductionId) -> Result<Reproduction> {
    let missing = || Error::missing("reproduction", id);
    let row = table::find(&mut *db, id).await?.ok_or_else(missing)?;
    let (_, visible) = reproduction::find(&mut *db, row.experiment).await?;
    let numbers = table::numbers(&mut *db, id).await?.ok_or_else(missing)?;
    let ended = table::ended(&mut *db, visible).await?;
    let compared = reproduction::compared(&machine(&row), &numbers, &ended);
    let compared = compared.into_iter().map(|one| ComparedRun {
        run: one.ended.id,
        arm: one.ended.arm.clone(),
        seed: one.ended.seed,
        word: one.agreement.word,
        numbers: one.agreement.numbers,
    });
    Ok(Reproduction {
        compared: Some(compared.collect()),
        ..row.into()
    })
}

/// List what members report of an experiment's runs that they trained again, the newest first. Those of disabled accounts do
/// not count.
#[utoipa::path(get, path = "/api/v1/experiments/{id}/reproductions", tag = "reproductions",
    params(("id" = i64, Path, description = "Key"), Cursor),
    responses((status = 200, body = Page<Reproduction>), (status = 404, description = "No such experiment, or it is sealed or hidden")))]
pub(super) async fn list(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Reproduction>> {
    let (limit, before) = (cursor.limit()?, cursor.position()?);
    let mut db = pool.acquire().await?;
    let (_, visible) = reproduction::find(&mut db, id).await?;
    let rows = table::of(&mut *db, visible, before, limit + 1).await?;
    Ok(Page::cut(rows, limit, |row| row.id.0, Reproduction::from))
}

/// Report what one's own machine made of an experiment's runs. The board finds the word itself, from the numbers. One of each
/// member, experiment and kind of hardware: a later one takes its place. It is self-reported, and moves nothing.
#[utoipa::path(post, path = "/api/v1/experiments/{id}/reproductions", tag = "reproductions", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Report,
    responses((status = 201, body = Reproduction),
        (status = 404, description = "No such experiment, or it is sealed or hidden"),
        (status = 409, description = "It has not ended, or a worker with a token of yours trained these runs"),
        (status = 422, description = "Runs, seeds or metrics that the experiment has not, or a machine that does not read"),
        (status = 429, description = "Too many within an hour")))]
pub(super) async fn report(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<Report>,
) -> Result<Response, Stop> {
    account.require(Scope::Propose)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    let made = reproduction::report(&mut call.tx, id, account.id, &body.value).await?;
    let made = find_in(&mut call.tx, made).await?;
    call.finish(StatusCode::CREATED, &made).await
}

/// Show a reproduction with its numbers.
#[utoipa::path(get, path = "/api/v1/reproductions/{id}", tag = "reproductions",
    params(("id" = i64, Path, description = "Key")),
    responses((status = 200, body = Reproduction), (status = 404, description = "No such reproduction, or it was taken back")))]
pub(super) async fn show(
    State(pool): State<PgPool>,
    Path(id): Path<ReproductionId>,
) -> Result<Json<Reproduction>> {
    let mut db = pool.acquire().await?;
    Ok(Json(find_in(&mut db, id).await?))
}

/// Take back what one reported.
#[utoipa::path(delete, path = "/api/v1/reproductions/{id}", tag = "reproductions", security(("token" = [])),
    params(("id" = i64, Path, description = "Key")),
    responses((status = 204, description = "It is not shown and counted any more"), (status = 403, description = "Not yours"),
        (status = 404, description = "No such reproduction")))]
pub(super) async fn take_back(
    State(pool): State<PgPool>,
    Path(id): Path<ReproductionId>,
    account: ApiAccount,
) -> Result<StatusCode> {
    account.require(Scope::Propose)?;
    let mut tx = pool.begin().await?;
    reproduction::remove(&mut tx, id, account.id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
