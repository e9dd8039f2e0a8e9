//! Posting comments and reading them: what pages and REST have in common.

pub mod edits;
pub mod moderation;
pub mod reactions;

use crate::db::comments::{self, Comment, Page, Reading};
use crate::db::{self, accounts, references};
use crate::error::{Error, Result};
use crate::heavy;
use crate::pins::{self, Pin, Pinned};
use crate::render::{
    html::Html,
    markdown::{self, references::Known},
    number,
};
use breakmywork_protocol::id::{AccountId, CommentId, ThreadId};
use breakmywork_protocol::{news, visible};
use sqlx::{PgConnection, PgPool};
use std::collections::BTreeSet;

/// Comments of one person within a minute: a person cannot write more, a script should not.
const PER_MINUTE: i64 = 20;

/// A comment that can be posted: its text and what that becomes on the page.
#[derive(Debug, Clone)]
pub struct Written {
    text: String,
    html: Html,
    /// Names of those whom it mentions.
    people: Vec<String>,
    /// Numbers that it pins.
    pins: Vec<Pinned>,
    reply_to: Option<CommentId>,
}

impl Written {
    /// The same as an answer to another one in its thread.
    pub fn answering(mut self, comment: Option<CommentId>) -> Self {
        self.reply_to = comment;
        self
    }

    /// The text as it is stored.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same, rendered.
    pub fn html(&self) -> &Html {
        &self.html
    }

    /// Numbers of runs that it pins.
    pub fn pins(&self) -> &[Pinned] {
        &self.pins
    }
}

/// Checks and renders a comment for that thread, before any transaction begins.
///
/// # Errors
/// A sentence for the person who wrote it; or a fault of ours.
pub async fn written(
    pool: &PgPool,
    thread: ThreadId,
    body: &str,
) -> Result<Result<Written, String>> {
    let text = match checked(body) {
        Ok(text) => text.to_owned(),
        Err(detail) => return Ok(Err(detail)),
    };
    let (text, numbers, mut known) = known(pool, thread, text).await?;
    let pins = match pins::resolve(pool, &numbers).await? {
        Ok(pins) => pins,
        Err(detail) => return Ok(Err(detail)),
    };
    let written = |pinned: &Pinned| (pinned.pin.clone(), number::value(pinned.value));
    known.numbers = pins.iter().map(written).collect();
    heavy::run(move || {
        let html = markdown::bounded(&text, &known)?;
        let people = known.people.into_iter().collect();
        Ok(Written {
            text,
            html,
            people,
            pins,
            reply_to: None,
        })
    })
    .await
}

/// What a text in that thread names and exists, but for the numbers of runs that it names; with the text.
async fn known(
    pool: &PgPool,
    thread: ThreadId,
    text: String,
) -> Result<(String, BTreeSet<Pin>, Known)> {
    let (text, named) = heavy::run(move || {
        let named = markdown::named(&text);
        (text, named)
    })
    .await?;
    let known = references::known(pool, thread, &named).await?;
    Ok((text, named.numbers, known))
}

/// A page of a thread with every post rendered. What is rendered for it is kept, so that it is done once.
///
/// # Errors
/// If the database is away.
pub async fn read(pool: &PgPool, thread: ThreadId, reading: Reading) -> Result<Page> {
    let mut page = comments::page(pool, thread, reading).await?;
    for comment in page.comments.iter_mut().filter(|comment| is_stale(comment)) {
        render(pool, thread, comment).await?;
    }
    Ok(page)
}

/// One post, rendered.
///
/// # Errors
/// If there is none.
pub async fn read_one(pool: &PgPool, id: CommentId) -> Result<Comment> {
    let mut posts = posts(pool, &[id]).await?;
    posts.pop().ok_or_else(|| Error::missing("comment", id))
}

/// These posts, wherever they stand, rendered and kept so.
///
/// # Errors
/// If the database is away.
pub async fn posts(pool: &PgPool, ids: &[CommentId]) -> Result<Vec<Comment>> {
    let mut posts = comments::rows(pool, ids).await?;
    for post in posts.iter_mut().filter(|post| is_stale(post)) {
        if let Some(thread) = comments::thread_of(pool, post.id).await? {
            render(pool, thread, post).await?;
        }
    }
    Ok(posts)
}

async fn render(pool: &PgPool, thread: ThreadId, post: &mut Comment) -> Result<()> {
    let html = rendered(pool, thread, post.id, post.body.clone()).await?;
    post.html = Some(html.to_string());
    Ok(())
}

fn is_stale(comment: &Comment) -> bool {
    comment.html_version != Some(markdown::VERSION)
}

/// Renders a post that is stored already, and keeps that.
async fn rendered(pool: &PgPool, thread: ThreadId, id: CommentId, body: String) -> Result<Html> {
    let (body, numbers, mut known) = known(pool, thread, body).await?;
    if !numbers.is_empty() {
        // As they were pinned, whatever they would be now.
        let pinned = db::pins::of(pool, &[id]).await?;
        let written = pinned
            .iter()
            .map(|one| (one.pin(), number::value(one.value)));
        known.numbers = written.collect();
    }
    let html = heavy::run(move || markdown::linked(&body, &known)).await?;
    comments::keep_html(pool, id, &html).await?;
    Ok(html)
}

/// Renders some of the posts that the present renderer has not rendered; says whether there may be more.
///
/// # Errors
/// If the database is away.
pub async fn render_some(pool: &PgPool) -> Result<bool> {
    const AT_ONCE: i64 = 20;
    let posts = comments::to_render(pool, AT_ONCE).await?;
    let more = posts.len() as i64 == AT_ONCE;
    for (id, thread, body) in posts {
        rendered(pool, thread, id, body).await?;
    }
    Ok(more)
}

/// Posts `author`'s comment to a thread.
///
/// # Errors
/// Too many within a minute, a locked or no such thread, or an answer to what is not in it.
pub async fn post(
    tx: &mut PgConnection,
    thread: ThreadId,
    author: AccountId,
    comment: &Written,
) -> Result<CommentId> {
    accounts::lock(tx, author).await?;
    moderation::open(tx, thread).await?;
    if comments::recent(&mut *tx, author).await? >= PER_MINUTE {
        return Err(Error::TooMany {
            detail: format!(
                "You posted {PER_MINUTE} comments within a minute. Wait a minute, then post this one."
            ),
            retry_after: 60,
        });
    }
    let answered = match comment.reply_to {
        Some(other) => comments::thread_of(&mut *tx, other).await?,
        None => Some(thread),
    };
    if answered != Some(thread) {
        let detail =
            "There is no such comment in this discussion. Leave `reply_to` out to begin a new one.";
        return Err(Error::field("/reply_to", detail));
    }
    let Written {
        text,
        html,
        people,
        pins,
        reply_to,
    } = comment;
    let id = comments::create(&mut *tx, thread, author, text, html, *reply_to)
        .await?
        .ok_or_else(|| Error::missing("thread", thread))?;
    db::pins::keep(&mut *tx, id, pins).await?;
    let news = news::of_post(&mut *tx, id).await?;
    news::mention(tx, news, people).await?;
    Ok(id)
}

/// Posts a comment that came from a form: one that was sent twice is posted once.
///
/// # Errors
/// As [`post`].
pub async fn post_once(
    tx: &mut PgConnection,
    thread: ThreadId,
    author: AccountId,
    comment: &Written,
) -> Result<CommentId> {
    accounts::lock(tx, author).await?;
    match comments::just_posted(&mut *tx, thread, author, &comment.text, comment.reply_to).await? {
        Some(twin) => Ok(twin),
        None => post(tx, thread, author, comment).await,
    }
}

/// The text as it is stored, or what is wrong with it.
///
/// # Errors
/// A sentence for the person who wrote it.
pub fn checked(body: &str) -> Result<&str, String> {
    let body = body.trim();
    if !visible::is_there(body) {
        return Err("Write something first.".into());
    }
    let length = body.chars().count();
    if length > comments::LONGEST {
        return Err(format!(
            "A comment has at most {} characters; this one has {length}. Shorten it, or post it in parts.",
            comments::LONGEST
        ));
    }
    if body.contains('\0') {
        return Err("A comment must not contain a NUL character.".into());
    }
    Ok(body)
}
