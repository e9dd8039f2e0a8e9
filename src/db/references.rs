//! What of the names in a text exists.

use crate::render::markdown::references::{Known, Named};
use breakmywork_protocol::id::ThreadId;
use sqlx::PgPool;

/// Looks up what a text in that thread names; the claims are those of the work that the thread is about.
///
/// # Errors
/// If the database is away.
pub async fn known(pool: &PgPool, thread: ThreadId, named: &Named) -> sqlx::Result<Known> {
    if named.is_empty() {
        return Ok(Known::default());
    }
    let experiments: Vec<i64> = named.experiments.iter().copied().collect();
    let labels: Vec<String> = named.claims.iter().cloned().collect();
    let people: Vec<String> = named.people.iter().cloned().collect();
    let rows = sqlx::query!(
        r#"select 'experiment' as "kind!", id as "id!", '' as "name!" from public_experiment where id = any ($1)
           union all
           select 'claim', id, label from public_claim
           where label = any ($2) and work_id = (
             select about.work_id from claim about where about.thread_id = $4
             union all
             select about.work_id from public_experiment e join claim about on about.id = e.claim_id where e.thread_id = $4)
           union all
           select 'person', id, name from account where name = any ($3)"#,
        &experiments,
        &labels,
        &people,
        thread.0,
    )
    .fetch_all(pool)
    .await?;
    let mut known = Known::default();
    for row in rows {
        match row.kind.as_str() {
            "experiment" => drop(known.experiments.insert(row.id)),
            "claim" => drop(known.claims.insert(row.name, row.id)),
            _ => drop(known.people.insert(row.name)),
        }
    }
    Ok(known)
}
