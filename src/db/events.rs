//! The log of what happened, as pages and the live stream read it.

use super::visible::Visible;
use breakmywork_protocol::id::{ExperimentId, RunId};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgExecutor;

/// Something that happened to a run or an experiment.
#[derive(Debug, Clone)]
pub struct Event {
    /// Growing; the id in the stream.
    pub id: i64,
    /// The experiment.
    pub experiment: ExperimentId,
    /// The run.
    pub run: Option<RunId>,
    /// What happened.
    pub kind: String,
    /// Who did it; none for the machine.
    pub actor: Option<String>,
    /// Particulars.
    pub data: Value,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// What happened to an experiment after event `last`, in order.
///
/// # Errors
/// If the database is away.
pub async fn after(
    db: impl PgExecutor<'_>,
    experiment: Visible,
    last: i64,
    limit: i64,
) -> sqlx::Result<Vec<Event>> {
    sqlx::query_as!(
        Event,
        r#"select e.id, e.experiment_id as "experiment: ExperimentId", e.run_id as "run: RunId", e.kind,
             account.name as "actor?", e.data, e.created_at
           from run_event e left join account on account.id = e.actor_id
           where e.experiment_id = $1 and e.id > $2 order by e.id limit $3"#,
        experiment.id() as ExperimentId,
        last,
        limit
    )
    .fetch_all(db)
    .await
}

/// What happened lately anywhere that everybody may see, newest first; checkpoints, which are many, left out.
///
/// # Errors
/// If the database is away.
pub async fn recent(db: impl PgExecutor<'_>, limit: i64) -> sqlx::Result<Vec<Event>> {
    sqlx::query_as!(
        Event,
        r#"select e.id, e.experiment_id as "experiment: ExperimentId", e.run_id as "run: RunId", e.kind,
             account.name as "actor?", e.data, e.created_at
           from run_event e left join account on account.id = e.actor_id
           where e.kind <> 'checkpoint'
             and not exists (select from experiment x where x.id = e.experiment_id and x.closed)
           order by e.id desc limit $1"#,
        limit
    )
    .fetch_all(db)
    .await
}

/// Id of the latest event of an experiment; 0 before the first.
pub async fn latest(db: impl PgExecutor<'_>, experiment: Visible) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select coalesce(max(id), 0) as "id!" from run_event where experiment_id = $1"#,
        experiment.id().0,
    )
    .fetch_one(db)
    .await
}
