//! The record.

use super::page::{Cursor, Page};
use crate::error::Result;
use crate::extract::Query;
use axum::Json;
use axum::extract::State;
use breakmywork_protocol::id::ExperimentId;
use breakmywork_protocol::record::{self, Subject, exact_time};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};

/// An entry of the record. Its hash is the SHA-256 of the line `breakmywork record v1` and then of everything here but
/// the hash, as canonical JSON (RFC 8785).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Entry {
    /// Its place: 1, 2, 3, … without a gap.
    seq: i64,
    /// Hash of the entry before; 64 zeros for the first.
    previous: String,
    /// Its own hash.
    hash: String,
    /// When it was added, with six digits of a second.
    at: String,
    /// claim (came onto the board), registration, conclusion (of an experiment) or act (what a person did).
    kind: String,
    /// What it is about.
    subject: About,
    /// What was done.
    #[schema(value_type = Object)]
    body: Value,
}

/// What an entry is about.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct About {
    /// Which one; null for the queue.
    id: Option<i64>,
    /// claim, experiment, run, comment, account or queue.
    kind: String,
}

impl From<record::Entry> for Entry {
    fn from(entry: record::Entry) -> Self {
        Self {
            seq: entry.seq,
            previous: entry.previous,
            hash: entry.hash,
            at: exact_time(entry.at),
            kind: entry.kind,
            subject: About {
                id: entry.subject_id,
                kind: entry.subject,
            },
            // What cannot be read is nobody's entry, and its hash says so.
            body: serde_json::from_str(&entry.body).unwrap_or(Value::Null),
        }
    }
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EntryFilter {
    /// About this experiment only.
    experiment: Option<ExperimentId>,
}

/// List the entries of the record, in order. A page also ends at about a megabyte.
#[utoipa::path(get, path = "/api/v1/record", tag = "record", params(EntryFilter, Cursor),
    responses((status = 200, body = Page<Entry>)))]
pub(super) async fn list(
    State(pool): State<PgPool>,
    Query(filter): Query<EntryFilter>,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Entry>> {
    let limit = cursor.limit()?;
    let after = cursor.position()?.unwrap_or(0);
    if let Some(id) = filter.experiment {
        let entries = record::about_after(&pool, Subject::Experiment(id), after, limit + 1).await?;
        return Ok(Page::cut(entries, limit, |entry| entry.seq, Entry::from));
    }
    let end = record::head(&pool).await?;
    let entries = record::entries(&pool, after, limit).await?;
    let last = entries.last().map(|entry| entry.seq);
    Ok(Page {
        next: last
            .filter(|&last| last < end.seq)
            .map(|last| last.to_string()),
        items: entries.into_iter().map(Entry::from).collect(),
    })
}

/// Where the record ends.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Head {
    /// Place of the newest entry; 0 of an empty record.
    seq: i64,
    /// Its hash; 64 zeros of an empty record.
    hash: String,
    /// Both as one word, `SEQ:HASH`: what to note elsewhere, and what `breakmywork verify --head` takes.
    head: String,
}

/// Show where the record ends. Every answer of the API has the same in its header `record-head`, some seconds old.
#[utoipa::path(get, path = "/api/v1/record/head", tag = "record", responses((status = 200, body = Head)))]
pub(super) async fn head(State(pool): State<PgPool>) -> Result<Json<Head>> {
    let head = record::head(&pool).await?;
    Ok(Json(Head {
        head: head.to_string(),
        seq: head.seq,
        hash: head.hash,
    }))
}
