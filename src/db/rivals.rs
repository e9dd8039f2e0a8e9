//! Claims that deny each other.

use breakmywork_protocol::id::{AccountId, ClaimId, ExperimentId};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

/// A rival of a claim.
#[derive(Debug, Clone)]
pub struct Rival {
    /// Key.
    pub id: ClaimId,
    /// Short name within its work.
    pub label: String,
    /// The rival claim.
    pub sentence: String,
    /// Who said that they deny each other.
    pub declared_by: String,
    /// Why.
    pub reason: String,
    /// Who agreed; nobody so far.
    pub agreed_by: Option<String>,
    /// When.
    pub agreed_at: Option<DateTime<Utc>>,
}

/// The rivals of a claim, those that are agreed and those that are declared.
///
/// # Errors
/// If the database is away.
pub async fn of_claim(db: impl PgExecutor<'_>, claim: ClaimId) -> sqlx::Result<Vec<Rival>> {
    sqlx::query_as!(
        Rival,
        r#"select c.id as "id: ClaimId", c.label, c.sentence, by.name as "declared_by!", r.reason as "reason!",
             (select name from account where id = r.agreed_by) as agreed_by, r.agreed_at
           from (select rival_id as id, declared_by, reason, agreed_by, agreed_at from claim_rival where claim_id = $1
                 union all
                 select claim_id, declared_by, reason, agreed_by, agreed_at from claim_rival where rival_id = $1) r
             join claim c on c.id = r.id join account by on by.id = r.declared_by
           order by c.id limit 100"#,
        claim as ClaimId
    )
    .fetch_all(db)
    .await
}

/// Whether two claims are rivals: agreed, only declared, or not at all.
///
/// # Errors
/// If the database is away.
pub async fn agreed(
    db: impl PgExecutor<'_>,
    [claim, rival]: [ClaimId; 2],
) -> sqlx::Result<Option<bool>> {
    sqlx::query_scalar!(
        r#"select agreed_at is not null as "agreed!" from claim_rival
           where claim_id = least($1::bigint, $2) and rival_id = greatest($1::bigint, $2)"#,
        claim as ClaimId,
        rival as ClaimId
    )
    .fetch_optional(db)
    .await
}

/// Which of two claims is to agree that they are rivals; none if nothing waits for that.
///
/// # Errors
/// If the database is away.
pub async fn to_agree(
    db: impl PgExecutor<'_>,
    [claim, rival]: [ClaimId; 2],
) -> sqlx::Result<Option<ClaimId>> {
    sqlx::query_scalar!(
        r#"select case declared_for when claim_id then rival_id else claim_id end as "to_agree!: ClaimId" from claim_rival
           where claim_id = least($1::bigint, $2) and rival_id = greatest($1::bigint, $2) and agreed_at is null"#,
        claim as ClaimId,
        rival as ClaimId
    )
    .fetch_optional(db)
    .await
}

/// Whether it is on record that somebody ever said of two claims that they deny each other.
///
/// # Errors
/// If the database is away.
pub async fn was_told(db: impl PgExecutor<'_>, [claim, rival]: [ClaimId; 2]) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (
             select from record_entry where subject = 'claim' and subject_id = least($1::bigint, $2) and kind = 'act'
               and (body::jsonb ->> 'rival')::bigint = greatest($1::bigint, $2)) as "was!""#,
        claim as ClaimId,
        rival as ClaimId
    )
    .fetch_one(db)
    .await
}

/// Stores that two claims deny each other, agreed or only declared by who speaks for `declared_for`.
///
/// # Errors
/// If the database is away, or it is stored already.
pub async fn insert(
    tx: &mut PgConnection,
    [claim, rival]: [ClaimId; 2],
    declared_for: ClaimId,
    by: AccountId,
    reason: &str,
    agreed: bool,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into claim_rival (claim_id, rival_id, declared_by, reason, agreed_by, agreed_at, declared_for)
         values (least($1::bigint, $2), greatest($1::bigint, $2), $3, $4, case when $5 then $3::bigint end,
           case when $5 then now() end, $6)",
        claim as ClaimId,
        rival as ClaimId,
        by as AccountId,
        reason,
        agreed,
        declared_for as ClaimId
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Agrees; false if nothing is declared that is not agreed.
///
/// # Errors
/// If the database is away.
pub async fn agree(
    tx: &mut PgConnection,
    [claim, rival]: [ClaimId; 2],
    by: AccountId,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update claim_rival set agreed_by = $3, agreed_at = now()
         where claim_id = least($1::bigint, $2) and rival_id = greatest($1::bigint, $2) and agreed_at is null",
        claim as ClaimId,
        rival as ClaimId,
        by as AccountId
    )
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// They are no rivals; false if they were none.
///
/// # Errors
/// If the database is away.
pub async fn delete(tx: &mut PgConnection, [claim, rival]: [ClaimId; 2]) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "delete from claim_rival where claim_id = least($1::bigint, $2) and rival_id = greatest($1::bigint, $2)",
        claim as ClaimId,
        rival as ClaimId
    )
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// A claim that denies another one, to store.
#[derive(Debug, Clone, Copy)]
pub struct Denial<'a> {
    /// The claim that it denies, of whose work it is.
    pub of: ClaimId,
    /// Its sentence.
    pub sentence: &'a str,
    /// Over what it speaks.
    pub covers: &'a breakmywork_protocol::scope::Scope,
    /// Who states it.
    pub author: AccountId,
}

/// Stores a claim that denies another one, with the next free number of the work and a thread of its own.
///
/// # Errors
/// If the database is away.
pub async fn insert_denial(tx: &mut PgConnection, new: Denial<'_>) -> sqlx::Result<ClaimId> {
    // Of two at once the second takes the number after.
    sqlx::query!(
        "select from work where id = (select work_id from claim where id = $1) for no key update",
        new.of as ClaimId
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query_scalar!(
        r#"with fresh as (insert into thread default values returning id)
           insert into claim (work_id, label, sentence, covers, author_id, thread_id)
           select work_id,
             (select left(c.label, 1) || (max(substring(other.label from '[0-9]+')::int) + 1) from claim other
              where other.work_id = c.work_id and left(other.label, 1) = left(c.label, 1)),
             $2, $3, $4, fresh.id
           from claim c, fresh where c.id = $1 returning id as "id: ClaimId""#,
        new.of as ClaimId,
        new.sentence,
        serde_json::to_value(new.covers).expect("a scope is plain data"),
        new.author as AccountId,
    )
    .fetch_one(tx)
    .await
}

/// Says which rival a proposal tests, too; false if it is not `author`'s, hidden or not proposed any more.
///
/// # Errors
/// If the database is away.
pub async fn choose(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    author: AccountId,
    rival: Option<ClaimId>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update experiment set rival_id = $3, updated_at = now() where id = $1 and author_id = $2 and state = 'proposed' and hidden_at is null",
        experiment as ExperimentId,
        author as AccountId,
        rival as Option<ClaimId>
    )
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}
