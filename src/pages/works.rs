//! Papers and posts under test.

use super::{Cache, follow::Follow, show};
use crate::{
    db::{
        claims::{self, Claim},
        follows::Subject,
        works::{self, Work},
    },
    error::{Error, Result},
    extract::{Path, Visit},
    render::{badge, filters, number},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};

#[derive(Debug, Template)]
#[template(path = "works.html")]
struct Works {
    visit: Visit,
    works: Vec<Work>,
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
    /// The claim that this one narrows.
    fn earlier(&self, claim: &Claim) -> Option<&Claim> {
        let earlier = claim.revises?;
        self.claims.iter().find(|claim| claim.id == earlier)
    }
}

/// All works.
pub async fn list(State(state): State<AppState>, visit: Visit) -> Result<Response> {
    let works = works::list(&state.pool).await?;
    show(&Works { visit, works }, Cache::Fresh)
}

/// One work and its claims.
pub async fn work(
    State(state): State<AppState>,
    visit: Visit,
    Path(slug): Path<String>,
) -> Result<Response> {
    let work = works::find(&state.pool, &slug)
        .await?
        .ok_or_else(|| Error::missing("work called", &slug))?;
    let claims = claims::of_work(&state.pool, work.id).await?;
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
