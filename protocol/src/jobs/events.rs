//! The event log and the notifications that go with it.

use super::CHANGES_CHANNEL;
use crate::id::{AccountId, ExperimentId, RunId};
use sqlx::PgConnection;

/// Writes one event and wakes whoever watches the experiment; both take effect with the transaction.
pub(super) async fn record(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    run: Option<RunId>,
    actor: Option<AccountId>,
    kind: &str,
    data: serde_json::Value,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into run_event (experiment_id, run_id, actor_id, kind, data) values ($1, $2, $3, $4, $5)",
        experiment as ExperimentId,
        run as Option<RunId>,
        actor as Option<AccountId>,
        kind,
        data,
    )
    .execute(&mut *tx)
    .await?;
    changed(tx, experiment).await
}

/// Wakes whoever watches the experiment's page. Only a hint: pages also poll.
pub(super) async fn changed(tx: &mut PgConnection, experiment: ExperimentId) -> sqlx::Result<()> {
    sqlx::query!(
        "select pg_notify($1, $2)",
        CHANGES_CHANNEL,
        experiment.to_string()
    )
    .execute(tx)
    .await?;
    Ok(())
}
