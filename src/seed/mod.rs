//! What a new board starts with: the work that asked to be broken, its claims, and templates for experiments.

mod templates;

use breakmywork_protocol::id::ClaimId;
use breakmywork_protocol::record;
use breakmywork_protocol::scope::Scope;
use serde::Deserialize;
use sqlx::PgPool;

pub use templates::{TEMPLATES, Template};

/// The works and their claims, as data.
const CONTENT: &str = include_str!("content.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    works: Vec<Work>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Work {
    slug: String,
    title: String,
    authors: Vec<String>,
    year: i16,
    url: String,
    citation: String,
    phenomenon: String,
    claims: Vec<Claim>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    label: String,
    sentence: String,
    scope: String,
    evidence: String,
    #[serde(default)]
    covers: Scope,
}

/// Puts the seed content in; what is there already stays as it is, since experiments may refer to it.
///
/// Returns the number of claims that were added.
///
/// # Errors
/// If the database is away or not migrated.
pub async fn apply(pool: &PgPool) -> sqlx::Result<u64> {
    let content: Content = toml::from_str(CONTENT).expect("the seed content is checked by a test");
    let mut added = 0;
    let mut tx = pool.begin().await?;
    for work in &content.works {
        sqlx::query!(
            "insert into work (slug, title, authors, year, url, citation, phenomenon)
             values ($1, $2, $3, $4, $5, $6, $7) on conflict (slug) do nothing",
            work.slug,
            work.title,
            &work.authors,
            work.year,
            work.url,
            work.citation,
            work.phenomenon,
        )
        .execute(&mut *tx)
        .await?;
        for claim in &work.claims {
            let fresh = sqlx::query_scalar!(
                r#"with target as (
                     select id from work where slug = $1
                       and not exists (select from claim where work_id = work.id and label = $2)
                 ), fresh as (insert into thread select from target returning id)
                 insert into claim (work_id, label, sentence, scope, evidence, covers, thread_id)
                 select target.id, $2, $3, $4, $5, $6, fresh.id from target, fresh
                 returning id as "id: ClaimId""#,
                work.slug,
                claim.label,
                claim.sentence,
                claim.scope,
                claim.evidence,
                serde_json::to_value(&claim.covers).expect("a scope is plain data"),
            )
            .fetch_optional(&mut *tx)
            .await?;
            if let Some(claim) = fresh {
                record::claim(&mut tx, claim).await?;
                added += 1;
            }
        }
    }
    tx.commit().await?;
    Ok(added)
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakmywork_protocol::db::MIGRATOR;

    #[sqlx::test(migrator = "MIGRATOR")]
    async fn it_is_put_in_once(pool: PgPool) -> sqlx::Result<()> {
        assert_eq!(apply(&pool).await?, 14);
        assert_eq!(apply(&pool).await?, 0);
        let threads = sqlx::query_scalar!("select count(distinct thread_id) from claim")
            .fetch_one(&pool)
            .await?;
        assert_eq!(threads, Some(14));
        Ok(())
    }
}
