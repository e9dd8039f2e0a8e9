//! Who follows what.

use breakmywork_protocol::id::{AccountId, ClaimId, ExperimentId, FollowId, WorkId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgExecutor};

/// What can be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// An experiment.
    Experiment(ExperimentId),
    /// A claim, and the verdicts on it.
    Claim(ClaimId),
    /// A work: the verdicts on its claims.
    Work(WorkId),
}

/// Of what somebody wants to be told.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Level {
    /// Of everything.
    All,
    /// Of verdicts, and of what becomes of the claim.
    Verdicts,
    /// Of nothing, whatever else is followed.
    Muted,
}

impl Level {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Verdicts => "verdicts",
            Self::Muted => "muted",
        }
    }
}

impl Subject {
    fn columns(self) -> (Option<ExperimentId>, Option<ClaimId>, Option<WorkId>) {
        match self {
            Self::Experiment(id) => (Some(id), None, None),
            Self::Claim(id) => (None, Some(id), None),
            Self::Work(id) => (None, None, Some(id)),
        }
    }
}

/// How somebody follows it, if at all.
pub async fn level(
    db: impl PgExecutor<'_>,
    account: AccountId,
    subject: Subject,
) -> sqlx::Result<Option<Level>> {
    let (experiment, claim, work) = subject.columns();
    sqlx::query_scalar!(
        r#"select level as "level!: Level" from follow where account_id = $1 and experiment_id = $2
           union all select level from follow where account_id = $1 and claim_id = $3
           union all select level from follow where account_id = $1 and work_id = $4"#,
        account as AccountId,
        experiment as Option<ExperimentId>,
        claim as Option<ClaimId>,
        work as Option<WorkId>,
    )
    .fetch_optional(db)
    .await
}

/// Follows something, or does so otherwise than before; false if it was not followed and `most` things are.
pub async fn set(
    tx: &mut PgConnection,
    account: AccountId,
    subject: Subject,
    level: Level,
    most: i64,
) -> sqlx::Result<bool> {
    let (experiment, claim, work) = subject.columns();
    let changed = sqlx::query!(
        "update follow set level = $5
         where account_id = $1 and (experiment_id = $2 or claim_id = $3 or work_id = $4)",
        account as AccountId,
        experiment as Option<ExperimentId>,
        claim as Option<ClaimId>,
        work as Option<WorkId>,
        level as Level,
    )
    .execute(&mut *tx)
    .await?;
    if changed.rows_affected() > 0 {
        return Ok(true);
    }
    let full = sqlx::query_scalar!(
        r#"select count(*) >= $2 as "full!" from (select from follow where account_id = $1 limit $2) few"#,
        account as AccountId,
        most,
    )
    .fetch_one(&mut *tx)
    .await?;
    if full {
        return Ok(false);
    }
    sqlx::query!(
        "insert into follow (account_id, experiment_id, claim_id, work_id, level) values ($1, $2, $3, $4, $5)
         on conflict do nothing",
        account as AccountId,
        experiment as Option<ExperimentId>,
        claim as Option<ClaimId>,
        work as Option<WorkId>,
        level as Level,
    )
    .execute(tx)
    .await?;
    Ok(true)
}

/// Follows something no longer.
pub async fn remove(
    db: impl PgExecutor<'_>,
    account: AccountId,
    subject: Subject,
) -> sqlx::Result<()> {
    let (experiment, claim, work) = subject.columns();
    sqlx::query!(
        "delete from follow where account_id = $1 and (experiment_id = $2 or claim_id = $3 or work_id = $4)",
        account as AccountId,
        experiment as Option<ExperimentId>,
        claim as Option<ClaimId>,
        work as Option<WorkId>,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether there is such a thing.
pub async fn exists(db: impl PgExecutor<'_>, subject: Subject) -> sqlx::Result<bool> {
    let (experiment, claim, work) = subject.columns();
    sqlx::query_scalar!(
        r#"select exists (select from public_experiment where id = $1) or exists (select from public_claim where id = $2)
             or exists (select from public_work where id = $3) as "it!""#,
        experiment as Option<ExperimentId>,
        claim as Option<ClaimId>,
        work as Option<WorkId>,
    )
    .fetch_one(db)
    .await
}

/// Something that somebody follows.
#[derive(Debug, Clone)]
pub struct Followed {
    /// Where the list goes on.
    pub id: FollowId,
    /// Of what somebody wants to be told.
    pub level: Level,
    /// The experiment, if it is one.
    pub experiment: Option<ExperimentId>,
    /// The claim, if it is one.
    pub claim: Option<ClaimId>,
    /// The work's part of its address, if it is one.
    pub work: Option<String>,
    /// What it is called: title, or label and sentence.
    pub title: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

impl Followed {
    /// Address of its page.
    pub fn address(&self) -> String {
        match (self.experiment, self.claim, &self.work) {
            (Some(id), _, _) => format!("/experiments/{id}"),
            (None, Some(id), _) => format!("/claims/{id}"),
            (None, None, work) => format!("/works/{}", work.as_deref().unwrap_or_default()),
        }
    }
}

/// What somebody follows, the latest first, of those before `before`.
pub async fn list(
    db: impl PgExecutor<'_>,
    account: AccountId,
    before: FollowId,
    limit: i64,
) -> sqlx::Result<Vec<Followed>> {
    sqlx::query_as!(
        Followed,
        r#"select f.id as "id: FollowId", f.level as "level: Level", f.experiment_id as "experiment: ExperimentId",
             f.claim_id as "claim: ClaimId", work.slug as "work?", f.created_at as since,
             coalesce(e.title, claim.label || ': ' || claim.sentence, work.title) as "title!"
           from follow f left join public_experiment e on e.id = f.experiment_id
             left join claim on claim.id = f.claim_id left join work on work.id = f.work_id
           where f.account_id = $1 and f.id < $2 and (f.experiment_id is null or e.id is not null) order by f.id desc limit $3"#,
        account as AccountId,
        before as FollowId,
        limit,
    )
    .fetch_all(db)
    .await
}
