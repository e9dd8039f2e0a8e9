//! Files of checkpoints of workers that come over REST, piece by piece.

use super::body::Octets;
use super::worker::{check, is_sha256};
use crate::auth::token::ApiAccount;
use crate::checkpoints::Checkpoints;
use crate::error::{Error, Result};
use crate::extract::{Path, Query};
use crate::state::AppState;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use breakmywork_protocol::checkpoint_files;
use breakmywork_protocol::id::RunId;
use breakmywork_protocol::jobs::outside::{Held, PIECE, SentPiece};
use breakmywork_protocol::jobs::{Checkpoint, Lease};
use breakmywork_protocol::spec::{DataShape, run_memory};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// How much more than expected a run's memory, and with it a checkpoint, may be: the data say how many words there are.
const UNFORESEEN: u64 = 2;

/// Where this worker's files are kept. Those of volunteers are not: nobody goes on from numbers that only one has seen.
pub(super) fn store<'a>(state: &'a AppState, account: &ApiAccount) -> Result<&'a Checkpoints> {
    match (&state.checkpoints, account.volunteer()) {
        (Some(store), None) => Ok(store),
        (None, None) => Err(Error::Conflict(
            "This board keeps no files of checkpoints: it was started without --checkpoint-dir.".into(),
        )),
        (_, Some(_)) => Err(Error::Conflict(
            "This board keeps no checkpoints of volunteers: another host trains the run from its beginning.".into(),
        )),
    }
}

/// The store, and the lease that this worker holds.
async fn held<'a>(
    state: &'a AppState,
    account: &ApiAccount,
    worker: Uuid,
    run: RunId,
    epoch: i64,
) -> Result<(&'a Checkpoints, Lease)> {
    check(&state.pool, account, worker).await?;
    let store = store(state, account)?;
    let lease = Lease::named(&state.pool, run, epoch, worker).await?;
    lease.check(&state.pool).await?;
    Ok((store, lease))
}

/// Send a piece of a checkpoint's file, 1 MiB at most; as soon as all are there and are the file that was said, it is kept. A
/// piece that comes again changes nothing, and one that does not begin where the last one ended is not taken: the answer says
/// how far the file is. Register the checkpoint afterwards, by a report.
#[utoipa::path(put, path = "/api/v1/worker/{worker}/runs/{run}/checkpoints/{attempt}/{step}", tag = "worker",
    security(("token" = [])),
    params(("worker" = Uuid, Path, description = "The one that registered"), ("run" = i64, Path, description = "The run"),
        ("attempt" = i64, Path, description = "The lease's fencing number"),
        ("step" = u32, Path, description = "Optimizer steps done"), SentPiece),
    request_body(content = inline(FileBytes), content_type = "application/octet-stream"),
    responses((status = 200, body = Held), (status = 403, description = "The token lacks the scope `work`"),
        (status = 409, description = "The token is not this worker, the lease is lost, or no files are kept"),
        (status = 422, description = "Larger than the run's memory, or more than was said")))]
pub(super) async fn send(
    State(state): State<AppState>,
    Path((worker, run, attempt, step)): Path<(Uuid, RunId, i64, u32)>,
    Query(sent): Query<SentPiece>,
    account: ApiAccount,
    body: Octets<PIECE>,
) -> Result<Json<Held>> {
    let (store, lease) = held(&state, &account, worker, run, attempt).await?;
    let piece = body.taken()?;
    proper(&lease, &sent, &piece)?;
    let file = Checkpoint {
        epoch: attempt,
        step,
        object_key: checkpoint_files::key(run, attempt, step),
        bytes: sent.bytes,
        sha256: sent.sha256,
    };
    Ok(Json(store.add(file, sent.offset, piece).await?))
}

fn proper(lease: &Lease, sent: &SentPiece, piece: &Bytes) -> Result<()> {
    let plan = lease.plan.as_ref();
    let most = plan.map_or(0, |plan| {
        run_memory(&plan.setup, DataShape::expected(&plan.setup))
    });
    let most = UNFORESEEN * most + checkpoint_files::MARGIN;
    if !is_sha256(&sent.sha256) {
        return Err(Error::field("/sha256", "must be 64 digits of 0-9 and a-f."));
    }
    if sent.bytes == 0 || sent.bytes > most {
        let detail = format!("must be 1 to {most}, by what a run of this plan takes.");
        return Err(Error::field("/bytes", detail));
    }
    let end = sent.offset.checked_add(piece.len() as u64);
    if end.is_none_or(|end| end > sent.bytes) {
        let detail = "must leave room for the piece within the bytes of the file.";
        return Err(Error::field("/offset", detail));
    }
    Ok(())
}

/// Bytes of a file, as they are.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "only its schema is read")]
struct FileBytes(Vec<u8>);

/// Which piece of a file is asked for, and by whom.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AskedPiece {
    /// The lease's fencing number.
    epoch: i64,
    /// Where in the file it begins.
    offset: u64,
}

/// Get a piece of the file of a checkpoint from which a run may go on: 1 MiB, or what is left. Needs the scopes `read` and
/// `work`.
#[utoipa::path(get, path = "/api/v1/worker/{worker}/runs/{run}/checkpoints/{attempt}/{step}", tag = "worker",
    security(("token" = [])),
    params(("worker" = Uuid, Path, description = "The one that registered"), ("run" = i64, Path, description = "The run"),
        ("attempt" = i64, Path, description = "The attempt that wrote it"),
        ("step" = u32, Path, description = "Optimizer steps done"), AskedPiece),
    responses((status = 200, body = inline(FileBytes), content_type = "application/octet-stream"),
        (status = 403, description = "The token lacks the scope `work`"),
        (status = 404, description = "The board does not have this file"),
        (status = 409, description = "The token is not this worker, the lease is lost, or no files are kept")))]
pub(super) async fn get(
    State(state): State<AppState>,
    Path((worker, run, attempt, step)): Path<(Uuid, RunId, i64, u32)>,
    Query(asked): Query<AskedPiece>,
    account: ApiAccount,
) -> Result<Response> {
    let (store, _) = held(&state, &account, worker, run, asked.epoch).await?;
    let key = checkpoint_files::key(run, attempt, step);
    match store.piece(key, asked.offset).await? {
        Some(piece) => {
            Ok(([(header::CONTENT_TYPE, "application/octet-stream")], piece).into_response())
        }
        None => Err(Error::NotFound(format!(
            "The board has no file of run {run}, attempt {attempt}, step {step}."
        ))),
    }
}
