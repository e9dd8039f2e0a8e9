//! Entries for what was on the board before it had a record: marked as such, since nobody vouches for their times.

use super::write::{backfilled, claim_body, conclusion_body, registration_body};
use super::{Act, Kind, Subject};
use crate::id::{AccountId, ClaimId, CommentId, ExperimentId, WorkId};
use serde_json::json;
use sqlx::{PgPool, PgTransaction};

/// Entries in one transaction: bounded, so that nobody waits long for the head.
const AT_ONCE: i64 = 200;

/// Makes entries for what is there and not on record, in the order in which it happened. Does so once in the life of a
/// board: later it would cover up what was cut off the record.
///
/// # Errors
/// If the database is away; what was done stays, and the next call goes on.
pub async fn backfill(pool: &PgPool) -> sqlx::Result<u64> {
    let mut made = 0;
    loop {
        let mut tx = pool.begin().await?;
        // Programs that start at once do so one after the other.
        let done = sqlx::query_scalar!(
            r#"select backfilled_at is not null as "done!" from record_head for no key update"#
        )
        .fetch_one(&mut *tx)
        .await?;
        if done {
            return Ok(made);
        }
        let some =
            match works(&mut tx).await? + claims(&mut tx).await? + experiments(&mut tx).await? {
                0 => acts(&mut tx).await?,
                some => some,
            };
        if some == 0 {
            sqlx::query!("update record_head set backfilled_at = now()")
                .execute(&mut *tx)
                .await?;
        }
        made += some;
        tx.commit().await?;
    }
}

async fn works(tx: &mut PgTransaction<'_>) -> sqlx::Result<u64> {
    let ids = sqlx::query_scalar!(
        r#"select id as "id: WorkId" from work
           where moderation = 'shown' and not exists (select from record_entry where subject = 'work' and subject_id = work.id)
           order by id limit $1"#,
        AT_ONCE
    )
    .fetch_all(&mut **tx)
    .await?;
    for &id in &ids {
        let body = json!({ "act": Act::Added, "by": null });
        backfilled(&mut *tx, Kind::Act, Subject::Work(id), body).await?;
    }
    Ok(ids.len() as u64)
}

async fn claims(tx: &mut PgTransaction<'_>) -> sqlx::Result<u64> {
    let ids = sqlx::query_scalar!(
        r#"select id as "id: ClaimId" from claim
           where moderation = 'shown' and not exists (select from record_entry where subject = 'claim' and subject_id = claim.id)
           order by id limit $1"#,
        AT_ONCE
    )
    .fetch_all(&mut **tx)
    .await?;
    for &id in &ids {
        let body = claim_body(&mut *tx, id).await?;
        backfilled(&mut *tx, Kind::Claim, Subject::Claim(id), body).await?;
    }
    Ok(ids.len() as u64)
}

async fn experiments(tx: &mut PgTransaction<'_>) -> sqlx::Result<u64> {
    let rows = sqlx::query!(
        r#"select id as "id!: ExperimentId", kind as "kind!" from (
               select id, registered_at as at, 'registration' as kind from experiment where registered_at is not null
               union all
               select id, concluded_at, 'conclusion' from experiment where concluded_at is not null) told
           where not exists (select from record_entry e where e.kind = told.kind and e.subject_id = told.id)
           order by at, id, kind desc limit $1"#,
        AT_ONCE
    )
    .fetch_all(&mut **tx)
    .await?;
    for row in &rows {
        let subject = Subject::Experiment(row.id);
        if row.kind == "registration" {
            let body = registration_body(&mut *tx, row.id).await?;
            backfilled(&mut *tx, Kind::Registration, subject, body).await?;
        } else {
            let body = conclusion_body(&mut *tx, row.id).await?;
            backfilled(&mut *tx, Kind::Conclusion, subject, body).await?;
        }
    }
    Ok(rows.len() as u64)
}

/// What moderators did that still holds.
async fn acts(tx: &mut PgTransaction<'_>) -> sqlx::Result<u64> {
    let hidden = sqlx::query!(
        r#"select c.id as "id: CommentId", c.hidden_by as "by!: AccountId", account.name, c.hidden_reason as "reason!"
           from comment c join account on account.id = c.hidden_by
           where c.hidden_at is not null
             and not exists (select from record_entry where subject = 'comment' and subject_id = c.id)
           order by c.hidden_at limit $1"#,
        AT_ONCE
    )
    .fetch_all(&mut **tx)
    .await?;
    for row in &hidden {
        let by = json!({ "id": row.by, "name": row.name });
        let body = json!({ "act": Act::Hidden, "by": by, "reason": row.reason });
        backfilled(&mut *tx, Kind::Act, Subject::Comment(row.id), body).await?;
    }
    let disabled = sqlx::query!(
        r#"select a.id as "id: AccountId", a.disabled_by as "by: AccountId", by.name as "name?",
                  a.disabled_reason as "reason!"
           from account a left join account by on by.id = a.disabled_by
           where a.disabled_at is not null
             and not exists (select from record_entry where subject = 'account' and subject_id = a.id)
           order by a.disabled_at limit $1"#,
        AT_ONCE
    )
    .fetch_all(&mut **tx)
    .await?;
    for row in &disabled {
        let by = row.by.map(|id| json!({ "id": id, "name": row.name }));
        let body = json!({ "act": Act::Disabled, "by": by, "reason": row.reason });
        backfilled(&mut *tx, Kind::Act, Subject::Account(row.id), body).await?;
    }
    Ok((hidden.len() + disabled.len()) as u64)
}
