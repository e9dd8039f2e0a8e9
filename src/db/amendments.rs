//! Amendments: which experiment came after which, and when.

use super::visible::Visible;
use breakmywork_protocol::id::ExperimentId;
use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

/// An experiment in a line of amendments.
#[derive(Debug, Clone)]
pub struct Amendment {
    /// Key.
    pub id: ExperimentId,
    /// Its title.
    pub title: String,
    /// Its state.
    pub state: String,
    /// Who proposed it.
    pub author: String,
    /// What it amends.
    pub amends: Option<ExperimentId>,
    /// Why, if who amends it proposed what it amends, too: what others say of that stands on their own page alone.
    pub reason: Option<String>,
}

/// An experiment's amendments, withdrawn, sealed and hidden ones left out: its author's first, then registered ones, the newest first.
///
/// # Errors
/// If the database is away.
pub async fn of(
    db: impl PgExecutor<'_>,
    experiment: ExperimentId,
    limit: i64,
) -> sqlx::Result<Vec<Amendment>> {
    sqlx::query_as!(
        Amendment,
        r#"select e.id as "id: ExperimentId", e.title, e.state, account.name as author, e.amends as "amends: ExperimentId",
             case when e.author_id = any (accounts_of(earlier.author_id)) then e.amend_reason end as reason
           from experiment e join experiment earlier on earlier.id = e.amends join account on account.id = e.author_id
           where e.amends = $1 and e.state <> 'withdrawn' and not e.closed and e.hidden_at is null
           order by e.author_id = earlier.author_id desc, e.registered_at is not null desc, e.id desc limit $2"#,
        experiment as ExperimentId,
        limit,
    )
    .fetch_all(db)
    .await
}

/// What an experiment amends, and what that amends in turn, the nearest first; without reasons.
///
/// # Errors
/// If the database is away.
pub async fn earlier(
    db: impl PgExecutor<'_>,
    experiment: ExperimentId,
    limit: i64,
) -> sqlx::Result<Vec<Amendment>> {
    // Each is older than what amends it, so there is no way round.
    sqlx::query_as!(
        Amendment,
        r#"with recursive line as (
             select amends as id, 1 as place from experiment where id = $1
             union all
             select e.amends, place + 1 from line join experiment e on e.id = line.id where place < $2)
           select e.id as "id!: ExperimentId", e.title as "title!", e.state as "state!", account.name as author,
             e.amends as "amends: ExperimentId", null::text as reason
           from line join public_experiment e on e.id = line.id join account on account.id = e.author_id order by place"#,
        experiment as ExperimentId,
        limit as i32,
    )
    .fetch_all(db)
    .await
}

/// When the first run of an experiment began, and when the first one ended that was not cancelled; of the test of a rival the
/// runs that it shares.
///
/// # Errors
/// If the database is away.
pub async fn first_runs(
    db: impl PgExecutor<'_>,
    experiment: Visible,
) -> sqlx::Result<(Option<DateTime<Utc>>, Option<DateTime<Utc>>)> {
    let row = sqlx::query!(
        "select min(started_at) as began, min(finished_at) filter (where state in ('succeeded', 'failed')) as ended
         from run where experiment_id = (select coalesce(shares_runs_of, id) from experiment where id = $1)",
        experiment.id() as ExperimentId,
    )
    .fetch_one(db)
    .await?;
    Ok((row.began, row.ended))
}
