//! The discussion of a claim or an experiment: reading, writing, previewing, hiding.

use super::{Cache, draft_stored, see_other, show, with_status};
use crate::reason;
use crate::{
    db::comments::{self, Comment, Limits, Place, Subject},
    discussion::{self, Written},
    error::{Error, Result},
    extract::{Form, Member, Moderator, Path, Visit},
    render::{form::FormErrors, html::Html},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::{AccountId, CommentId, ThreadId};
use serde::Deserialize;
use sqlx::PgPool;

/// How much of a thread one page shows.
const SHOWN: Limits = Limits {
    posts: 100,
    bytes: 100_000,
};

/// A thread as a page includes it.
#[derive(Debug)]
pub struct Thread {
    pub(super) id: ThreadId,
    pub(super) comments: Vec<Comment>,
    /// The first post shown, if others come before it.
    pub(super) earlier: Option<CommentId>,
    /// The last post shown, if others come after it.
    pub(super) later: Option<CommentId>,
}

/// Where a page of the thread starts; part of every page that shows one.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct From {
    after: Option<i64>,
    before: Option<i64>,
    at: Option<i64>,
}

impl From {
    fn place(self) -> Place {
        match self {
            Self { at: Some(post), .. } => Place::Around(CommentId(post)),
            Self {
                before: Some(post), ..
            } => Place::Before(CommentId(post)),
            Self { after, .. } => Place::After(CommentId(after.unwrap_or(0))),
        }
    }
}

/// Reads a page of a thread.
pub async fn load(pool: &PgPool, id: ThreadId, from: From) -> Result<Thread> {
    let page = discussion::read(pool, id, from.place(), SHOWN).await?;
    // Past an end, the way back leads to what is nearest.
    let first = page.comments.first().map(|first| first.id);
    let last = page.comments.last().map(|last| last.id);
    let earlier = first.or(Some(CommentId(i64::MAX)));
    let later = last.or(Some(CommentId(0)));
    Ok(Thread {
        id,
        earlier: earlier.filter(|_| page.earlier),
        later: later.filter(|_| page.later),
        comments: page.comments,
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

impl Draft {
    /// A comment to look at before it is posted.
    pub(super) fn preview(body: String) -> Self {
        Self {
            body,
            action: "preview".to_owned(),
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "comment_draft.html")]
struct DraftPage {
    visit: Visit,
    thread: ThreadId,
    back: String,
    body: String,
    /// What the comment would look like, if it can be posted.
    preview: Option<Html>,
    errors: FormErrors,
}

/// What the drafts of a thread's comments are kept under: where they are posted to.
fn form(thread: ThreadId) -> String {
    format!("/threads/{thread}/comments")
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
    let mut refusal = None;
    let written = discussion::written(&state.pool, thread, &body).await?;
    match &written {
        Err(detail) => errors.add("body", detail),
        Ok(_) if draft.action == "preview" => {}
        Ok(written) => match store(&state.pool, thread, viewer.id, written).await {
            Ok(id) => {
                let to = address_of(&state.pool, thread, &subject, id).await?;
                return Ok(draft_stored(see_other(&to), &form(thread)));
            }
            // What was typed stays in the form.
            Err(Error::TooMany {
                detail,
                retry_after,
            }) => {
                errors.add("body", &detail);
                refusal = Some(Error::TooMany {
                    detail,
                    retry_after,
                });
            }
            Err(error) => return Err(error),
        },
    }
    let page = DraftPage {
        visit,
        thread,
        back: subject.address(),
        body: draft.body,
        preview: written
            .ok()
            .filter(|_| errors.is_empty())
            .map(|written| written.html().clone()),
        errors,
    };
    if page.errors.is_empty() {
        return show(&page, Cache::Never);
    }
    let status = refusal
        .as_ref()
        .map_or(StatusCode::UNPROCESSABLE_ENTITY, Error::status);
    let mut response = with_status(status, &page, Cache::Never)?;
    if let Some(refusal) = refusal {
        refusal.say_when(response.headers_mut());
    }
    Ok(response)
}

/// Stores a comment; one that was sent twice is there already.
async fn store(
    pool: &PgPool,
    thread: ThreadId,
    author: AccountId,
    written: &Written,
) -> Result<CommentId> {
    let mut tx = pool.begin().await?;
    let id = discussion::post_once(&mut tx, thread, author, written).await?;
    tx.commit().await?;
    Ok(id)
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
    let address = link(&state.pool, id).await?;
    let mut tx = state.pool.begin().await?;
    if !comments::hide(&mut tx, id, viewer.id, &reason).await? {
        return Err(Error::Conflict(
            "This comment is hidden already, or is a result, which stays.".to_owned(),
        ));
    }
    tx.commit().await?;
    tracing::info!(moderator = %viewer.id, comment = %id, "comment hidden");
    Ok(see_other(&address))
}

/// Shows a hidden comment again.
pub async fn unhide(
    State(state): State<AppState>,
    Moderator(viewer): Moderator,
    Path(id): Path<CommentId>,
) -> Result<Response> {
    let address = link(&state.pool, id).await?;
    let mut tx = state.pool.begin().await?;
    comments::unhide(&mut tx, id, viewer.id).await?;
    tx.commit().await?;
    tracing::info!(moderator = %viewer.id, comment = %id, "comment shown again");
    Ok(see_other(&address))
}

/// The permalink of a comment.
pub async fn permalink(
    State(state): State<AppState>,
    Path(id): Path<CommentId>,
) -> Result<Response> {
    Ok(see_other(&link(&state.pool, id).await?))
}

/// Where a comment is to be seen among its neighbours.
async fn link(pool: &PgPool, id: CommentId) -> Result<String> {
    let missing = || Error::missing("comment", id);
    let thread = comments::thread_of(pool, id).await?.ok_or_else(missing)?;
    let subject = comments::subject(pool, thread).await?.ok_or_else(missing)?;
    address_of(pool, thread, &subject, id).await
}

async fn address_of(
    pool: &PgPool,
    thread: ThreadId,
    subject: &Subject,
    id: CommentId,
) -> Result<String> {
    let at = match comments::begins_with(pool, thread, id, SHOWN).await? {
        true => String::new(),
        false => format!("?at={id}"),
    };
    Ok(format!("{}{at}#comment-{id}", subject.address()))
}
