//! The discussion of a claim or an experiment.

pub mod history;
pub mod moderate;
pub mod react;
pub mod write;

use super::see_other;
use crate::{
    db::comments::{
        self, Comment, Limits, Order, Place, Reading, Whose,
        moderation::{self, Lock},
        reactions::{self, Reaction},
    },
    db::pins::{self, CommentPin},
    discussion,
    error::{Error, Result},
    extract::Path,
    state::AppState,
};
use axum::{extract::State, response::Response};
use breakmywork_protocol::id::{AccountId, CommentId, ThreadId};
use serde::Deserialize;
use sqlx::PgPool;
use std::collections::HashSet;

/// How much of a thread one page shows.
const SHOWN: Limits = Limits {
    posts: 40,
    bytes: 20_000,
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
    /// Why nobody may post to it.
    pub(super) lock: Option<Lock>,
    /// What its reader thinks of them.
    pub(super) own: HashSet<(CommentId, Reaction)>,
    /// Numbers of runs that they pin.
    pub(super) pins: Vec<CommentPin>,
    /// How it is shown.
    pub(super) sort: Sort,
    pub(super) show: Show,
}

impl Thread {
    /// What a post pins.
    pub(super) fn pins(&self, post: &Comment) -> Vec<&CommentPin> {
        let of_it = |pin: &&CommentPin| pin.comment == post.id;
        self.pins.iter().filter(of_it).collect()
    }

    /// What may be said to a post, how many say so, and what to send to say it or to take it back.
    pub(super) fn reactions(&self, post: &Comment) -> [Said; 3] {
        Reaction::ALL.map(|reaction| {
            let said = self.own.contains(&(post.id, reaction));
            let (word, times) = match reaction {
                Reaction::Agree => ("Agree", post.agrees),
                Reaction::Doubt => ("Doubt", post.doubts),
                Reaction::Thanks => ("Thanks", post.thanks),
            };
            Said {
                word,
                times,
                said,
                value: format!("{}{}", if said { "not-" } else { "" }, reaction.name()),
            }
        })
    }

    /// Whether there is nothing in it, however it is shown.
    pub(super) fn is_empty(&self) -> bool {
        self.comments.is_empty()
            && self.earlier.is_none()
            && self.later.is_none()
            && self.show == Show::All
    }

    /// Whether what is asked for has nothing in it, though the thread may have.
    pub(super) fn shows_nothing(&self) -> bool {
        self.comments.is_empty() && self.earlier.is_none() && self.later.is_none()
    }

    /// The other ways to show it, and this one: by order, and by whose posts.
    pub(super) fn views(&self) -> [Vec<View>; 2] {
        let orders = [
            (Sort::Conversation, "Conversations"),
            (Sort::Newest, "Newest first"),
        ];
        let kinds = [
            (Show::All, "Everything"),
            (Show::People, "People"),
            (Show::Results, "Results"),
        ];
        let by_order = orders.map(|(sort, name)| View {
            name,
            address: query(sort, self.show, None),
            current: sort == self.sort,
        });
        let by_kind = kinds.map(|(show, name)| View {
            name,
            address: query(self.sort, show, None),
            current: show == self.show,
        });
        [by_order.into(), by_kind.into()]
    }

    /// The same from a post on: what comes `after` it, or `before`.
    pub(super) fn address(&self, side: &str, post: &CommentId) -> String {
        query(self.sort, self.show, Some((side, *post)))
    }

    pub(super) fn earlier_word(&self) -> &'static str {
        match self.sort {
            Sort::Conversation => "Earlier comments",
            Sort::Newest => "Newer comments",
        }
    }

    pub(super) fn later_word(&self) -> &'static str {
        match self.sort {
            Sort::Conversation => "Later comments",
            Sort::Newest => "Older comments",
        }
    }
}

/// A word that a reader may say to a post.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) word: &'static str,
    pub(super) times: i32,
    /// Whether this reader says so.
    pub(super) said: bool,
    pub(super) value: String,
}

/// A way to show a thread.
#[derive(Debug)]
pub(super) struct View {
    pub(super) name: &'static str,
    pub(super) address: String,
    pub(super) current: bool,
}

fn query(sort: Sort, show: Show, from: Option<(&str, CommentId)>) -> String {
    let mut query = Vec::new();
    if let Some((side, post)) = from {
        query.push(format!("{side}={post}"));
    }
    if sort == Sort::Newest {
        query.push("sort=newest".to_owned());
    }
    match show {
        Show::All => {}
        Show::People => query.push("show=people".to_owned()),
        Show::Results => query.push("show=results".to_owned()),
    }
    format!("?{}", query.join("&"))
}

/// In which order a discussion is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// Oldest conversations first, with what answers below.
    #[default]
    Conversation,
    /// The newest post first.
    Newest,
}

/// Whose posts are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Show {
    /// Everybody's.
    #[default]
    All,
    /// Those of people.
    People,
    /// Those of the machine.
    Results,
}

impl Show {
    pub(crate) fn whose(self) -> Whose {
        match self {
            Self::All => Whose::All,
            Self::People => Whose::People,
            Self::Results => Whose::Machine,
        }
    }
}

/// Where a page of the thread starts, and how it is shown; part of every page that shows one.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct From {
    after: Option<i64>,
    before: Option<i64>,
    at: Option<i64>,
    #[serde(default)]
    sort: Sort,
    #[serde(default)]
    show: Show,
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
pub async fn load(
    pool: &PgPool,
    id: ThreadId,
    from: From,
    reader: Option<AccountId>,
) -> Result<Thread> {
    let reading = Reading {
        place: from.place(),
        limits: SHOWN,
        order: match from.sort {
            Sort::Conversation => Order::Conversation,
            Sort::Newest => Order::Newest,
        },
        whose: from.show.whose(),
    };
    let page = discussion::read(pool, id, reading).await?;
    let shown: Vec<CommentId> = page.comments.iter().map(|post| post.id).collect();
    let own = match reader {
        Some(reader) => reactions::of(pool, reader, &shown).await?,
        None => Vec::new(),
    };
    // Past an end, the way back leads to what is nearest.
    let first = page.comments.first().map(|first| first.id);
    let last = page.comments.last().map(|last| last.id);
    let earlier = first.or(Some(CommentId(i64::MAX)));
    let later = last.or(Some(CommentId(0)));
    Ok(Thread {
        id,
        earlier: earlier.filter(|_| page.earlier),
        later: later.filter(|_| page.later),
        own: own.into_iter().collect(),
        pins: pins::of(pool, &shown).await?,
        comments: page.comments,
        lock: moderation::locked(pool, id).await?,
        sort: from.sort,
        show: from.show,
    })
}

/// The permalink of a comment.
pub async fn permalink(
    State(state): State<AppState>,
    Path(id): Path<CommentId>,
) -> Result<Response> {
    Ok(see_other(&link(&state.pool, id).await?))
}

/// Where a comment is to be seen among its neighbours.
pub(super) async fn link(pool: &PgPool, id: CommentId) -> Result<String> {
    let missing = || Error::missing("comment", id);
    let thread = comments::thread_of(pool, id).await?.ok_or_else(missing)?;
    address_of(pool, thread, id).await
}

/// The page that shows a thread.
async fn address(pool: &PgPool, thread: ThreadId) -> Result<String> {
    let subject = comments::subject(pool, thread).await?;
    let subject = subject.ok_or_else(|| Error::missing("discussion", thread))?;
    Ok(subject.address())
}

/// Where a comment in that thread is to be seen.
async fn address_of(pool: &PgPool, thread: ThreadId, id: CommentId) -> Result<String> {
    let at = match comments::begins_with(pool, thread, id, SHOWN).await? {
        true => String::new(),
        false => format!("?at={id}"),
    };
    Ok(format!("{}{at}#comment-{id}", address(pool, thread).await?))
}
