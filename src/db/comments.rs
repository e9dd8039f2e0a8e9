//! Posts in a thread.

use crate::render::{html::Html, markdown};
use breakmywork_protocol::id::{AccountId, ClaimId, CommentId, ExperimentId, ThreadId};
use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

pub mod moderation;
mod page;
pub mod reactions;
pub mod versions;

pub use page::{Limits, Order, Page, Place, Reading, Whose, begins_with, page, rows};

/// Longest comment, in characters, as the table's constraint has it.
pub const LONGEST: usize = 20_000;

/// A post as it is shown.
#[derive(Debug, Clone)]
pub struct Comment {
    /// Key and permalink.
    pub id: CommentId,
    /// Who wrote it; none for a result.
    pub author: Option<String>,
    /// comment, result or opening.
    pub kind: String,
    /// The experiment whose result this is, or that was opened.
    pub experiment: Option<ExperimentId>,
    /// The result's outcome.
    pub outcome: Option<String>,
    /// Markdown as typed.
    pub body: String,
    /// The same as sanitised HTML, if it was rendered.
    pub html: Option<String>,
    /// Version of the renderer that made it.
    pub html_version: Option<i16>,
    /// When it was posted.
    pub created_at: DateTime<Utc>,
    /// How often it was written: 1 if it was never edited.
    pub version: i32,
    /// When it was edited last.
    pub edited_at: Option<DateTime<Utc>>,
    /// When its author deleted it.
    pub deleted_at: Option<DateTime<Utc>>,
    /// The post that it answers.
    pub reply_to: Option<CommentId>,
    /// That one's kind.
    pub answered_kind: Option<String>,
    /// Who wrote that one.
    pub answered_author: Option<String>,
    /// How deep it stands: 0 for the first of a conversation, 1 for an answer to that, 2 for all further ones.
    pub depth: i32,
    /// When it was hidden.
    pub hidden_at: Option<DateTime<Utc>>,
    /// By whom.
    pub hidden_by: Option<String>,
    /// Why.
    pub hidden_reason: Option<String>,
    /// What its author says against that.
    pub appeal: Option<String>,
    /// Why it stays hidden all the same.
    pub appeal_answer: Option<String>,
    /// How many agree.
    pub agrees: i32,
    /// How many doubt it.
    pub doubts: i32,
    /// How many are thankful for it.
    pub thanks: i32,
}

impl Comment {
    /// What it says, rendered: as it was kept, or now.
    pub fn rendered(&self) -> Html {
        match &self.html {
            Some(html) => Html::kept(html.clone()),
            None => markdown::html(&self.body),
        }
    }

    /// Its permalink.
    pub fn address(&self) -> String {
        format!("/comments/{}", self.id)
    }

    /// Whether everybody may read what it says.
    pub fn is_readable(&self) -> bool {
        self.hidden_at.is_none() && self.deleted_at.is_none()
    }

    /// Who posted it, in words.
    pub fn by(&self) -> &str {
        match (&self.author, self.kind.as_str()) {
            (Some(author), _) => author,
            (None, "comment") => "somebody",
            (None, _) => "the machine",
        }
    }

    /// Who posted what it answers, in words.
    pub fn answered(&self) -> &str {
        match (&self.answered_author, self.answered_kind.as_deref()) {
            (Some(author), _) => author,
            (None, Some("comment")) => "somebody",
            (None, _) => "the machine",
        }
    }

    /// Whether a person wrote it, and it is there to be read by everybody.
    pub fn is_open(&self) -> bool {
        self.kind == "comment" && self.is_readable()
    }
}

/// Posts a comment; none if there is no such thread.
pub async fn create(
    db: impl PgExecutor<'_>,
    thread: ThreadId,
    author: AccountId,
    body: &str,
    html: &Html,
    reply_to: Option<CommentId>,
) -> sqlx::Result<Option<CommentId>> {
    sqlx::query_scalar!(
        r#"insert into comment (thread_id, author_id, body, html, html_version, reply_to)
           select id, $2, $3, $4, $5, $6 from thread where id = $1
             and not exists (select from claim where thread_id = thread.id and moderation <> 'shown')
           returning id as "id: CommentId""#,
        thread.0,
        author.0,
        body,
        html.as_str(),
        markdown::VERSION,
        reply_to as Option<CommentId>,
    )
    .fetch_optional(db)
    .await
}

/// Keeps the rendered form of a post; what another process rendered by a later version stays.
pub async fn keep_html(
    db: impl PgExecutor<'_>,
    comment: CommentId,
    html: &Html,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update comment set html = $2, html_version = $3
         where id = $1 and (html_version is null or html_version < $3)",
        comment.0,
        html.as_str(),
        markdown::VERSION,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Some posts that the present renderer has not rendered yet.
pub async fn to_render(
    db: impl PgExecutor<'_>,
    limit: i64,
) -> sqlx::Result<Vec<(CommentId, ThreadId, String)>> {
    let rows = sqlx::query!(
        r#"select id as "id: CommentId", thread_id as "thread: ThreadId", body from comment
           where html_version is null or html_version < $1 limit $2"#,
        markdown::VERSION,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.id, row.thread, row.body))
        .collect())
}

/// Whether that person posted just that in that thread within the last minute: a form sent twice.
pub async fn just_posted(
    db: impl PgExecutor<'_>,
    thread: ThreadId,
    author: AccountId,
    body: &str,
    reply_to: Option<CommentId>,
) -> sqlx::Result<Option<CommentId>> {
    sqlx::query_scalar!(
        r#"select id as "id: CommentId" from comment
           where thread_id = $1 and author_id = $2 and body = $3 and reply_to is not distinct from $4
             and created_at > now() - interval '1 minute'
           order by id desc limit 1"#,
        thread.0,
        author.0,
        body,
        reply_to as Option<CommentId>,
    )
    .fetch_optional(db)
    .await
}

/// Comments that person posted within the last minute, for the limit.
pub async fn recent(db: impl PgExecutor<'_>, author: AccountId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from comment
           where author_id = any (accounts_of($1)) and created_at > now() - interval '1 minute'"#,
        author.0,
    )
    .fetch_one(db)
    .await
}

/// What a thread discusses.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    /// A claim.
    pub claim: Option<ClaimId>,
    /// Or an experiment.
    pub experiment: Option<ExperimentId>,
}

impl Subject {
    /// Address of the page that shows the thread.
    pub fn address(&self) -> String {
        match (self.experiment, self.claim) {
            (Some(id), _) => format!("/experiments/{id}"),
            (None, Some(id)) => format!("/claims/{id}"),
            (None, None) => "/".to_owned(),
        }
    }
}

/// What a thread discusses; none if there is no such thread.
pub async fn subject(db: impl PgExecutor<'_>, thread: ThreadId) -> sqlx::Result<Option<Subject>> {
    sqlx::query_as!(
        Subject,
        r#"select claim.id as "claim?: ClaimId", experiment.id as "experiment?: ExperimentId"
           from thread
           left join claim on claim.thread_id = thread.id
           left join experiment on experiment.thread_id = thread.id
           where thread.id = $1 and claim.moderation is distinct from 'waiting' and claim.moderation is distinct from 'declined'"#,
        thread.0,
    )
    .fetch_optional(db)
    .await
}

/// The thread a comment is in.
pub async fn thread_of(
    db: impl PgExecutor<'_>,
    comment: CommentId,
) -> sqlx::Result<Option<ThreadId>> {
    sqlx::query_scalar!(
        r#"select thread_id as "thread: ThreadId" from comment where id = $1"#,
        comment.0,
    )
    .fetch_optional(db)
    .await
}
