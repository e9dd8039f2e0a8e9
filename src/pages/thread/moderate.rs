//! What moderators do in discussions, appeals against it, and the log of all that.

use super::{address, link};
use crate::{
    db::comments::{self, Comment, moderation as table},
    discussion::moderation,
    error::Result,
    extract::{Form, Member, Moderator, Path, Query, Visit},
    pages::{Cache, see_other, show},
    render::{filters, record_words},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::id::{AccountId, CommentId, ThreadId};
use breakmywork_protocol::record::{self, Entry};
use serde::Deserialize;

/// Entries of the log on one page.
const SHOWN: i64 = 50;

/// Appeals that wait, on the page.
const APPEALS: i64 = 50;

/// Why something is done.
#[derive(Debug, Default, Deserialize)]
pub struct Why {
    #[serde(default)]
    reason: String,
}

/// What an author says against hiding a comment.
#[derive(Debug, Default, Deserialize)]
pub struct Words {
    #[serde(default)]
    words: String,
}

/// Hides a comment, with a reason that everybody can read.
pub async fn hide(
    State(state): State<AppState>,
    Moderator(viewer): Moderator,
    Path(id): Path<CommentId>,
    Form(why): Form<Why>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    moderation::hide(&mut tx, id, viewer.id, &why.reason).await?;
    tx.commit().await?;
    tracing::info!(moderator = %viewer.id, comment = %id, "comment hidden");
    Ok(see_other(&link(&state.pool, id).await?))
}

/// Shows a hidden comment again.
pub async fn unhide(
    State(state): State<AppState>,
    Moderator(viewer): Moderator,
    Path(id): Path<CommentId>,
    Form(why): Form<Why>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    moderation::unhide(&mut tx, id, viewer.id, &why.reason).await?;
    tx.commit().await?;
    tracing::info!(moderator = %viewer.id, comment = %id, "comment shown again");
    Ok(see_other(&link(&state.pool, id).await?))
}

/// Appeals against hiding one's own comment.
pub async fn appeal(
    State(state): State<AppState>,
    Member(viewer): Member,
    Path(id): Path<CommentId>,
    Form(words): Form<Words>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    moderation::appeal(&mut tx, id, viewer.id, &words.words).await?;
    tx.commit().await?;
    Ok(see_other(&link(&state.pool, id).await?))
}

/// Leaves a comment hidden against an appeal.
pub async fn decline(
    State(state): State<AppState>,
    Moderator(viewer): Moderator,
    Path(id): Path<CommentId>,
    Form(why): Form<Why>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    moderation::decline(&mut tx, id, viewer.id, &why.reason).await?;
    tx.commit().await?;
    tracing::info!(moderator = %viewer.id, comment = %id, "appeal declined");
    Ok(see_other(&link(&state.pool, id).await?))
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
    appeals: Vec<Comment>,
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
    let appeals = match from.before {
        None => comments::rows(pool, &table::appeals(pool, APPEALS).await?).await?,
        Some(_) => Vec::new(),
    };
    let page = Log {
        visit,
        appeals,
        older: entries.last().filter(|_| more).map(|entry| entry.seq),
        entries,
    };
    show(&page, Cache::Fresh)
}
