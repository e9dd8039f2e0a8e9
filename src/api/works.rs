//! Works.

use super::page::Page;
use crate::db;
use crate::error::{Error, Result};
use crate::extract::Path;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use sqlx::PgPool;
use utoipa::ToSchema;

/// A paper or post under test.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Work {
    /// Part of its address.
    slug: String,
    /// As published.
    title: String,
    /// In the order of the title page.
    authors: Vec<String>,
    /// Of first publication.
    year: i16,
    /// Where to read it.
    link: String,
    /// One line, as one would cite it.
    citation: String,
    /// What was observed and the work explains (Markdown).
    phenomenon: String,
    /// Claims on the board.
    claims: i64,
    /// How many of its claims were tested.
    coverage: Coverage,
    /// Experiments proposed.
    experiments: i64,
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
#[utoipa::path(get, path = "/api/v1/works", tag = "works", responses((status = 200, body = Page<Work>)))]
pub(super) async fn list(State(pool): State<PgPool>) -> Result<Json<Page<Work>>> {
    let works = db::works::list(&pool).await?;
    Ok(Json(Page::whole(
        works.into_iter().map(Work::from).collect(),
    )))
}

/// Show a work.
#[utoipa::path(get, path = "/api/v1/works/{slug}", tag = "works",
    params(("slug" = String, Path, description = "Part of its address")),
    responses((status = 200, body = Work), (status = 404, description = "No such work")))]
pub(super) async fn show(
    State(pool): State<PgPool>,
    Path(slug): Path<String>,
) -> Result<Json<Work>> {
    let work = db::works::find(&pool, &slug)
        .await?
        .ok_or_else(|| Error::missing("work", &slug))?;
    Ok(Json(work.into()))
}
