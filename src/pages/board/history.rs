//! What edits changed of a work or a claim: who, when, and word by word.

use crate::{
    board::{self, Changed, Item},
    db::{claims, works},
    diff::Piece,
    error::{Error, Result},
    extract::{Path, Query, Visit},
    pages::{Cache, show},
    render::filters,
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::id::ClaimId;
use chrono::{DateTime, Utc};
use serde::Deserialize;

/// Edits on a page.
const SHOWN: i64 = 20;

/// Where a page of it starts.
#[derive(Debug, Default, Deserialize)]
pub struct From {
    before: Option<i64>,
}

#[derive(Debug, Template)]
#[template(path = "history.html")]
struct History {
    visit: Visit,
    /// Of what.
    name: String,
    address: String,
    /// Its twin for scripts.
    twin: String,
    edits: Vec<Changed>,
    /// The last edit shown, if others came before it.
    earlier: Option<i64>,
    /// Who put it on the board, and when.
    begun_by: Option<String>,
    begun_at: Option<DateTime<Utc>>,
}

async fn edits(state: &AppState, of: Item, from: &From) -> Result<(Vec<Changed>, Option<i64>)> {
    let before = from.before.unwrap_or(i64::MAX);
    let mut edits = board::history(&state.pool, of, before, SHOWN + 1).await?;
    let shown = usize::try_from(SHOWN).unwrap_or(0);
    let more = edits.len() > shown;
    edits.truncate(shown);
    let earlier = edits.last().filter(|_| more).map(|last| last.edit.id);
    Ok((edits, earlier))
}

/// Edits of a work.
pub async fn work(
    State(state): State<AppState>,
    visit: Visit,
    Path(slug): Path<String>,
    Query(from): Query<From>,
) -> Result<Response> {
    let work = works::seen(&state.pool, &slug, (&visit).into())
        .await?
        .ok_or_else(|| Error::missing("work called", &slug))?;
    let (edits, earlier) = edits(&state, Item::Work(work.id), &from).await?;
    let page = History {
        visit,
        name: work.title,
        address: format!("/works/{slug}"),
        twin: format!("/api/v1/works/{slug}/edits"),
        edits,
        earlier,
        begun_by: work.added_by,
        begun_at: None,
    };
    show(&page, Cache::Fresh)
}

/// Edits of a claim.
pub async fn claim(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<ClaimId>,
    Query(from): Query<From>,
) -> Result<Response> {
    let claim = claims::seen(&state.pool, id, (&visit).into())
        .await?
        .ok_or_else(|| Error::missing("claim", id))?;
    let (edits, earlier) = edits(&state, Item::Claim(id), &from).await?;
    let page = History {
        visit,
        name: format!("{}: {}", claim.label, claim.sentence),
        address: format!("/claims/{id}"),
        twin: format!("/api/v1/claims/{id}/edits"),
        edits,
        earlier,
        begun_by: claim.author,
        begun_at: Some(claim.created_at),
    };
    show(&page, Cache::Fresh)
}
