//! Volunteers: who was admitted, and what came of their work.

use breakmywork_protocol::id::{AccountId, RunId};
use breakmywork_protocol::record::{self, Act, Subject};
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::{PgConnection, PgExecutor};

/// A volunteer as admins see one.
#[derive(Debug, Clone)]
pub struct Volunteer {
    /// Public name.
    pub name: String,
    /// When an admin admitted that person last.
    pub admitted_at: DateTime<Utc>,
    /// Who; none for the command line.
    pub admitted_by: Option<String>,
    /// Since when a worker of the board's own contradicts.
    pub contradicted_at: Option<DateTime<Utc>>,
    /// For which run.
    pub contradicted_run: Option<RunId>,
    /// Results that were reported.
    pub results: i64,
    /// Those by which a run was confirmed.
    pub counted: i64,
    /// Those that a worker of the board's own came to as well.
    pub repeated: i64,
    /// Those to which it came otherwise.
    pub contradicted: i64,
    /// Runs at this moment.
    pub running: i64,
}

/// Whether an account may have tokens of a volunteer's worker.
///
/// # Errors
/// If the database is away.
pub async fn is_one(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from volunteer where account_id = $1 and ended_at is null) as "it!""#,
        account as AccountId
    )
    .fetch_one(db)
    .await
}

/// Those that are admitted, who was contradicted first.
///
/// # Errors
/// If the database is away.
pub async fn admitted(db: impl PgExecutor<'_>, limit: i64) -> sqlx::Result<Vec<Volunteer>> {
    sqlx::query_as!(
        Volunteer,
        r#"select a.name, v.admitted_at, by.name as "admitted_by?", v.contradicted_at,
             v.contradicted_run as "contradicted_run: RunId", k.results as "results!", k.counted as "counted!",
             k.repeated as "repeated!", k.contradicted as "contradicted!",
             (select count(*) from run_lease l join worker w on w.id = l.worker_id
              where w.volunteer_id = v.account_id) as "running!"
           from volunteer v join account a on a.id = v.account_id left join account by on by.id = v.admitted_by
             cross join lateral (
               select count(*) as results, count(*) filter (where counted) as counted,
                 count(*) filter (where word <> 'different') as repeated,
                 count(*) filter (where word = 'different') as contradicted
               from volunteered where account_id = v.account_id) k
           where v.ended_at is null
           order by v.contradicted_at is null, a.name limit $1"#,
        limit
    )
    .fetch_all(db)
    .await
}

/// Admits somebody, or admits anew who was contradicted; false if that person is one already. It goes on record; `by` nobody on
/// the command line.
///
/// # Errors
/// If the database is away.
pub async fn admit(
    tx: &mut PgConnection,
    account: AccountId,
    by: Option<AccountId>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "insert into volunteer (account_id, admitted_by) values ($1, $2)
         on conflict (account_id) do update
         set admitted_at = now(), admitted_by = excluded.admitted_by, ended_at = null, contradicted_at = null,
             contradicted_run = null
         where volunteer.ended_at is not null or volunteer.contradicted_at is not null",
        account as AccountId,
        by as Option<AccountId>
    )
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    let subject = Subject::Account(account);
    record::act(tx, subject, Act::VolunteerAdmitted, by, json!({})).await?;
    Ok(true)
}

/// Takes an admission back; false if there is none.
///
/// # Errors
/// If the database is away.
pub async fn dismiss(
    tx: &mut PgConnection,
    account: AccountId,
    by: Option<AccountId>,
    reason: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update volunteer set ended_at = now() where account_id = $1 and ended_at is null",
        account as AccountId
    )
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    let (subject, why) = (Subject::Account(account), json!({ "reason": reason }));
    record::act(tx, subject, Act::VolunteerDismissed, by, why).await?;
    Ok(true)
}
