//! Discussions that moderators lock, and the log of all that they do.

use super::address;
use crate::{
    db::{
        comments::{self, Comment},
        hiding::{self, Appealed},
    },
    discussion::moderation,
    error::Result,
    extract::{Form, Moderator, Path, Query, Visit},
    pages::{Cache, see_other, show},
    render::{filters, record_words},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::id::{AccountId, ThreadId};
use breakmywork_protocol::record::{self, Entry};
use serde::Deserialize;

/// Entries of the log on one page.
const SHOWN: i64 = 50;

/// Appeals that wait, of comments and of proposals, on the page.
const APPEALS: i64 = 50;

/// Why something is done.
#[derive(Debug, Default, Deserialize)]
pub struct Why {
    #[serde(default)]
    pub(in crate::pages) reason: String,
}

/// Locks a discussion.
pub async fn lock(
    State(state): State<AppState>,
    Moderator(viewer): Moderator,
    Path(id): Path<ThreadId>,
    Form(why): Form<Why>,
) -> Result<Response> {
    set_lock(&state, id, viewer.id, &why.reason, true).await
}

/// Opens a discussion again.
pub async fn unlock(
    State(state): State<AppState>,
    Moderator(viewer): Moderator,
    Path(id): Path<ThreadId>,
    Form(why): Form<Why>,
) -> Result<Response> {
    set_lock(&state, id, viewer.id, &why.reason, false).await
}

async fn set_lock(
    state: &AppState,
    id: ThreadId,
    by: AccountId,
    why: &str,
    locked: bool,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    moderation::lock(&mut tx, id, by, why, locked).await?;
    tx.commit().await?;
    tracing::info!(moderator = %by, thread = %id, locked, "discussion locked or opened");
    Ok(see_other(&format!(
        "{}#thread",
        address(&state.pool, id).await?
    )))
}

#[derive(Debug, Template)]
#[template(path = "moderation.html")]
struct Log {
    visit: Visit,
    comments: Vec<Comment>,
    proposals: Vec<Appealed>,
    entries: Vec<Entry>,
    /// Where older entries begin, if there are any.
    older: Option<i64>,
}

/// Where in the log.
#[derive(Debug, Default, Deserialize)]
pub struct Before {
    before: Option<i64>,
}

/// What moderators did, with their reasons, for everybody to read.
pub async fn log(
    State(state): State<AppState>,
    visit: Visit,
    Query(from): Query<Before>,
) -> Result<Response> {
    let pool = &state.pool;
    let before = from.before.unwrap_or(i64::MAX);
    let mut entries = record::moderation(pool, before, SHOWN + 1).await?;
    let more = entries.len() > SHOWN as usize;
    entries.truncate(SHOWN as usize);
    // What waits stands on the first page.
    let (comments, proposals) = match from.before {
        None => {
            let comments = hiding::appeals_of_comments(pool, APPEALS).await?;
            let comments = comments::rows(pool, &comments).await?;
            (comments, hiding::appeals_of_proposals(pool, APPEALS).await?)
        }
        Some(_) => Default::default(),
    };
    let page = Log {
        visit,
        comments,
        proposals,
        older: entries.last().filter(|_| more).map(|entry| entry.seq),
        entries,
    };
    show(&page, Cache::Fresh)
}
