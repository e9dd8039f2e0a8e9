//! Papers and posts under test.

use super::{Cache, follow::Follow, show};
use crate::{
    board::{self, Writer},
    db::{
        claims::{self, Claim},
        follows::Subject,
        works::{self, Work},
    },
    error::{Error, Result},
    extract::{Path, Query, Visit},
    render::{badge, filters, number},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::id::WorkId;
use serde::Deserialize;

/// Works on a page.
const SHOWN: i64 = 100;

/// Where a page of works starts.
#[derive(Debug, Default, Deserialize)]
pub struct From {
    after: Option<i64>,
}

#[derive(Debug, Template)]
#[template(path = "works.html")]
struct Works {
    visit: Visit,
    works: Vec<Work>,
    /// The last one shown, if others come after it.
    later: Option<WorkId>,
}

#[derive(Debug, Template)]
#[template(path = "work.html")]
struct OneWork {
    visit: Visit,
    work: Work,
    claims: Vec<Claim>,
    follow: Follow,
}

impl OneWork {
    /// Whether who looks may edit it.
    fn may_edit(&self) -> bool {
        self.visit
            .viewer
            .as_ref()
            .is_some_and(|viewer| board::may_edit_work(&self.work, Writer::from(viewer)).is_ok())
    }

    /// The claim that this one narrows.
    fn earlier(&self, claim: &Claim) -> Option<&Claim> {
        let earlier = claim.revises?;
        self.claims.iter().find(|claim| claim.id == earlier)
    }
}

/// All works.
pub async fn list(
    State(state): State<AppState>,
    visit: Visit,
    Query(from): Query<From>,
) -> Result<Response> {
    let after = WorkId(from.after.unwrap_or(0));
    let mut works = works::list(&state.pool, after, SHOWN + 1).await?;
    let shown = usize::try_from(SHOWN).unwrap_or(0);
    let more = works.len() > shown;
    works.truncate(shown);
    let later = works.last().filter(|_| more).map(|last| last.id);
    let page = Works {
        visit,
        works,
        later,
    };
    show(&page, Cache::Fresh)
}

/// One work and its claims.
pub async fn work(
    State(state): State<AppState>,
    visit: Visit,
    Path(slug): Path<String>,
) -> Result<Response> {
    let work = works::seen(&state.pool, &slug, (&visit).into())
        .await?
        .ok_or_else(|| Error::missing("work called", &slug))?;
    let claims = claims::of_work(&state.pool, work.id, (&visit).into()).await?;
    let address = format!("/works/{}", work.slug);
    let follow = Follow::of(
        &state.pool,
        visit.reader(),
        Subject::Work(work.id),
        &address,
    )
    .await?;
    show(
        &OneWork {
            visit,
            work,
            claims,
            follow,
        },
        Cache::Fresh,
    )
}
