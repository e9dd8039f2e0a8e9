//! What followers are told, and telling them.
//!
//! What happened is written down in the transaction that did it, and told there to the first who follow; where more
//! follow, the web server's sweep goes on. So nobody hears of what did not happen, and no verdict waits for a crowd.

use crate::id::{AccountId, ClaimId, CommentId, ExperimentId, NewsId, WorkId};
use sqlx::{Acquire, PgConnection, PgPool};
use std::iter;

/// Accounts that are told in the transaction that does what they are told of.
const AT_ONCE: i64 = 100;
/// Accounts that a step of the sweep tells, and steps of one sweep; the next one goes on.
const AT_A_STEP: i64 = 1_000;
const STEPS: usize = 20;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type, serde::Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = NewsKind))]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Kind {
    /// An experiment ended, and its result was posted.
    Result,
    /// What was sealed was opened.
    Opening,
    /// Somebody commented.
    Comment,
    /// A confirmation of an experiment was registered.
    Confirmation,
    /// A moderator disputed an experiment.
    Dispute,
    /// Its author answered that.
    DisputeAnswer,
    /// A moderator resolved it.
    DisputeResolved,
    /// A claim's standing changed.
    Standing,
}

impl Kind {
    /// Whether those are told, too, who want to hear of verdicts only.
    pub fn is_verdict(self) -> bool {
        matches!(self, Self::Result | Self::Standing)
    }
}

/// Tells of a post: a comment, a result, or an opening.
///
/// # Errors
/// If the database is away, or knows no such post.
pub async fn of_post(tx: &mut PgConnection, post: CommentId) -> sqlx::Result<NewsId> {
    let id = sqlx::query_scalar!(
        r#"insert into news (kind, claim_id, experiment_id, comment_id, actor_id)
           select c.kind, coalesce(e.claim_id, claim.id), e.id, c.id, c.author_id
           from comment c left join experiment e on e.thread_id = c.thread_id
             left join claim on claim.thread_id = c.thread_id
           where c.id = $1 returning id as "id: NewsId""#,
        post as CommentId
    )
    .fetch_one(&mut *tx)
    .await?;
    spread(tx, id, None, AT_ONCE).await?;
    Ok(id)
}

/// Tells of what somebody did to an experiment.
pub(crate) async fn of_experiment(
    tx: &mut PgConnection,
    kind: Kind,
    experiment: ExperimentId,
    actor: AccountId,
) -> sqlx::Result<()> {
    let id = sqlx::query_scalar!(
        r#"insert into news (kind, claim_id, experiment_id, actor_id)
           select $1, claim_id, id, $3 from experiment where id = $2 returning id as "id: NewsId""#,
        kind as Kind,
        experiment as ExperimentId,
        actor as AccountId
    )
    .fetch_one(&mut *tx)
    .await?;
    spread(tx, id, None, AT_ONCE).await
}

/// Tells where a claim stands now, if that is another standing than was told last.
pub(crate) async fn of_standing(tx: &mut PgConnection, claim: ClaimId) -> sqlx::Result<()> {
    // Locked first: of two that move it at once, the second sees what the first did.
    sqlx::query!(
        "select from claim where id = $1 for no key update",
        claim as ClaimId
    )
    .execute(&mut *tx)
    .await?;
    let moved = sqlx::query_scalar!(
        r#"with moved as (
             update claim set standing_told = claim_standing(id)
             where id = $1 and standing_told <> claim_standing(id) returning standing_told
           ) insert into news (kind, claim_id, standing) select 'standing', $1, standing_told from moved
           returning id as "id: NewsId""#,
        claim as ClaimId
    )
    .fetch_optional(&mut *tx)
    .await?;
    match moved {
        Some(id) => spread(tx, id, None, AT_ONCE).await,
        None => Ok(()),
    }
}

/// Tells of a result, and of what became of its claim and of those that fell with it. Whatever goes wrong here, the verdict
/// stands.
pub(crate) async fn after_verdict(
    tx: &mut PgConnection,
    result: CommentId,
    claim: ClaimId,
    heirs: &[ClaimId],
) -> sqlx::Result<()> {
    let mut point = tx.begin().await?;
    let told = async {
        of_post(&mut point, result).await?;
        for claim in iter::once(claim).chain(heirs.iter().copied()) {
            of_standing(&mut point, claim).await?;
        }
        Ok::<_, sqlx::Error>(())
    };
    match told.await {
        Ok(()) => point.commit().await,
        Err(error) => {
            tracing::error!(%claim, %error, "who follows could not be told of a verdict");
            point.rollback().await
        }
    }
}

/// Tells those whom a post names, besides those who follow. Who muted the discussion is not told.
///
/// # Errors
/// If the database is away.
pub async fn mention(tx: &mut PgConnection, news: NewsId, named: &[String]) -> sqlx::Result<()> {
    if named.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into notice (account_id, news_id, mentioned)
         select account.id, news.id, true from news join account on account.name = any($2)
         where news.id = $1 and disabled_at is null and not is_board and account.id is distinct from actor_id
           and not exists (select from follow where account_id = account.id and level = 'muted'
             and (follow.experiment_id = news.experiment_id
               or news.experiment_id is null and follow.claim_id = news.claim_id))
         on conflict (account_id, news_id) do update set mentioned = true",
        news as NewsId,
        named
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Goes on telling what more follow than could be told at once.
///
/// # Errors
/// If the database is away; what was told so far stays.
pub async fn spread_left(pool: &PgPool) -> sqlx::Result<()> {
    for _ in 0..STEPS {
        let mut tx = pool.begin().await?;
        let left = sqlx::query!(
            r#"select id as "id: NewsId", spread_after as "after!: AccountId" from news
               where spread_after is not null order by id limit 1 for no key update skip locked"#
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(left) = left else {
            return Ok(());
        };
        spread(&mut tx, left.id, Some(left.after), AT_A_STEP).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Tells up to `most` of those who follow, in the order of accounts, and notes where to go on.
///
/// What is nearest decides: who muted an experiment hears nothing of it, whatever else is followed. A comment is told to
/// those alone who follow its own discussion.
async fn spread(
    tx: &mut PgConnection,
    news: NewsId,
    after: Option<AccountId>,
    most: i64,
) -> sqlx::Result<()> {
    let row = sqlx::query!(
        r#"select kind as "kind: Kind", claim_id as "claim: ClaimId", work_id as "work: WorkId",
             experiment_id as "experiment: ExperimentId", actor_id as "actor: AccountId"
           from news join claim on claim.id = claim_id where news.id = $1"#,
        news as NewsId
    )
    .fetch_one(&mut *tx)
    .await?;
    let is_comment = row.kind == Kind::Comment;
    let claim = Some(row.claim).filter(|_| !is_comment || row.experiment.is_none());
    let work = Some(row.work).filter(|_| !is_comment);
    // Each list is in the order of accounts and cut after `most`: so the first `most` accounts have all their rows here.
    let told = sqlx::query!(
        r#"with near as (
             (select account_id, level, 1 as place from follow where experiment_id = $1 and account_id > $4
              order by account_id limit $5)
             union all
             (select account_id, level, 2 from follow where claim_id = $2 and account_id > $4
              order by account_id limit $5)
             union all
             (select account_id, level, 3 from follow where work_id = $3 and account_id > $4
              order by account_id limit $5)
           ), person as (
             select distinct on (account_id) account_id, level from near order by account_id, place limit $5
           ), told as (
             insert into notice (account_id, news_id)
             select account_id, $6 from person join account on account.id = account_id
             where disabled_at is null and account_id is distinct from $7 and (level = 'all' or level = 'verdicts' and $8)
             on conflict do nothing
           ), mailed as (
             insert into mail (account_id, kind, news_id)
             select account_id, 'verdict', $6 from person join account on account.id = account_id
               join mailbox using (account_id)
             where $9 and disabled_at is null and level <> 'muted' and confirmed_at is not null and wish = 'verdicts'
             on conflict do nothing
           )
           select max(account_id) as "last: AccountId", count(*) as "people!" from person"#,
        row.experiment as Option<ExperimentId>,
        claim as Option<ClaimId>,
        work as Option<WorkId>,
        after.unwrap_or(AccountId(0)) as AccountId,
        most,
        news as NewsId,
        row.actor as Option<AccountId>,
        row.kind.is_verdict(),
        row.kind == Kind::Result,
    )
    .fetch_one(&mut *tx)
    .await?;
    let go_on = told.last.filter(|_| told.people == most);
    if go_on.is_some() || after.is_some() {
        sqlx::query!(
            "update news set spread_after = $2 where id = $1",
            news as NewsId,
            go_on as Option<AccountId>
        )
        .execute(tx)
        .await?;
    }
    Ok(())
}
