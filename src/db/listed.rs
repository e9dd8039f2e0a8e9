//! Experiments as lists show them: a light row each, made for the rows of one page only.

use breakmywork_protocol::id::{AccountId, ClaimId, ExperimentId};
use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, PgPool};

mod asked;
mod walk;

pub use asked::{OUTCOMES, known, tasks};

pub use walk::{Filter, Key, LOOKED_THROUGH, Place, Sort, Walked, page};

/// An experiment in a list. What a verdict says is taken from its parts, so a list survives one that cannot be read.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Key and part of its address.
    pub id: ExperimentId,
    /// The claim it tests.
    pub claim: ClaimId,
    /// That claim's short name.
    pub claim_label: String,
    /// The title of that claim's work: without it the short name is that of several claims.
    pub work_title: String,
    /// Who proposed it.
    pub author: String,
    /// Short name.
    pub title: String,
    /// What the claim implies here.
    pub prediction: String,
    /// proposed, registered, running, concluded or withdrawn.
    pub state: String,
    /// When it was proposed.
    pub created_at: DateTime<Utc>,
    /// When it was frozen.
    pub registered_at: Option<DateTime<Utc>>,
    /// When the verdict was posted.
    pub concluded_at: Option<DateTime<Utc>>,
    /// How many seeds it plans.
    pub seeds: Option<i32>,
    /// The verdict in one word.
    pub outcome: Option<String>,
    /// A finer word for it.
    pub label: Option<String>,
    /// Mean paired difference.
    pub effect: Option<f64>,
    /// Its lower bound.
    pub low: Option<f64>,
    /// Its upper bound.
    pub high: Option<f64>,
    /// Unit of the difference.
    pub unit: Option<String>,
    /// Smallest effect of interest.
    pub margin: Option<f64>,
    /// Whether its verdict does not move the claim: disputed, or outside what the claim speaks about.
    pub aside: bool,
    /// Pairs that the verdict lists.
    pub pairs: Option<i32>,
    /// Runs that count (a retried one does not), while it is under way.
    pub runs: Option<i64>,
    /// Runs in a final state, while it is under way.
    pub runs_ended: Option<i64>,
    /// Whether it is sealed and not opened: then there is nothing here but that it exists.
    pub closed: bool,
    /// Whether it never carries a verdict.
    pub exploratory: bool,
}

impl Listed {
    /// Whether there is a verdict whose numbers cannot be read: every one that can names its unit, if only by nothing.
    pub fn is_unreadable(&self) -> bool {
        self.outcome.is_some() && self.unit.is_none()
    }

    /// Whether it has a verdict that does not move the claim.
    pub fn stands_aside(&self) -> bool {
        self.aside && self.outcome.is_some()
    }

    /// Whether its runs wait or go on.
    pub fn is_under_way(&self) -> bool {
        self.registered_at.is_some() && self.concluded_at.is_none()
    }
}

/// Whether experiments are listed by whether they take forecasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Forecasts {
    /// Only those that do.
    Open,
}

async fn author_id(db: impl PgExecutor<'_>, name: &str) -> sqlx::Result<Option<AccountId>> {
    sqlx::query_scalar!(
        r#"select id as "id: AccountId" from account where name = $1"#,
        name
    )
    .fetch_optional(db)
    .await
}

/// The newest experiments on a claim.
///
/// # Errors
/// If the database is away.
pub async fn of_claim(
    db: impl PgExecutor<'_>,
    claim: ClaimId,
    limit: i64,
) -> sqlx::Result<Vec<ExperimentId>> {
    sqlx::query_scalar!(
        r#"select id as "id: ExperimentId" from experiment where claim_id = $1 and hidden_at is null order by id desc limit $2"#,
        claim as ClaimId,
        limit,
    )
    .fetch_all(db)
    .await
}

/// The rows of these experiments, in the order in which they are given.
///
/// # Errors
/// If the database is away.
pub async fn rows(
    db: impl PgExecutor<'_>,
    experiments: &[ExperimentId],
) -> sqlx::Result<Vec<Listed>> {
    sqlx::query_as!(
        Listed,
        r#"select e.id as "id!: ExperimentId", e.claim_id as "claim!: ClaimId", claim.label as claim_label,
             work.title as work_title, account.name as author, e.title as "title!", e.prediction as "prediction!", e.state as "state!",
             e.created_at as "created_at!", e.registered_at, e.concluded_at, e.closed as "closed!",
             e.exploratory as "exploratory!",
             case when verdict.outcome is not null then null
               when jsonb_typeof(e.spec -> 'seeds') = 'array' then jsonb_array_length(e.spec -> 'seeds')
               when jsonb_typeof(e.spec -> 'seeds') = 'number' then (e.spec ->> 'seeds')::integer end as seeds,
             verdict.outcome as "outcome?", verdict.sub_label as label, verdict.effect as "effect?", verdict.low, verdict.high,
             verdict.unit, verdict.margin, verdict.pairs,
             e.disputed_at is not null or cardinality(e.outside) > 0 as "aside!",
             tally.runs as "runs?", tally.ended as "runs_ended?"
           from unnest($1::bigint[]) with ordinality as page (id, place)
           join public_experiment e on e.id = page.id
           join claim on claim.id = e.claim_id
           join work on work.id = claim.work_id
           join account on account.id = e.author_id
           left join verdict on verdict.experiment_id = e.id
           left join lateral (
             -- Each retry stands for one run that has ended and counts no more.
             select count(*) - count(retry_of) as runs,
               count(*) filter (where state in ('succeeded', 'failed', 'cancelled')) - count(retry_of) as ended
             from run where run.experiment_id = e.id
           ) tally on e.registered_at is not null and e.concluded_at is null and not e.closed
           order by page.place"#,
        experiments as &[ExperimentId],
    )
    .fetch_all(db)
    .await
}

/// The latest verdicts, newest first.
///
/// # Errors
/// If the database is away.
pub async fn latest_verdicts(pool: &PgPool, limit: i64) -> sqlx::Result<Vec<Listed>> {
    let latest = sqlx::query_scalar!(
        r#"select id as "id: ExperimentId" from experiment
           where state = 'concluded' and not exploratory order by concluded_at desc limit $1"#,
        limit,
    )
    .fetch_all(pool)
    .await?;
    let mut rows = rows(pool, &latest).await?;
    rows.sort_by_key(|row| std::cmp::Reverse(row.concluded_at));
    Ok(rows)
}
