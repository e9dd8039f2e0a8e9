//! Discussion.

use super::body::Body;
use super::idempotency::{self, Stop};
use super::page::{Cursor, Page};
use crate::auth::token::{ApiAccount, Scope};
use crate::db::comments::{self as table, Limits, Order, Place, Reading, Whose};
use crate::db::pins::{self, CommentPin};
use crate::discussion;
use crate::error::{Error, Result};
use crate::extract::{Path, Query};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::id::{CommentId, ExperimentId, RunId, ThreadId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};
use utoipa::{IntoParams, ToSchema};

/// A post: by a person, or of an experiment by the machine.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Comment {
    /// Key.
    id: CommentId,
    /// Who wrote it; null for a result.
    author: Option<String>,
    /// comment by a person; result, or opening of what was sealed, by the machine.
    kind: String,
    /// The experiment whose result this is, or that was opened.
    experiment: Option<ExperimentId>,
    /// That result's outcome.
    outcome: Option<String>,
    /// The post that it replies to.
    reply_to: Option<CommentId>,
    /// Markdown as typed; null if a moderator hid it or its author deleted it.
    body: Option<String>,
    /// The same as sanitised HTML, formulas as MathML.
    html: Option<String>,
    /// How often it was written: 1 if it was never edited. Sent back with an edit.
    version: i32,
    /// When it was edited last.
    edited_at: Option<DateTime<Utc>>,
    /// When its author deleted it.
    deleted_at: Option<DateTime<Utc>>,
    /// Why a moderator hid it.
    hidden_reason: Option<String>,
    /// What its author says against that.
    appeal: Option<String>,
    /// Why it stays hidden all the same; null while the appeal waits.
    appeal_answer: Option<String>,
    /// What readers think of it.
    reactions: Reactions,
    /// Numbers of runs that it pins, `[[run 12 test_mse]]` in its text; empty if its text is not shown.
    pins: Vec<PinnedNumber>,
    /// When it was posted.
    created_at: DateTime<Utc>,
}

/// A number of a run that a comment pins.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PinnedNumber {
    /// The run.
    run: RunId,
    /// The experiment that the run is of.
    experiment: ExperimentId,
    /// The run's arm.
    arm: String,
    /// The run's seed.
    seed: i64,
    /// The metric.
    metric: String,
    /// The step at which it was measured; null for what the run came to.
    step: Option<i32>,
    /// The number, as it was when it was pinned.
    value: f64,
    /// SHA-256 of the specification that the run was of.
    spec_sha256: String,
    /// When it was pinned.
    pinned_at: DateTime<Utc>,
    /// The newest other run of the same plan and seed, or of an amendment of it, that has another number; null if none has.
    other_run: Option<RunId>,
    /// What that one has.
    other_value: Option<f64>,
}

impl From<CommentPin> for PinnedNumber {
    fn from(pin: CommentPin) -> Self {
        Self {
            run: pin.run,
            experiment: pin.experiment,
            arm: pin.arm,
            seed: pin.seed,
            metric: pin.metric,
            step: pin.step,
            value: pin.value,
            spec_sha256: pin.spec_sha256,
            pinned_at: pin.pinned_at,
            other_run: pin.other_run,
            other_value: pin.other_value,
        }
    }
}

/// How many readers say what to a comment.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Reactions {
    /// Agree.
    agree: i32,
    /// Doubt it.
    doubt: i32,
    /// Are thankful for it.
    thanks: i32,
}

impl Comment {
    /// A post with what it pins, among what others do.
    fn new(comment: table::Comment, pins: &[CommentPin]) -> Self {
        let body = comment.is_readable().then_some(comment.body);
        let of_it = |pin: &&CommentPin| body.is_some() && pin.comment == comment.id;
        Self {
            pins: (pins.iter().filter(of_it).cloned())
                .map(PinnedNumber::from)
                .collect(),
            id: comment.id,
            author: comment.author,
            kind: comment.kind,
            experiment: comment.experiment,
            outcome: comment.outcome,
            reply_to: comment.reply_to,
            version: comment.version,
            edited_at: comment.edited_at,
            deleted_at: comment.deleted_at,
            html: comment.html.filter(|_| body.is_some()),
            body,
            hidden_reason: comment.hidden_reason,
            appeal: comment.appeal,
            appeal_answer: comment.appeal_answer,
            reactions: Reactions {
                agree: comment.agrees,
                doubt: comment.doubts,
                thanks: comment.thanks,
            },
            created_at: comment.created_at,
        }
    }
}

/// How the posts of a thread are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Listing {
    /// `conversation` (each first comment, then what answers it), `oldest` or `newest`; `oldest` if not given.
    sort: Option<String>,
    /// `all`, `people` or `results`; `all` if not given.
    show: Option<String>,
}

/// List the posts of a thread, oldest first if nothing else is asked. A page of long posts may hold fewer than `limit`; `next` goes on.
#[utoipa::path(get, path = "/api/v1/threads/{id}/comments", tag = "threads",
    params(("id" = i64, Path, description = "Key"), Cursor, Listing),
    responses((status = 200, body = Page<Comment>), (status = 404, description = "No such thread")))]
pub(super) async fn list(
    State(pool): State<PgPool>,
    Path(id): Path<ThreadId>,
    Query(cursor): Query<Cursor>,
    Query(listing): Query<Listing>,
) -> Result<Page<Comment>> {
    let order = match listing.sort.as_deref() {
        None | Some("oldest") => Order::Oldest,
        Some("newest") => Order::Newest,
        Some("conversation") => Order::Conversation,
        Some(_) => {
            return Err(Error::BadRequest(
                "`sort` is conversation, oldest or newest.".to_owned(),
            ));
        }
    };
    let whose = match listing.show.as_deref() {
        None | Some("all") => Whose::All,
        Some("people") => Whose::People,
        Some("results") => Whose::Machine,
        Some(_) => {
            return Err(Error::BadRequest(
                "`show` is all, people or results.".to_owned(),
            ));
        }
    };
    let limits = Limits {
        posts: cursor.limit()?,
        bytes: PAGE_BYTES,
    };
    let after = CommentId(cursor.position()?.unwrap_or(0));
    if table::subject(&pool, id).await?.is_none() {
        return Err(Error::missing("thread", id));
    }
    let reading = Reading {
        place: Place::After(after),
        limits,
        order,
        whose,
    };
    let page = discussion::read(&pool, id, reading).await?;
    let last = page.comments.last().filter(|_| page.later);
    Ok(Page {
        next: last.map(|last| last.id.to_string()),
        items: with_pins(&mut *pool.acquire().await?, page.comments).await?,
    })
}

/// Posts with what they pin.
///
/// # Errors
/// If the database is away.
pub(super) async fn with_pins(
    db: &mut PgConnection,
    comments: Vec<table::Comment>,
) -> Result<Vec<Comment>> {
    let ids: Vec<CommentId> = comments.iter().map(|comment| comment.id).collect();
    let pins = pins::of(db, &ids).await?;
    let shown = comments
        .into_iter()
        .map(|comment| Comment::new(comment, &pins));
    Ok(shown.collect())
}

/// One post.
///
/// # Errors
/// If there is none.
pub(super) async fn found(db: &mut PgConnection, id: CommentId) -> Result<Comment> {
    let rows = table::rows(&mut *db, &[id]).await?;
    let mut shown = with_pins(db, rows).await?;
    shown.pop().ok_or_else(|| Error::missing("comment", id))
}

/// HTML on one page, in bytes: a page ends early where its posts are long, and `next` goes on from there.
const PAGE_BYTES: i64 = 1_000_000;

/// A comment to post.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewComment {
    /// Markdown, at most 20,000 characters; `[[run 12 test_mse]]` pins a number of a run, at most 10 of them.
    #[schema(min_length = 1, max_length = 20_000)]
    body: String,
    /// The post of this thread that it answers.
    reply_to: Option<CommentId>,
}

/// Post a comment.
#[utoipa::path(post, path = "/api/v1/threads/{id}/comments", tag = "threads", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = NewComment,
    responses((status = 201, body = Comment), (status = 404, description = "No such thread"), (status = 409, description = "Locked"), (status = 422, description = "Empty or too long, a pin of what is not there or not public, or an answer to what is not in the thread")))]
pub(super) async fn post(
    State(pool): State<PgPool>,
    Path(id): Path<ThreadId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<NewComment>,
) -> Result<Response, Stop> {
    account.require(Scope::Discuss)?;
    let written = discussion::written(&pool, id, &body.value.body).await?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    let written = written.map_err(|detail| Error::field("/body", detail))?;
    let written = written.answering(body.value.reply_to);
    let comment = discussion::post(&mut call.tx, id, account.id, &written).await?;
    let posted = found(&mut call.tx, comment).await?;
    call.finish(StatusCode::CREATED, &posted).await
}
