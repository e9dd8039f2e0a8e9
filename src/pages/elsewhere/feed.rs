//! Atom feeds: the newest verdicts, what is new of a claim, the thread of an experiment.

use super::show;
use crate::{
    db::{
        comments::Comment,
        news::{self, News},
    },
    discussion,
    error::{Error, Result},
    extract::Path,
    middleware::csp::Elsewhere,
    render::{filters, news_words, time},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::{ClaimId, CommentId, ExperimentId, NewsId};
use breakmywork_protocol::record::Head;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

const ATOM: &str = "application/atom+xml; charset=utf-8";

/// Entries of a feed; readers keep the older ones.
const ENTRIES: i64 = 30;

/// A feed. Identifiers are `tag:` addresses (RFC 4151): they stay when the pages move.
#[derive(Debug, Template)]
#[template(path = "feed.xml")]
struct Feed {
    id: String,
    title: String,
    /// The board's own address, from which the links in posts go on.
    home: String,
    /// Its own address.
    own: String,
    /// Address of the page that it follows.
    page: String,
    updated: DateTime<Utc>,
    /// With what the record ended when that was looked at last: kept by readers, out of this site's reach.
    head: Option<Head>,
    entries: Vec<Entry>,
}

/// Something that happened.
#[derive(Debug)]
struct Entry {
    id: String,
    title: String,
    url: String,
    at: DateTime<Utc>,
    author: String,
    /// The verdict, in one word.
    outcome: Option<String>,
    /// HTML.
    content: String,
}

/// What a feed is of.
struct Of {
    title: String,
    path: String,
    since: DateTime<Utc>,
    news: Vec<NewsId>,
}

/// The newest verdicts of the board.
pub async fn site(State(state): State<AppState>) -> Result<Response> {
    let of = Of {
        title: "Break My Work: verdicts".to_owned(),
        path: String::new(),
        since: news::begin(&state.pool).await?.unwrap_or_default(),
        news: news::verdicts(&state.pool, ENTRIES).await?,
    };
    feed(&state, of).await
}

/// The verdicts on a claim, what became of it, and its discussion.
pub async fn claim(State(state): State<AppState>, Path(id): Path<ClaimId>) -> Result<Response> {
    let claim = news::claim_head(&state.pool, id)
        .await?
        .ok_or_else(|| Error::missing("claim", id))?;
    let of = Of {
        title: format!("Claim {}", claim.title),
        path: format!("/claims/{id}"),
        since: claim.since,
        news: news::of_claim(&state.pool, id, ENTRIES).await?,
    };
    feed(&state, of).await
}

/// The thread of an experiment, its result, and what else became of it.
pub async fn experiment(
    State(state): State<AppState>,
    Path(id): Path<ExperimentId>,
) -> Result<Response> {
    let experiment = news::experiment_head(&state.pool, id)
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    let of = Of {
        title: format!("Experiment {id}: {}", experiment.title),
        path: format!("/experiments/{id}"),
        since: experiment.since,
        news: news::of_experiment(&state.pool, id, ENTRIES).await?,
    };
    feed(&state, of).await
}

async fn feed(state: &AppState, of: Of) -> Result<Response> {
    let news = news::rows(&state.pool, &of.news).await?;
    let posts: Vec<CommentId> = news.iter().filter_map(|news| news.comment).collect();
    let mut posts: BTreeMap<CommentId, Comment> = discussion::posts(&state.pool, &posts)
        .await?
        .into_iter()
        .map(|post| (post.id, post))
        .collect();
    let authority = state.settings.host();
    let entries: Vec<Entry> = news
        .into_iter()
        .filter_map(|news| {
            let post = news.comment.and_then(|post| posts.remove(&post));
            entry(state, &authority, news, post)
        })
        .collect();
    let feed = Feed {
        id: tag(&authority, of.since, &format!("{}/feed", of.path)),
        title: of.title,
        home: state.settings.address("/"),
        own: state.settings.address(&format!("{}/feed.atom", of.path)),
        page: state.settings.address(match of.path.as_str() {
            "" => "/",
            path => path,
        }),
        updated: entries.first().map_or(of.since, |entry| entry.at),
        head: state.noted.head(),
        entries,
    };
    show(StatusCode::OK, ATOM, Elsewhere::Picture, &feed)
}

/// None of a post that a moderator hid or its author deleted.
fn entry(state: &AppState, authority: &str, news: News, post: Option<Comment>) -> Option<Entry> {
    if post.as_ref().is_some_and(|post| !post.is_readable()) {
        return None;
    }
    let author = news.actor.as_deref().unwrap_or("Break My Work").to_owned();
    Some(Entry {
        id: tag(authority, news.created_at, &format!("/news/{}", news.id)),
        title: format!(
            "{}. {}",
            news_words::sentence(&news),
            news_words::subject(&news)
        ),
        url: state.settings.address(&news_words::address(&news)),
        at: news.created_at,
        author,
        content: match post {
            Some(post) => post.rendered().to_string(),
            None => String::new(),
        },
        outcome: news.outcome,
    })
}

/// A `tag:` address of something on this board that began on that day.
fn tag(authority: &str, at: DateTime<Utc>, what: &str) -> String {
    format!("tag:{authority},{}:{what}", at.format("%Y-%m-%d"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_name_the_host_and_the_day() {
        let at = DateTime::from_timestamp(1_790_000_000, 0).expect("a time");
        assert_eq!(tag("a.org", at, "/news/7"), "tag:a.org,2026-09-21:/news/7");
    }
}
