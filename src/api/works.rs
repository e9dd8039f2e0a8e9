//! Works.

use super::page::{Cursor, Page};
use crate::auth::token::ApiAccount;
use crate::db;
use crate::error::{Error, Result};
use crate::extract::{Path, Query};
use axum::Json;
use axum::extract::State;
use breakmywork_protocol::id::WorkId;
use serde::Serialize;
use sqlx::PgPool;
use utoipa::ToSchema;

/// A paper or post under test.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Work {
    /// Part of its address.
    slug: String,
    /// paper, post or implementation.
    kind: String,
    /// As published.
    title: String,
    /// In the order of the title page.
    authors: Vec<String>,
    /// Of first publication.
    year: i16,
    /// Where to read it.
    link: String,
    /// Its DOI.
    doi: Option<String>,
    /// Its number on arXiv, without a version.
    arxiv: Option<String>,
    /// One line, as one would cite it.
    citation: String,
    /// What was observed and the work explains (Markdown).
    phenomenon: String,
    /// Claims on the board.
    claims: i64,
    /// How many of its claims were tested.
    coverage: Coverage,
    /// Experiments on its claims, withdrawn ones left out, as far as they are counted: 1,001 stands for more than a thousand.
    experiments: i64,
    /// Who put it on the board; null of what it began with.
    added_by: Option<String>,
    /// shown to everybody; or waiting for a moderator, or declined by one: then only who added it and moderators get it.
    moderation: String,
    /// What a moderator said of it.
    moderation_reason: Option<String>,
    /// Its last edit; 0 where there was none.
    version: i64,
    /// Its page.
    url: String,
}

/// How far a work was tested.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Coverage {
    /// Claims whose standing is another than untested: a verdict counts for or against them.
    tested: i64,
    /// All of its claims.
    claims: i64,
}

impl From<db::works::Work> for Work {
    fn from(work: db::works::Work) -> Self {
        Self {
            url: format!("/works/{}", work.slug),
            slug: work.slug,
            kind: work.kind,
            doi: work.doi,
            arxiv: work.arxiv,
            added_by: work.added_by,
            moderation: work.moderation,
            moderation_reason: work.moderation_reason,
            version: work.version,
            title: work.title,
            authors: work.authors,
            year: work.year,
            link: work.url,
            citation: work.citation,
            phenomenon: work.phenomenon,
            claims: work.claims,
            coverage: Coverage {
                tested: work.tested,
                claims: work.claims,
            },
            experiments: work.experiments,
        }
    }
}

/// List works.
#[utoipa::path(get, path = "/api/v1/works", tag = "works", params(Cursor), responses((status = 200, body = Page<Work>)))]
pub(super) async fn list(
    State(pool): State<PgPool>,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Work>> {
    let limit = cursor.limit()?;
    let after = WorkId(cursor.position()?.unwrap_or(0));
    let works = db::works::list(&pool, after, limit + 1).await?;
    Ok(Page::cut(works, limit, |work| work.id.0, Work::from))
}

/// Show a work.
#[utoipa::path(get, path = "/api/v1/works/{slug}", tag = "works",
    params(("slug" = String, Path, description = "Part of its address")),
    responses((status = 200, body = Work), (status = 404, description = "No such work")))]
pub(super) async fn show(
    State(pool): State<PgPool>,
    Path(slug): Path<String>,
    account: Option<ApiAccount>,
) -> Result<Json<Work>> {
    let work = db::works::seen(&pool, &slug, account.as_ref().into())
        .await?
        .ok_or_else(|| Error::missing("work", &slug))?;
    Ok(Json(work.into()))
}
