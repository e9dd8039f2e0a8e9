//! Claims, with the count of what tested them.

use breakmywork_protocol::id::{ClaimId, ThreadId, WorkId};
use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

/// A claim and how it fared.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Key.
    pub id: ClaimId,
    /// The work it is about.
    pub work: WorkId,
    /// That work's part of the address.
    pub work_slug: String,
    /// That work's title.
    pub work_title: String,
    /// Short name within the work.
    pub label: String,
    /// The claim.
    pub sentence: String,
    /// For what it is said to hold (Markdown).
    pub scope: String,
    /// What was found elsewhere (Markdown).
    pub evidence: String,
    /// The claim it narrows.
    pub revises: Option<ClaimId>,
    /// Who put it here.
    pub author: Option<String>,
    /// Its discussion.
    pub thread: ThreadId,
    /// When it came onto the board.
    pub created_at: DateTime<Utc>,
    /// How its experiments ended.
    pub supported: i64,
    /// How many falsified it.
    pub falsified: i64,
    /// How many told nothing.
    pub inconclusive: i64,
    /// How many are registered or running.
    pub open: i64,
    /// How many there are, withdrawn ones left out.
    pub experiments: i64,
    /// The latest experiment that falsified it.
    pub falsified_by: Option<i64>,
}

impl Claim {
    /// Where the claim stands, from the verdicts.
    pub fn standing(&self) -> Standing {
        match (self.supported, self.falsified) {
            (0, 0) => Standing::Untested,
            (survived, 0) => Standing::Survived(survived),
            (_, _) => Standing::Challenged,
        }
    }
}

/// Where a claim stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// No verdict for or against it.
    Untested,
    /// It survived that many attempts to break it, and none falsified its prediction.
    Survived(i64),
    /// A prediction of it was falsified. One verdict is not its fall: that takes a confirmation on other seeds.
    Challenged,
}

macro_rules! select_claims {
    ($tail:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            Claim,
            r#"select claim.id as "id: ClaimId", work_id as "work: WorkId", work.slug as work_slug,
                 work.title as work_title, label, sentence, scope, evidence,
                 revises as "revises: ClaimId", account.name as "author?",
                 claim.thread_id as "thread: ThreadId", claim.created_at,
                 tally.supported as "supported!", tally.falsified as "falsified!",
                 tally.inconclusive as "inconclusive!", tally.open as "open!",
                 tally.experiments as "experiments!", tally.falsified_by
               from claim
               join work on work.id = work_id
               left join account on account.id = author_id
               cross join lateral (
                 select count(*) filter (where outcome = 'supported') as supported,
                   count(*) filter (where outcome = 'falsified') as falsified,
                   count(*) filter (where outcome = 'inconclusive') as inconclusive,
                   count(*) filter (where state in ('registered', 'running', 'stalled')) as open,
                   count(*) filter (where state <> 'withdrawn') as experiments,
                   max(experiment.id) filter (where outcome = 'falsified') as falsified_by
                 from experiment left join verdict on verdict.experiment_id = experiment.id
                 where claim_id = claim.id
               ) as tally "# + $tail
            $(, $argument)*
        )
    };
}

/// The claims of a work, by label.
pub async fn of_work(db: impl PgExecutor<'_>, work: WorkId) -> sqlx::Result<Vec<Claim>> {
    select_claims!(
        "where work_id = $1 order by left(label, 1), substring(label from '[0-9]+')::int, label",
        work.0
    )
    .fetch_all(db)
    .await
}

/// One claim.
pub async fn find(db: impl PgExecutor<'_>, id: ClaimId) -> sqlx::Result<Option<Claim>> {
    select_claims!("where claim.id = $1", id.0)
        .fetch_optional(db)
        .await
}

/// The claims that narrow this one.
pub async fn revisions(db: impl PgExecutor<'_>, id: ClaimId) -> sqlx::Result<Vec<Claim>> {
    select_claims!("where revises = $1 order by claim.id", id.0)
        .fetch_all(db)
        .await
}

/// The claims that are tried most, for the first page: counted in the index, and read only once they are found.
pub async fn busiest(db: impl PgExecutor<'_>, limit: i64) -> sqlx::Result<Vec<Claim>> {
    select_claims!(
        "where claim.id in (
             select claim.id from claim left join (
                 select claim_id, count(*) as tried from experiment where state <> 'withdrawn' group by claim_id
             ) busy on busy.claim_id = claim.id
             order by coalesce(busy.tried, 0) desc, claim.id limit $1)
         order by tally.experiments desc, claim.id",
        limit
    )
    .fetch_all(db)
    .await
}

/// A claim to choose.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Key.
    pub id: ClaimId,
    /// Short name within the work.
    pub label: String,
    /// The claim.
    pub sentence: String,
}

/// All claims, for choosing one; by work and label.
pub async fn choices(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Choice>> {
    sqlx::query_as!(
        Choice,
        r#"select id as "id: ClaimId", label, sentence from claim
           order by work_id, left(label, 1), substring(label from '[0-9]+')::int, label limit 1000"#
    )
    .fetch_all(db)
    .await
}

/// All claims with how they fared; by work and label.
pub async fn all(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Claim>> {
    select_claims!(
        "order by work_id, left(label, 1), substring(label from '[0-9]+')::int, label limit 1000"
    )
    .fetch_all(db)
    .await
}
