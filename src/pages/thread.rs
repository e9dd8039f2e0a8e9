//! The discussion of a claim or an experiment: reading, writing, previewing, hiding.

use super::{Cache, see_other, show, with_status};
use crate::reason;
use crate::{
    db::comments::{self, Comment},
    discussion,
    error::{Error, Result},
    extract::{Form, Member, Moderator, Path, Visit},
    render::{filters, form::FormErrors},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::{CommentId, ThreadId};
use serde::Deserialize;
use sqlx::PgPool;

/// Posts on one page of a thread.
const SHOWN: i64 = 200;

/// A thread as a page includes it.
#[derive(Debug)]
pub struct Thread {
    pub(super) id: ThreadId,
    pub(super) comments: Vec<Comment>,
    pub(super) more_after: Option<CommentId>,
}

/// Where a page of the thread starts; part of every page that shows one.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct From {
    after: Option<i64>,
}

/// Reads a page of a thread.
pub async fn load(pool: &PgPool, id: ThreadId, from: From) -> Result<Thread> {
    let after = CommentId(from.after.unwrap_or(0));
    let mut comments = comments::list(pool, id, after, SHOWN + 1).await?;
    let more = comments.len() as i64 > SHOWN;
    comments.truncate(SHOWN as usize);
    let more_after = comments.last().filter(|_| more).map(|last| last.id);
    Ok(Thread {
        id,
        comments,
        more_after,
    })
}

/// A comment being written.
#[derive(Debug, Deserialize)]
pub struct Draft {
    #[serde(default)]
    body: String,
    #[serde(default)]
    action: String,
}

#[derive(Debug, Template)]
#[template(path = "comment_draft.html")]
struct DraftPage {
    visit: Visit,
    thread: ThreadId,
    back: String,
    body: String,
    errors: FormErrors,
}

/// Previews or posts a comment.
pub async fn comment(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(thread): Path<ThreadId>,
    Form(draft): Form<Draft>,
) -> Result<Response> {
    let subject = comments::subject(&state.pool, thread)
        .await?
        .ok_or_else(|| Error::missing("discussion", thread))?;
    let body = draft.body.replace("\r\n", "\n");
    let mut errors = FormErrors::new();
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    match discussion::checked(&body) {
        Err(detail) => errors.add("body", detail),
        Ok(_) if draft.action == "preview" => {}
        Ok(text) => {
            let mut tx = state.pool.begin().await?;
            let posted = match comments::just_posted(&mut *tx, thread, viewer.id, text).await? {
                Some(twin) => Ok(twin),
                None => discussion::post(&mut tx, thread, viewer.id, text).await,
            };
            match posted {
                Ok(id) => {
                    tx.commit().await?;
                    return Ok(see_other(&format!("{}#comment-{id}", subject.address())));
                }
                // What was typed stays in the form.
                Err(Error::TooMany { detail, .. }) => {
                    status = StatusCode::TOO_MANY_REQUESTS;
                    errors.add("body", detail);
                }
                Err(error) => return Err(error),
            }
        }
    }
    let ok = errors.is_empty();
    let page = DraftPage {
        visit,
        thread,
        back: subject.address(),
        body: draft.body,
        errors,
    };
    if ok {
        return show(&page, Cache::Never);
    }
    with_status(status, &page, Cache::Never)
}

/// Why a comment is hidden.
#[derive(Debug, Deserialize)]
pub struct Hide {
    #[serde(default)]
    reason: String,
}

/// Hides a comment, with a reason that everybody can read.
pub async fn hide(
    State(state): State<AppState>,
    Moderator(viewer): Moderator,
    Path(id): Path<CommentId>,
    Form(form): Form<Hide>,
) -> Result<Response> {
    let reason = reason::checked(&form.reason)?;
    let address = address_of(&state.pool, id).await?;
    if !comments::hide(&state.pool, id, viewer.id, reason).await? {
        return Err(Error::Conflict(
            "This comment is hidden already, or is a result, which stays.".to_owned(),
        ));
    }
    tracing::info!(moderator = %viewer.id, comment = %id, "comment hidden");
    Ok(see_other(&address))
}

/// Shows a hidden comment again.
pub async fn unhide(
    State(state): State<AppState>,
    Moderator(viewer): Moderator,
    Path(id): Path<CommentId>,
) -> Result<Response> {
    let address = address_of(&state.pool, id).await?;
    comments::unhide(&state.pool, id).await?;
    tracing::info!(moderator = %viewer.id, comment = %id, "comment shown again");
    Ok(see_other(&address))
}

/// The permalink of a comment.
pub async fn permalink(
    State(state): State<AppState>,
    Path(id): Path<CommentId>,
) -> Result<Response> {
    Ok(see_other(&address_of(&state.pool, id).await?))
}

async fn address_of(pool: &PgPool, id: CommentId) -> Result<String> {
    let missing = || Error::missing("comment", id);
    let thread = comments::thread_of(pool, id).await?.ok_or_else(missing)?;
    let subject = comments::subject(pool, thread).await?.ok_or_else(missing)?;
    Ok(format!(
        "{}?after={}#comment-{id}",
        subject.address(),
        id.0 - 1
    ))
}
