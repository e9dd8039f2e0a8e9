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
    /// How many of them were tested: their standing is another than *untested*.
    pub tested: i64,
    /// Experiments proposed.
    pub experiments: i64,
}

macro_rules! select_works {
    ($tail:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            Work,
            r#"select id as "id: WorkId", slug, title, authors, year, url, citation, phenomenon,
                 (select count(*) from claim where work_id = work.id) as "claims!",
                 -- As `Claim::standing` has it: something bears on it that was survived, is a challenge, or was confirmed.
                 (select count(*) from claim where work_id = work.id and exists (
                   select from experiment e left join verdict v on v.experiment_id = e.id
                   where e.claim_id = claim.id and cardinality(e.outside) = 0 and e.disputed_at is null
                     and (v.outcome = 'supported' or e.challenge in ('open', 'not_confirmed')
                       or e.challenge = 'confirmed' and not exists (
                         select from experiment c where c.confirms = e.id and c.disputed_at is not null)))
                 ) as "tested!",
                 (select count(*) from experiment join claim on claim.id = claim_id
                  where work_id = work.id) as "experiments!"
               from work "# + $tail
            $(, $argument)*
        )
    };
}

/// All works, newest on the board last.
pub async fn list(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Work>> {
    select_works!("order by id limit 500").fetch_all(db).await
}

/// The work of that slug.
pub async fn find(db: impl PgExecutor<'_>, slug: &str) -> sqlx::Result<Option<Work>> {
    select_works!("where slug = $1", slug)
        .fetch_optional(db)
        .await
}
