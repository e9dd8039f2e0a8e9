//! Works and claims as members put them on the board: storing, editing, deciding.

use crate::board::{CheckedClaim, CheckedWork, Item};
use breakmywork_protocol::id::{AccountId, ClaimId, WorkId};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};

mod queue;

pub use queue::{Decided, WaitingClaim, WaitingWork, claims_off_board, decided, works_off_board};

/// How much somebody added.
#[derive(Debug, Clone, Copy)]
pub struct Added {
    /// Works and claims within a day.
    pub within_a_day: i64,
    /// Those that wait.
    pub waiting: i64,
}

/// How much that person added.
///
/// # Errors
/// If the database is away.
pub async fn added(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<Added> {
    sqlx::query_as!(
        Added,
        r#"select count(*) filter (where created_at > now() - interval '1 day') as "within_a_day!",
             count(*) filter (where moderation = 'waiting') as "waiting!"
           from ((select created_at, moderation from work where added_by = any (accounts_of($1)) order by id desc limit 100)
                 union all
                 (select created_at, moderation from claim where author_id = any (accounts_of($1)) order by id desc limit 100)) newest"#,
        account.0
    )
    .fetch_one(db)
    .await
}

/// Whether an account is younger than so many days, and none of its experiments has a verdict.
///
/// # Errors
/// If the database is away.
pub async fn is_newcomer(
    db: impl PgExecutor<'_>,
    account: AccountId,
    days: i32,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select created_at > now() - make_interval(days => $2) and not exists (
             select from experiment e join verdict v on v.experiment_id = e.id
             where e.author_id = $1 and v.outcome in ('supported', 'falsified', 'inconclusive')) as "is!"
           from account where id = $1"#,
        account.0,
        days
    )
    .fetch_one(db)
    .await
}

/// Edits of that person within a day.
///
/// # Errors
/// If the database is away.
pub async fn edits_within_a_day(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from (
             select at from board_edit where account_id = any (accounts_of($1)) order by id desc limit 1000) newest
           where at > now() - interval '1 day'"#,
        account.0
    )
    .fetch_one(db)
    .await
}

/// The slug of the work of this title that this person added within a minute: a form sent twice.
///
/// # Errors
/// If the database is away.
pub async fn just_added_work(
    db: impl PgExecutor<'_>,
    account: AccountId,
    title: &str,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "select slug from work where added_by = $1 and title = $2 and created_at > now() - interval '1 minute'
         order by id desc limit 1",
        account.0,
        title
    )
    .fetch_optional(db)
    .await
}

/// The claim of this sentence that this person stated about that work within a minute: a form sent twice.
///
/// # Errors
/// If the database is away.
pub async fn just_added_claim(
    db: impl PgExecutor<'_>,
    account: AccountId,
    work: WorkId,
    sentence: &str,
) -> sqlx::Result<Option<ClaimId>> {
    sqlx::query_scalar!(
        r#"select id as "id: ClaimId" from claim
           where author_id = $1 and work_id = $2 and sentence = $3 and created_at > now() - interval '1 minute'
           order by id desc limit 1"#,
        account.0,
        work.0,
        sentence
    )
    .fetch_optional(db)
    .await
}

/// A work that is on the board.
#[derive(Debug, Clone)]
pub struct Known {
    /// Part of its address.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// Its number on arXiv.
    pub arxiv: Option<String>,
}

/// The work on the board that has this DOI or number on arXiv, but for one.
///
/// # Errors
/// If the database is away.
pub async fn known_work(
    db: impl PgExecutor<'_>,
    doi: Option<&str>,
    arxiv: Option<&str>,
    but: Option<WorkId>,
) -> sqlx::Result<Option<Known>> {
    sqlx::query_as!(
        Known,
        "select slug, title, arxiv from work
         where moderation = 'shown' and (lower(doi) = lower($1) or arxiv = $2) and id is distinct from $3
         order by arxiv = $2 desc nulls last limit 1",
        doi,
        arxiv,
        but.map(|id| id.0)
    )
    .fetch_optional(db)
    .await
}

/// The work on the board that is the same as this one, which is not, by DOI or number on arXiv.
///
/// # Errors
/// If the database is away.
pub async fn shown_twin(db: impl PgExecutor<'_>, id: WorkId) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "select there.slug from work there join work this on this.id = $1
         where there.moderation = 'shown' and there.id <> this.id
           and (lower(there.doi) = lower(this.doi) or there.arxiv = this.arxiv) limit 1",
        id.0
    )
    .fetch_optional(db)
    .await
}

/// This slug, or with the next free number after it. Nobody else gets it before the transaction ends.
///
/// # Errors
/// If the database is away.
pub async fn free_slug(tx: &mut PgConnection, slug: &str) -> sqlx::Result<String> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('work.slug'))")
        .execute(&mut *tx)
        .await?;
    let last = sqlx::query_scalar!(
        "select max(coalesce(substring(slug from '-([0-9]{1,9})$')::int, 1)) from work
         where slug = $1 or slug ~ ('^' || $1 || '-[0-9]{1,9}$')",
        slug
    )
    .fetch_one(tx)
    .await?;
    Ok(match last {
        None => slug.to_owned(),
        Some(last) => format!("{slug}-{}", last + 1),
    })
}

/// Stores a work.
///
/// # Errors
/// If the database is away.
pub async fn insert_work(
    db: impl PgExecutor<'_>,
    account: AccountId,
    slug: &str,
    work: &CheckedWork,
    waits: bool,
) -> sqlx::Result<WorkId> {
    sqlx::query_scalar!(
        r#"insert into work (slug, kind, title, authors, year, url, doi, arxiv, citation, phenomenon, added_by, moderation)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, case when $12 then 'waiting' else 'shown' end)
           returning id as "id: WorkId""#,
        slug,
        work.kind,
        work.title,
        &work.authors,
        work.year,
        work.url,
        work.doi,
        work.arxiv,
        work.citation,
        work.phenomenon,
        account.0,
        waits,
    )
    .fetch_one(db)
    .await
}

/// Holds a work, so that of two who number a claim of it, or edit it, the second waits.
///
/// # Errors
/// If the database is away.
pub async fn lock_work(db: impl PgExecutor<'_>, work: WorkId) -> sqlx::Result<()> {
    sqlx::query!("select from work where id = $1 for no key update", work.0)
        .execute(db)
        .await?;
    Ok(())
}

/// How many claims there are about a work, those included that wait or were declined.
#[derive(Debug, Clone, Copy)]
pub struct Claims {
    /// Of everybody.
    pub all: i64,
    /// Of one person.
    pub own: i64,
}

/// How many claims there are about a work, and how many of them are that person's.
///
/// # Errors
/// If the database is away.
pub async fn claims_of(
    db: impl PgExecutor<'_>,
    work: WorkId,
    account: AccountId,
) -> sqlx::Result<Claims> {
    sqlx::query_as!(
        Claims,
        r#"select count(*) as "all!", count(*) filter (where author_id = any (accounts_of($2))) as "own!"
           from claim where work_id = $1"#,
        work.0,
        account.0
    )
    .fetch_one(db)
    .await
}

/// Stores a claim with the work's next number and a thread of its own; the caller holds the work.
///
/// # Errors
/// If the database is away.
pub async fn insert_claim(
    db: impl PgExecutor<'_>,
    account: AccountId,
    work: WorkId,
    claim: &CheckedClaim,
    waits: bool,
) -> sqlx::Result<ClaimId> {
    sqlx::query_scalar!(
        r#"with fresh as (insert into thread default values returning id)
           insert into claim (work_id, label, sentence, said_at, scope, evidence, covers, author_id, moderation, thread_id)
           select $1,
             (select 'C' || coalesce(max(substring(label from '[0-9]+')::int), 0) + 1 from claim
              where work_id = $1 and left(label, 1) = 'C'),
             $2, $3, $4, $5, $6, $7, case when $8 then 'waiting' else 'shown' end, fresh.id
           from fresh returning id as "id: ClaimId""#,
        work.0,
        claim.sentence,
        claim.said_at,
        claim.scope,
        claim.evidence,
        serde_json::to_value(&claim.covers).expect("a scope is plain data"),
        account.0,
        waits,
    )
    .fetch_one(db)
    .await
}

/// Holds a claim, so that nothing is proposed or registered on it meanwhile; whether something was registered.
///
/// # Errors
/// If the database is away.
pub async fn lock_claim(tx: &mut PgConnection, claim: ClaimId) -> sqlx::Result<bool> {
    sqlx::query!("select from claim where id = $1 for update", claim.0)
        .execute(&mut *tx)
        .await?;
    is_under_test(tx, claim).await
}

/// Whether something was registered on a claim.
///
/// # Errors
/// If the database is away.
pub async fn is_under_test(db: impl PgExecutor<'_>, claim: ClaimId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from experiment where claim_id = $1 and registered_at is not null) as "is!""#,
        claim.0
    )
    .fetch_one(db)
    .await
}

/// The last edit of a work or a claim; 0 where there was none.
///
/// # Errors
/// If the database is away.
pub async fn version(db: impl PgExecutor<'_>, of: Item) -> sqlx::Result<i64> {
    let (work, claim) = of.columns();
    // Each by its own index.
    sqlx::query_scalar!(
        r#"select coalesce((select max(id) from board_edit where work_id = $1),
             (select max(id) from board_edit where claim_id = $2), 0) as "version!""#,
        work as Option<WorkId>,
        claim as Option<ClaimId>
    )
    .fetch_one(db)
    .await
}

/// An edit as it was stored.
#[derive(Debug, Clone)]
pub struct Edit {
    /// Key.
    pub id: i64,
    /// Whether everybody could see what was edited.
    pub public: bool,
    /// The fields as they were.
    pub before: Value,
    /// The fields as they became.
    pub after: Value,
}

/// Stores other words for a work; none where nothing changes. What was declined waits again.
///
/// # Errors
/// If the database is away.
pub async fn update_work(
    tx: &mut PgConnection,
    id: WorkId,
    account: AccountId,
    to: &CheckedWork,
) -> sqlx::Result<Option<Edit>> {
    let edit = sqlx::query_as!(
        Edit,
        r#"with old as (select work_fields(work) as fields from work where id = $1),
             new as (update work set kind = $3, title = $4, authors = $5, year = $6, url = $7, doi = $8, arxiv = $9,
                       citation = $10, phenomenon = $11
                     where id = $1 returning work_fields(work) as fields, moderation = 'shown' as public)
           insert into board_edit (work_id, account_id, public, before, after)
           select $1, $2, public, old.fields, new.fields from old, new where old.fields <> new.fields
           returning id, public, before, after"#,
        id.0,
        account.0,
        to.kind,
        to.title,
        &to.authors,
        to.year,
        to.url,
        to.doi,
        to.arxiv,
        to.citation,
        to.phenomenon,
    )
    .fetch_optional(&mut *tx)
    .await?;
    if edit.is_some() {
        sqlx::query!(
            "update work set moderation = 'waiting' where id = $1 and moderation = 'declined'",
            id.0
        )
        .execute(tx)
        .await?;
    }
    Ok(edit)
}

/// Stores other words for a claim; none where nothing changes. What was declined waits again.
///
/// # Errors
/// If the database is away.
pub async fn update_claim(
    tx: &mut PgConnection,
    id: ClaimId,
    account: AccountId,
    to: &CheckedClaim,
) -> sqlx::Result<Option<Edit>> {
    let edit = sqlx::query_as!(
        Edit,
        r#"with old as (select claim_fields(claim) as fields from claim where id = $1),
             new as (update claim set sentence = $3, said_at = $4, scope = $5, evidence = $6, covers = $7
                     where id = $1 returning claim_fields(claim) as fields, moderation = 'shown' as public)
           insert into board_edit (claim_id, account_id, public, before, after)
           select $1, $2, public, old.fields, new.fields from old, new where old.fields <> new.fields
           returning id, public, before, after"#,
        id.0,
        account.0,
        to.sentence,
        to.said_at,
        to.scope,
        to.evidence,
        serde_json::to_value(&to.covers).expect("a scope is plain data"),
    )
    .fetch_optional(&mut *tx)
    .await?;
    if edit.is_some() {
        sqlx::query!(
            "update claim set moderation = 'waiting' where id = $1 and moderation = 'declined'",
            id.0
        )
        .execute(tx)
        .await?;
    }
    Ok(edit)
}

/// What of a work or a claim can be edited, as edits keep it.
///
/// # Errors
/// If the database is away, or there is no such thing.
pub async fn fields(db: impl PgExecutor<'_>, of: Item) -> sqlx::Result<Value> {
    let (work, claim) = of.columns();
    sqlx::query_scalar!(
        r#"select coalesce((select work_fields(work) from work where id = $1),
             (select claim_fields(claim) from claim where id = $2)) as "fields!""#,
        work as Option<WorkId>,
        claim as Option<ClaimId>
    )
    .fetch_one(db)
    .await
}

/// An edit as it is shown.
#[derive(Debug, Clone)]
pub struct Edited {
    /// Key.
    pub id: i64,
    /// Who edited.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The fields as they were.
    pub before: Value,
    /// The fields as they became.
    pub after: Value,
}

/// The newest edits before that one, newest first.
///
/// # Errors
/// If the database is away.
pub async fn edits(
    db: impl PgExecutor<'_>,
    of: Item,
    before: i64,
    limit: i64,
) -> sqlx::Result<Vec<Edited>> {
    let (work, claim) = of.columns();
    sqlx::query_as!(
        Edited,
        r#"select e.id as "id!", account.name as by, at as "at!", before as "before!", after as "after!"
           from ((select * from board_edit where work_id = $1 and id < $3 order by id desc limit $4)
                 union all
                 (select * from board_edit where claim_id = $2 and id < $3 order by id desc limit $4)) e
             join account on account.id = account_id
           order by e.id desc"#,
        work as Option<WorkId>,
        claim as Option<ClaimId>,
        before,
        limit
    )
    .fetch_all(db)
    .await
}

/// Whether the work of a claim is on the board.
///
/// # Errors
/// If the database is away.
pub async fn work_is_shown(db: impl PgExecutor<'_>, claim: ClaimId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from public_work w join claim on work_id = w.id where claim.id = $1) as "is!""#,
        claim.0
    )
    .fetch_one(db)
    .await
}

/// Stores what a moderator decided about a work; false if it is decided already.
///
/// # Errors
/// If the database is away.
pub async fn moderate_work(
    db: impl PgExecutor<'_>,
    id: WorkId,
    by: AccountId,
    to: &str,
    reason: Option<&str>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update work set moderation = $3, moderated_at = now(), moderated_by = $2, moderation_reason = $4
         where id = $1 and (moderation = 'waiting' or moderation = 'declined' and $3 = 'shown')",
        id.0,
        by.0,
        to,
        reason
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Stores what a moderator decided about a claim; false if it is decided already.
///
/// # Errors
/// If the database is away.
pub async fn moderate_claim(
    db: impl PgExecutor<'_>,
    id: ClaimId,
    by: AccountId,
    to: &str,
    reason: Option<&str>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update claim set moderation = $3, moderated_at = now(), moderated_by = $2, moderation_reason = $4
         where id = $1 and (moderation = 'waiting' or moderation = 'declined' and $3 = 'shown')",
        id.0,
        by.0,
        to,
        reason
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}
