//! Papers and posts under test.

use breakmywork_protocol::id::WorkId;
use sqlx::PgExecutor;

/// A work.
#[derive(Debug, Clone)]
pub struct Work {
    /// Key.
    pub id: WorkId,
    /// Part of its address.
    pub slug: String,
    /// As published.
    pub title: String,
    /// In the order of the title page.
    pub authors: Vec<String>,
    /// Of first publication.
    pub year: i16,
    /// Where to read it.
    pub url: String,
    /// One line.
    pub citation: String,
    /// What it explains (Markdown).
    pub phenomenon: String,
    /// Claims on the board.
    pub claims: i64,
    /// Experiments proposed.
    pub experiments: i64,
}

/// All works, newest on the board last.
pub async fn list(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Work>> {
    sqlx::query_as!(
        Work,
        r#"select id as "id: WorkId", slug, title, authors, year, url, citation, phenomenon,
             (select count(*) from claim where work_id = work.id) as "claims!",
             (select count(*) from experiment join claim on claim.id = claim_id
              where work_id = work.id) as "experiments!"
           from work order by id limit 500"#
    )
    .fetch_all(db)
    .await
}

/// The work of that slug.
pub async fn find(db: impl PgExecutor<'_>, slug: &str) -> sqlx::Result<Option<Work>> {
    sqlx::query_as!(
        Work,
        r#"select id as "id: WorkId", slug, title, authors, year, url, citation, phenomenon,
             (select count(*) from claim where work_id = work.id) as "claims!",
             (select count(*) from experiment join claim on claim.id = claim_id
              where work_id = work.id) as "experiments!"
           from work where slug = $1"#,
        slug,
    )
    .fetch_optional(db)
    .await
}
