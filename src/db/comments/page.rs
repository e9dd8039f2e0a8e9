//! A page of a thread: bounded in posts and in bytes, wherever it begins.

use super::Comment;
use breakmywork_protocol::id::{CommentId, ExperimentId, ThreadId};
use sqlx::PgPool;

/// Which part of a thread is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// After that post; 0 begins with the first.
    After(CommentId),
    /// The posts right before that one.
    Before(CommentId),
    /// That post with some before it, and what follows.
    Around(CommentId),
}

/// How much of a thread is read at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Posts at most.
    pub posts: i64,
    /// Bytes of HTML at most; a single post may have more.
    pub bytes: i64,
}

/// Posts in order, and whether there are others.
#[derive(Debug, Clone)]
pub struct Page {
    /// The posts.
    pub comments: Vec<Comment>,
    /// Whether posts come before these.
    pub earlier: bool,
    /// Whether posts come after these.
    pub later: bool,
}

/// Posts before the one that a link leads to, for its context.
const CONTEXT: Limits = Limits {
    posts: 10,
    bytes: 20_000,
};

/// What a post that is not rendered yet may become, in bytes.
const UNRENDERED: i64 = crate::render::markdown::HTML_BYTES as i64;

/// Reads a page of a thread.
///
/// # Errors
/// If the database is away.
pub async fn page(
    pool: &PgPool,
    thread: ThreadId,
    place: Place,
    limits: Limits,
) -> sqlx::Result<Page> {
    let (mut ids, backwards) = match place {
        Place::After(post) => (after(pool, thread, post, limits).await?, false),
        Place::Before(post) => (before(pool, thread, post, limits).await?, true),
        Place::Around(post) => {
            let context = before(pool, thread, CommentId(post.0 + 1), CONTEXT).await?;
            let first = context.last().map_or(post.0, |first| first.0);
            let start = CommentId(first - 1);
            (after(pool, thread, start, limits).await?, false)
        }
    };
    if backwards {
        ids.reverse();
    }
    let (Some(first), Some(last)) = (ids.first().copied(), ids.last().copied()) else {
        // Past an end: there may be something the other way.
        let (earlier, later) = neighbours(pool, thread, CommentId(i64::MAX), CommentId(0)).await?;
        return Ok(Page {
            comments: Vec::new(),
            earlier: earlier && !backwards,
            later: later && backwards,
        });
    };
    let (earlier, later) = neighbours(pool, thread, first, last).await?;
    Ok(Page {
        comments: rows(pool, &ids).await?,
        earlier,
        later,
    })
}

/// Whether the first page of a thread shows that post.
///
/// # Errors
/// If the database is away.
pub async fn begins_with(
    pool: &PgPool,
    thread: ThreadId,
    post: CommentId,
    limits: Limits,
) -> sqlx::Result<bool> {
    let first = after(pool, thread, CommentId(0), limits).await?;
    Ok(first.contains(&post))
}

/// Whether posts come before `first`, and after `last`.
async fn neighbours(
    pool: &PgPool,
    thread: ThreadId,
    first: CommentId,
    last: CommentId,
) -> sqlx::Result<(bool, bool)> {
    let row = sqlx::query!(
        r#"select exists (select from comment where thread_id = $1 and id < $2) as "earlier!",
             exists (select from comment where thread_id = $1 and id > $3) as "later!""#,
        thread.0,
        first.0,
        last.0,
    )
    .fetch_one(pool)
    .await?;
    Ok((row.earlier, row.later))
}

/// The posts after one, in order: as many as fit, by their sizes alone, and at least one.
async fn after(
    pool: &PgPool,
    thread: ThreadId,
    post: CommentId,
    limits: Limits,
) -> sqlx::Result<Vec<CommentId>> {
    sqlx::query_scalar!(
        r#"with near as (
             select id, coalesce(octet_length(html), least(6 * octet_length(body), $5::bigint)) as bytes
             from comment where thread_id = $1 and id > $2 order by id limit $3
           ), counted as (
             select id, sum(bytes) over (order by id) as reached, row_number() over (order by id) as place from near
           )
           select id as "id: CommentId" from counted where place = 1 or reached <= $4::bigint order by id"#,
        thread.0,
        post.0,
        limits.posts,
        limits.bytes,
        UNRENDERED,
    )
    .fetch_all(pool)
    .await
}

/// The posts before one, the nearest first: as many as fit, and at least one.
async fn before(
    pool: &PgPool,
    thread: ThreadId,
    post: CommentId,
    limits: Limits,
) -> sqlx::Result<Vec<CommentId>> {
    sqlx::query_scalar!(
        r#"with near as (
             select id, coalesce(octet_length(html), least(6 * octet_length(body), $5::bigint)) as bytes
             from comment where thread_id = $1 and id < $2 order by id desc limit $3
           ), counted as (
             select id, sum(bytes) over (order by id desc) as reached, row_number() over (order by id desc) as place
             from near
           )
           select id as "id: CommentId" from counted where place = 1 or reached <= $4::bigint order by id desc"#,
        thread.0,
        post.0,
        limits.posts,
        limits.bytes,
        UNRENDERED,
    )
    .fetch_all(pool)
    .await
}

/// These posts, in order.
///
/// # Errors
/// If the database is away.
pub async fn rows(db: impl sqlx::PgExecutor<'_>, ids: &[CommentId]) -> sqlx::Result<Vec<Comment>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    sqlx::query_as!(
        Comment,
        r#"select comment.id as "id: CommentId", author.name as "author?",
             comment.kind, comment.experiment_id as "experiment: ExperimentId", outcome as "outcome?", body, html, html_version,
             comment.created_at, hidden_at, hider.name as "hidden_by?", hidden_reason
           from comment
           left join account author on author.id = author_id
           left join account hider on hider.id = hidden_by
           left join verdict on verdict.experiment_id = comment.experiment_id and comment.kind = 'result'
           where comment.id = any ($1)
           order by comment.id"#,
        &ids,
    )
    .fetch_all(db)
    .await
}
