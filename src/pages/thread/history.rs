//! What a comment said before it was edited.

use super::link;
use crate::{
    db::comments::versions::{self, Version},
    diff::{self, Piece},
    error::{Error, Result},
    extract::{Path, Query, Visit},
    heavy,
    pages::{Cache, show},
    render::filters,
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::id::CommentId;
use serde::Deserialize;

#[derive(Debug, Template)]
#[template(path = "comment_history.html")]
struct History {
    visit: Visit,
    id: CommentId,
    back: String,
    versions: Vec<Version>,
    /// The version that is shown.
    shown: Version,
    /// It beside the one before; the first one is all new.
    pieces: Vec<Piece>,
}

/// Which version.
#[derive(Debug, Default, Deserialize)]
pub struct Which {
    version: Option<i32>,
}

/// The versions of a comment, and what one of them changed.
pub async fn history(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<CommentId>,
    Query(which): Query<Which>,
) -> Result<Response> {
    let back = link(&state.pool, id).await?;
    let all = i64::from(versions::MOST) + 1;
    let versions = versions::after(&state.pool, id, 0, all).await?;
    let newest = versions.last().ok_or_else(|| {
        Error::NotFound(format!(
            "Comment {id} has no history to be read: it is hidden, deleted, or by the machine."
        ))
    })?;
    let number = which.version.unwrap_or(newest.number);
    let at = versions.iter().position(|one| one.number == number);
    let at = at.ok_or_else(|| {
        Error::NotFound(format!(
            "Comment {id} has no version {number}; the newest is {}.",
            newest.number
        ))
    })?;
    let shown = versions[at].clone();
    let after = shown.body.clone();
    let pieces = match at
        .checked_sub(1)
        .map(|before| versions[before].body.clone())
    {
        Some(before) => heavy::run(move || diff::pieces(&before, &after)).await?,
        None => vec![Piece::Same(after)],
    };
    let page = History {
        visit,
        id,
        back,
        versions,
        shown,
        pieces,
    };
    show(&page, Cache::Fresh)
}
