//! A page of a thread: bounded in posts and in bytes, wherever it begins.

use super::Comment;
use breakmywork_protocol::id::{CommentId, ExperimentId, ThreadId};
use sqlx::PgPool;
use std::collections::HashMap;

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

/// In which order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// Each first comment by time, with what answers it below it.
    #[default]
    Conversation,
    /// By time, the oldest first.
    Oldest,
    /// By time, the newest first.
    Newest,
}

/// Whose posts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Whose {
    /// Everybody's.
    #[default]
    All,
    /// Those of people.
    People,
    /// Those of the machine: results, and what was opened.
    Machine,
}

/// What is read of a thread, and how.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// From where.
    pub place: Place,
    /// How much.
    pub limits: Limits,
    /// In which order.
    pub order: Order,
    /// Whose posts.
    pub whose: Whose,
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

/// Where a post stands: its conversation, its branch, its number. By time only the number counts.
type Spot = [i64; 3];

/// Reads a page of a thread.
///
/// # Errors
/// If the database is away.
pub async fn page(pool: &PgPool, thread: ThreadId, reading: Reading) -> sqlx::Result<Page> {
    let limits = reading.limits;
    let from = match reading.place {
        Place::After(post) | Place::Before(post) | Place::Around(post) if post.0 <= 0 => [0; 3],
        Place::After(post) | Place::Before(post) | Place::Around(post) => {
            spot(pool, thread, post).await?
        }
    };
    let spots = match reading.place {
        Place::After(_) => after(pool, thread, from, reading, limits).await?,
        Place::Before(_) => before(pool, thread, from, reading, limits).await?,
        Place::Around(_) => {
            let context = before(pool, thread, from, reading, CONTEXT).await?;
            let [root, branch, id] = context.first().copied().unwrap_or(from);
            after(pool, thread, [root, branch, id - 1], reading, limits).await?
        }
    };
    let (Some(first), Some(last)) = (spots.first().copied(), spots.last().copied()) else {
        // Past an end: there may be something the other way.
        let backwards = matches!(reading.place, Place::Before(_));
        let any = from != [0; 3] && !after(pool, thread, [0; 3], reading, ONE).await?.is_empty();
        return Ok(Page {
            comments: Vec::new(),
            earlier: any && !backwards,
            later: any && backwards,
        });
    };
    let ids: Vec<CommentId> = spots.iter().map(|[_, _, id]| CommentId(*id)).collect();
    Ok(Page {
        comments: rows(pool, &ids).await?,
        earlier: from != [0; 3] && !before(pool, thread, first, reading, ONE).await?.is_empty(),
        later: !after(pool, thread, last, reading, ONE).await?.is_empty(),
    })
}

/// Whether there is anything.
const ONE: Limits = Limits { posts: 1, bytes: 0 };

/// Whether the first page of a thread, as it is shown by itself, has that post.
///
/// # Errors
/// If the database is away.
pub async fn begins_with(
    pool: &PgPool,
    thread: ThreadId,
    post: CommentId,
    limits: Limits,
) -> sqlx::Result<bool> {
    let reading = Reading {
        place: Place::After(CommentId(0)),
        limits,
        order: Order::Conversation,
        whose: Whose::All,
    };
    let first = after(pool, thread, [0; 3], reading, limits).await?;
    Ok(first.iter().any(|[_, _, id]| *id == post.0))
}

/// Where a post stands, or would if it were there.
async fn spot(pool: &PgPool, thread: ThreadId, post: CommentId) -> sqlx::Result<Spot> {
    let row = sqlx::query!(
        "select root_id, branch_id from comment where id = $1 and thread_id = $2",
        post.0,
        thread.0,
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map_or([post.0; 3], |row| [row.root_id, row.branch_id, post.0]))
}

/// The posts after that spot, in their order: as many as fit, by their sizes alone, and at least one.
async fn after(
    pool: &PgPool,
    thread: ThreadId,
    spot: Spot,
    reading: Reading,
    limits: Limits,
) -> sqlx::Result<Vec<Spot>> {
    let spot = match reading.order {
        // Before the first of them is what is newer than any.
        Order::Newest if spot[2] <= 0 => [i64::MAX; 3],
        _ => spot,
    };
    match (reading.order, reading.whose) {
        (_, Whose::Machine) if spot[2] == i64::MAX || spot[2] <= 0 => {
            machine(pool, thread, limits).await
        }
        (_, Whose::Machine) => Ok(Vec::new()),
        (Order::Conversation, _) => down(pool, thread, spot, reading, limits).await,
        (Order::Oldest, _) => later(pool, thread, spot, reading, limits).await,
        (Order::Newest, _) => earlier(pool, thread, spot, reading, limits).await,
    }
}

/// The posts before that spot, in their order, those nearest to it: as many as fit, and at least one.
async fn before(
    pool: &PgPool,
    thread: ThreadId,
    spot: Spot,
    reading: Reading,
    limits: Limits,
) -> sqlx::Result<Vec<Spot>> {
    let mut spots = match (reading.order, reading.whose) {
        (_, Whose::Machine) => Vec::new(),
        (Order::Conversation, _) => up(pool, thread, spot, reading, limits).await?,
        (Order::Oldest, _) => earlier(pool, thread, spot, reading, limits).await?,
        (Order::Newest, _) => later(pool, thread, spot, reading, limits).await?,
    };
    spots.reverse();
    Ok(spots)
}

/// What the machine posted, of which there is little in any thread: a result and an opening for each experiment.
async fn machine(pool: &PgPool, thread: ThreadId, limits: Limits) -> sqlx::Result<Vec<Spot>> {
    let ids = sqlx::query_scalar!(
        "select id from comment where thread_id = $1 and kind <> 'comment' order by id limit $2",
        thread.0,
        limits.posts,
    )
    .fetch_all(pool)
    .await?;
    Ok(ids.into_iter().map(|id| [id, 0, id]).collect())
}

/// A walk along one of the thread's indexes, which ends where the posts do not fit any more.
macro_rules! walk {
    ($name:ident, $doc:literal, $beyond:tt, $order:tt, $($at:literal),+) => {
        #[doc = $doc]
        async fn $name(
            pool: &PgPool,
            thread: ThreadId,
            spot: Spot,
            reading: Reading,
            limits: Limits,
        ) -> sqlx::Result<Vec<Spot>> {
            let rows = sqlx::query!(
                r#"with near as (
                     select id, root_id, branch_id,
                       coalesce(octet_length(html), least(6 * octet_length(body), $5::bigint)) as bytes
                     from comment where thread_id = $1 and (kind = 'comment' or $2) and "#
                    + $beyond + " order by " + $order
                    + r#" limit $3
                   ), counted as (
                     select *, sum(bytes) over (order by "# + $order + r#") as reached,
                       row_number() over (order by "# + $order + r#") as place
                     from near
                   )
                   select root_id as "root!", branch_id as "branch!", id as "id!" from counted where place = 1 or reached <= $4::bigint order by "#
                    + $order,
                thread.0,
                reading.whose == Whose::All,
                limits.posts,
                limits.bytes,
                UNRENDERED,
                $(spot[$at]),+
            )
            .fetch_all(pool)
            .await?;
            Ok(rows
                .into_iter()
                .map(|row| [row.root, row.branch, row.id])
                .collect())
        }
    };
}

walk!(
    down,
    "Down the conversations.",
    "(root_id, branch_id, id) > ($6, $7, $8)",
    "root_id, branch_id, id",
    0,
    1,
    2
);
walk!(
    up,
    "Up the conversations, the nearest first.",
    "(root_id, branch_id, id) < ($6, $7, $8)",
    "root_id desc, branch_id desc, id desc",
    0,
    1,
    2
);
walk!(
    later,
    "What came after, the nearest first.",
    "id > $6",
    "id",
    2
);
walk!(
    earlier,
    "What came before, the nearest first.",
    "id < $6",
    "id desc",
    2
);

/// These posts, in the order of the numbers.
///
/// # Errors
/// If the database is away.
pub async fn rows(db: impl sqlx::PgExecutor<'_>, ids: &[CommentId]) -> sqlx::Result<Vec<Comment>> {
    let numbers: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query_as!(
        Comment,
        r#"select comment.id as "id!: CommentId", author.name as "author?",
             comment.kind as "kind!", comment.experiment_id as "experiment?: ExperimentId", outcome as "outcome?",
             comment.body as "body!", comment.html as "html?", comment.html_version as "html_version?",
             comment.created_at as "created_at!", comment.version as "version!", comment.edited_at as "edited_at?",
             comment.deleted_at as "deleted_at?", comment.reply_to as "reply_to?: CommentId",
             answered.kind as "answered_kind?", answered_author.name as "answered_author?",
             case when comment.branch_id = 0 then 0 when comment.branch_id = comment.id then 1 else 2 end as "depth!",
             comment.hidden_at as "hidden_at?", hider.name as "hidden_by?", comment.hidden_reason as "hidden_reason?",
             comment.appeal as "appeal?", comment.appeal_answer as "appeal_answer?",
             comment.agrees as "agrees!", comment.doubts as "doubts!", comment.thanks as "thanks!"
           from comment
           left join account author on author.id = comment.author_id
           left join account hider on hider.id = comment.hidden_by
           left join comment answered on answered.id = comment.reply_to
           left join account answered_author on answered_author.id = answered.author_id
           left join verdict on verdict.experiment_id = comment.experiment_id and comment.kind = 'result'
           where comment.id = any ($1)"#,
        &numbers,
    )
    .fetch_all(db)
    .await?;
    let mut rows: HashMap<CommentId, Comment> = rows.into_iter().map(|row| (row.id, row)).collect();
    Ok(ids.iter().filter_map(|id| rows.remove(id)).collect())
}
