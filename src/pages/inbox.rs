//! The inbox: what somebody was told of what they follow; and what that is.

use super::{Cache, follow::Follow, see_other, show};
use crate::{
    auth::session::Viewer,
    db::{
        acceptance::{self, Waiting},
        attention::{self, Decided},
        follows::{self, Followed},
        news::{self, News, Notice},
    },
    error::{Error, Result},
    extract::{Form, Member, Path, Query, Visit},
    render::{filters, news_words, number},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::{
    id::{ExperimentId, FollowId, NewsId},
    news::Kind,
};
use serde::Deserialize;

/// Notices, and things that are followed, on one page.
const SHOWN: i64 = 50;
/// Of what waits, and of what was decided.
const LISTED: i64 = 10;

#[derive(Debug, Template)]
#[template(path = "inbox.html")]
struct Inbox {
    visit: Visit,
    rows: Vec<Row>,
    unread_only: bool,
    /// The newest notice shown: what came later is not marked as read with it.
    newest: Option<NewsId>,
    /// The last notice shown, if there are older ones.
    older: Option<NewsId>,
    attention: Attention,
}

/// What waits for who reads, and what was decided about what they wrote: on the first page of the inbox.
#[derive(Debug, Default)]
struct Attention {
    unanswered: Vec<Waiting>,
    decided: Vec<Decided>,
    /// Of moderators.
    waiting: attention::Waiting,
}

impl Attention {
    async fn of(state: &AppState, viewer: &Viewer) -> Result<Self> {
        let pool = &state.pool;
        let newest = ExperimentId(i64::MAX);
        Ok(Self {
            unanswered: acceptance::waiting(pool, viewer.id, None, newest, LISTED).await?,
            decided: attention::decided(pool, viewer.id, LISTED).await?,
            waiting: match viewer.role.is_moderator() {
                true => attention::for_moderators(pool).await?,
                false => attention::Waiting::default(),
            },
        })
    }

    fn is_empty(&self) -> bool {
        self.unanswered.is_empty()
            && self.decided.is_empty()
            && self.waiting.additions + self.waiting.appeals == 0
    }
}

/// A row of the inbox: one notice, or all comments of one discussion that are on the page, read or unread.
#[derive(Debug)]
struct Row {
    newest: Notice,
    /// The older ones.
    others: Vec<Notice>,
}

impl Row {
    /// Comments of one discussion stand where the newest of them does.
    fn all(notices: Vec<Notice>) -> Vec<Self> {
        let mut rows: Vec<Self> = Vec::new();
        for notice in notices {
            match rows.iter_mut().find(|row| row.takes(&notice)) {
                Some(row) => row.others.push(notice),
                None => rows.push(Self {
                    newest: notice,
                    others: Vec::new(),
                }),
            }
        }
        rows
    }

    fn takes(&self, other: &Notice) -> bool {
        let place = |notice: &Notice| {
            let news = &notice.news;
            let is_comment = news.kind == Kind::Comment;
            is_comment.then_some((news.claim, news.experiment, notice.read_at.is_none()))
        };
        place(other).is_some_and(|there| place(&self.newest) == Some(there))
    }

    fn is_unread(&self) -> bool {
        self.newest.read_at.is_none()
    }

    fn any(&self, is: impl Fn(&Notice) -> bool) -> bool {
        is(&self.newest) || self.others.iter().any(is)
    }

    fn mentioned(&self) -> bool {
        self.any(|notice| notice.mentioned)
    }

    fn replied(&self) -> bool {
        self.any(|notice| notice.replied)
    }

    fn sentence(&self) -> String {
        match self.others.len() {
            0 => news_words::sentence(&self.newest.news),
            others => news_words::comments(&self.newest.news, others + 1),
        }
    }

    /// Where to begin reading: the first of them.
    fn first(&self) -> &News {
        &self.others.last().unwrap_or(&self.newest).news
    }

    /// Keys of all of them, with commas between.
    fn with(&self) -> String {
        let all = self.others.iter().chain([&self.newest]);
        let ids: Vec<String> = all.map(|notice| notice.news.id.to_string()).collect();
        ids.join(",")
    }
}

/// Which part of the inbox.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Part {
    before: Option<NewsId>,
    unread: Option<u8>,
}

/// What somebody was told, newest first.
pub async fn inbox(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Query(part): Query<Part>,
) -> Result<Response> {
    let unread_only = part.unread.is_some_and(|unread| unread > 0);
    let before = part.before.unwrap_or(NewsId(i64::MAX));
    let mut notices = news::inbox(&state.pool, viewer.id, unread_only, before, SHOWN + 1).await?;
    let more = notices.len() as i64 > SHOWN;
    notices.truncate(SHOWN as usize);
    let attention = match part.before.is_none() && !unread_only {
        true => Attention::of(&state, &viewer).await?,
        false => Attention::default(),
    };
    let page = Inbox {
        visit,
        attention,
        newest: notices.first().map(|notice| notice.news.id),
        older: notices.last().filter(|_| more).map(|last| last.news.id),
        rows: Row::all(notices),
        unread_only,
    };
    show(&page, Cache::Never)
}

/// Up to where everything was read.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Until {
    until: NewsId,
}

/// Marks everything up to the newest notice of the page as read.
pub async fn read_all(
    State(state): State<AppState>,
    Member(viewer): Member,
    Form(form): Form<Until>,
) -> Result<Response> {
    news::read_until(&state.pool, viewer.id, form.until).await?;
    Ok(see_other("/inbox"))
}

/// What else a row stands for.
#[derive(Debug, Default, Deserialize)]
pub struct With {
    #[serde(default)]
    with: String,
}

/// Marks a row as read, and goes to what it tells of.
pub async fn open(
    State(state): State<AppState>,
    Member(viewer): Member,
    Path(id): Path<NewsId>,
    Form(form): Form<With>,
) -> Result<Response> {
    let notice = news::notice(&state.pool, viewer.id, id)
        .await?
        .ok_or_else(|| Error::missing("notice", id))?;
    let others = form.with.split(',').filter_map(|id| id.parse().ok());
    let ids: Vec<NewsId> = others.take(SHOWN as usize).chain([id]).collect();
    news::read_these(&state.pool, viewer.id, &ids).await?;
    Ok(see_other(&news_words::address(&notice.news)))
}

#[derive(Debug, Template)]
#[template(path = "following.html")]
struct Following {
    visit: Visit,
    followed: Vec<(Followed, Follow)>,
    older: Option<FollowId>,
}

/// Where the list goes on.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Before {
    before: Option<FollowId>,
}

/// What somebody follows.
pub async fn following(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Query(from): Query<Before>,
) -> Result<Response> {
    let before = from.before.unwrap_or(FollowId(i64::MAX));
    let mut followed = follows::list(&state.pool, viewer.id, before, SHOWN + 1).await?;
    let more = followed.len() as i64 > SHOWN;
    followed.truncate(SHOWN as usize);
    let page = Following {
        visit,
        older: followed.last().filter(|_| more).map(|last| last.id),
        followed: followed
            .into_iter()
            .map(|followed| {
                let buttons = Follow::listed(&followed);
                (followed, buttons)
            })
            .collect(),
    };
    show(&page, Cache::Never)
}
