//! Writing: a comment, a reply to one, a new version of one's own. Each can be looked at before it is stored, and no
//! refusal loses what was typed.

use super::{address, address_of, link};
use crate::{
    db::comments::{self, Comment},
    diff::{self, Piece},
    discussion::{
        self, Written,
        edits::{self, Edited},
    },
    error::{Error, Result},
    extract::{Form, Member, Path, Query, Visit},
    heavy,
    pages::{Cache, draft_stored, see_other, show, with_status},
    pins,
    render::{filters, form::FormErrors, html::Html},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::{AccountId, CommentId, ThreadId};
use serde::Deserialize;
use sqlx::PgPool;

/// Letters of a quoted comment that are put into a reply.
const QUOTED: usize = 2_000;

/// A comment being written.
#[derive(Debug, Default, Deserialize)]
pub struct Draft {
    #[serde(default)]
    body: String,
    #[serde(default)]
    action: String,
    /// The version that was there when its author began to edit it.
    #[serde(default)]
    version: Option<i32>,
}

impl Draft {
    /// A comment to look at before it is posted.
    pub(crate) fn preview(body: String, version: Option<i32>) -> Self {
        Self {
            body,
            action: "preview".to_owned(),
            version,
        }
    }
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    /// A comment that begins a conversation.
    New(ThreadId),
    /// A reply.
    Reply(CommentId),
    /// A new version.
    Edit(CommentId),
}

impl Target {
    /// Where its form is posted to, and what its draft is kept under.
    fn form(self) -> String {
        match self {
            Self::New(thread) => format!("/threads/{thread}/comments"),
            Self::Reply(comment) => format!("/comments/{comment}/replies"),
            Self::Edit(comment) => format!("/comments/{comment}/edit"),
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::New(_) => "Your comment",
            Self::Reply(_) => "Your reply",
            Self::Edit(_) => "Edit your comment",
        }
    }

    fn button(self) -> &'static str {
        match self {
            Self::New(_) => "Post comment",
            Self::Reply(_) => "Post reply",
            Self::Edit(_) => "Save this version",
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "comment_draft.html")]
struct DraftPage {
    visit: Visit,
    target: Target,
    back: String,
    /// What it replies to.
    answered: Option<Comment>,
    body: String,
    version: Option<i32>,
    /// What was stored meanwhile beside what was typed.
    pieces: Vec<Piece>,
    /// What the comment would look like, if it can be posted.
    preview: Option<Html>,
    errors: FormErrors,
}

/// The form of a comment that quotes numbers of runs: `run` or several `runs`, a `metric`, and maybe a `step`.
pub async fn new_form(
    State(state): State<AppState>,
    visit: Visit,
    Member(_): Member,
    Path(thread): Path<ThreadId>,
    Query(quoted): Query<Vec<(String, String)>>,
) -> Result<Response> {
    let pool = &state.pool;
    let mut page = DraftPage {
        visit,
        target: Target::New(thread),
        back: format!("{}#thread", address(pool, thread).await?),
        answered: None,
        body: pins::quoting(&quoted)?,
        version: None,
        pieces: Vec::new(),
        preview: None,
        errors: FormErrors::new(),
    };
    match discussion::written(pool, thread, &page.body).await? {
        Err(detail) if !page.body.is_empty() => {
            page.errors.add("body", detail);
            with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never)
        }
        _ => show(&page, Cache::Never),
    }
}

/// Previews or posts a comment.
pub async fn comment(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(thread): Path<ThreadId>,
    Form(draft): Form<Draft>,
) -> Result<Response> {
    write(&state, visit, viewer.id, Target::New(thread), draft).await
}

/// Previews or posts a reply.
pub async fn reply(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(comment): Path<CommentId>,
    Form(draft): Form<Draft>,
) -> Result<Response> {
    write(&state, visit, viewer.id, Target::Reply(comment), draft).await
}

/// Previews or stores a new version.
pub async fn edit(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(comment): Path<CommentId>,
    Form(draft): Form<Draft>,
) -> Result<Response> {
    write(&state, visit, viewer.id, Target::Edit(comment), draft).await
}

/// Whether what it replies to is quoted.
#[derive(Debug, Default, Deserialize)]
pub struct Quote {
    #[serde(default)]
    quote: u8,
}

/// The form of a reply.
pub async fn reply_form(
    State(state): State<AppState>,
    visit: Visit,
    Member(_): Member,
    Path(id): Path<CommentId>,
    Query(quote): Query<Quote>,
) -> Result<Response> {
    let answered = discussion::read_one(&state.pool, id).await?;
    let body = match quote.quote {
        1 => quoted(&answered),
        _ => String::new(),
    };
    let page = DraftPage {
        visit,
        target: Target::Reply(id),
        back: link(&state.pool, id).await?,
        answered: Some(answered),
        body,
        version: None,
        pieces: Vec::new(),
        preview: None,
        errors: FormErrors::new(),
    };
    show(&page, Cache::Never)
}

/// The form of a new version.
pub async fn edit_form(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(id): Path<CommentId>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    let own = edits::own(&mut tx, id, viewer.id).await?;
    drop(tx);
    let page = DraftPage {
        visit,
        target: Target::Edit(id),
        back: link(&state.pool, id).await?,
        answered: None,
        body: own.body,
        version: Some(own.version),
        pieces: Vec::new(),
        preview: None,
        errors: FormErrors::new(),
    };
    show(&page, Cache::Never)
}

/// Deletes one's own comment.
pub async fn delete(
    State(state): State<AppState>,
    Member(viewer): Member,
    Path(id): Path<CommentId>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    edits::delete(&mut tx, id, viewer.id).await?;
    tx.commit().await?;
    Ok(see_other(&link(&state.pool, id).await?))
}

/// A comment as a quotation in Markdown, with where it stands.
fn quoted(comment: &Comment) -> String {
    if comment.hidden_at.is_some() || comment.deleted_at.is_some() {
        return String::new();
    }
    let id = comment.id;
    let who = match (&comment.author, comment.experiment) {
        (Some(author), _) => format!("@{author} [wrote](/comments/{id}):"),
        (None, Some(experiment)) => format!("[The result](/comments/{id}) of #{experiment}:"),
        (None, None) => format!("[Above](/comments/{id}):"),
    };
    let cut = comment.body.char_indices().nth(QUOTED);
    let (text, more) = match cut {
        Some((end, _)) => (&comment.body[..end], " …"),
        None => (comment.body.as_str(), ""),
    };
    let lines: Vec<String> = text.lines().map(|line| format!("> {line}")).collect();
    format!("{who}\n\n{}{more}\n\n", lines.join("\n"))
}

/// Shows, refuses or stores what was typed.
async fn write(
    state: &AppState,
    visit: Visit,
    author: AccountId,
    target: Target,
    draft: Draft,
) -> Result<Response> {
    let pool = &state.pool;
    let (thread, answered, back) = match target {
        Target::New(thread) => {
            let back = format!("{}#thread", address(pool, thread).await?);
            (thread, None, back)
        }
        Target::Reply(id) | Target::Edit(id) => {
            let comment = discussion::read_one(pool, id).await?;
            let thread = comments::thread_of(pool, id).await?;
            let thread = thread.ok_or_else(|| Error::missing("comment", id))?;
            let answered = matches!(target, Target::Reply(_)).then_some(comment);
            (thread, answered, link(pool, id).await?)
        }
    };
    let body = draft.body.replace("\r\n", "\n");
    let mut page = DraftPage {
        visit,
        target,
        back,
        answered,
        body: draft.body,
        version: draft.version,
        pieces: Vec::new(),
        preview: None,
        errors: FormErrors::new(),
    };
    let written = match discussion::written(pool, thread, &body).await? {
        Ok(written) => written,
        Err(detail) => {
            page.errors.add("body", detail);
            return with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never);
        }
    };
    page.preview = Some(written.html().clone());
    if draft.action == "preview" {
        return show(&page, Cache::Never);
    }
    let stored = match target {
        Target::New(_) => store(pool, thread, author, written).await.map(Ok),
        Target::Reply(id) => store(pool, thread, author, written.answering(Some(id)))
            .await
            .map(Ok),
        Target::Edit(id) => renew(pool, id, author, draft.version, &written).await,
    };
    match stored {
        Ok(Ok(id)) => {
            let to = address_of(pool, thread, id).await?;
            Ok(draft_stored(see_other(&to), &target.form()))
        }
        Ok(Err((version, stored))) => {
            let detail = "This comment was changed since you began, in another window perhaps. Nothing of yours is lost: below is what differs. Save it again to replace what is there.";
            page.errors.add("body", detail);
            page.pieces = heavy::run(move || diff::pieces(&stored, &body)).await?;
            page.version = Some(version);
            with_status(StatusCode::CONFLICT, &page, Cache::Never)
        }
        // What was typed stays in the form.
        Err(refusal @ (Error::TooMany { .. } | Error::Conflict(_))) => {
            page.errors.add("body", refusal.to_string());
            page.preview = None;
            let mut response = with_status(refusal.status(), &page, Cache::Never)?;
            refusal.say_when(response.headers_mut());
            Ok(response)
        }
        Err(error) => Err(error),
    }
}

/// Stores a comment; one that was sent twice is there already.
async fn store(
    pool: &PgPool,
    thread: ThreadId,
    author: AccountId,
    written: Written,
) -> Result<CommentId> {
    let mut tx = pool.begin().await?;
    let id = discussion::post_once(&mut tx, thread, author, &written).await?;
    tx.commit().await?;
    Ok(id)
}

/// Stores a new version; or gives the one that is there and its number, if that is not the one its author began with.
async fn renew(
    pool: &PgPool,
    id: CommentId,
    author: AccountId,
    version: Option<i32>,
    written: &Written,
) -> Result<Result<CommentId, (i32, String)>> {
    let mut tx = pool.begin().await?;
    let edited = edits::edit(&mut tx, id, author, version.unwrap_or(0), written).await?;
    tx.commit().await?;
    Ok(match edited {
        Edited::Stored => Ok(id),
        Edited::Stale { version, body } => Err((version, body)),
    })
}
