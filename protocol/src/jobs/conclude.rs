//! The verdict: computed and posted in the transaction that ends the last run of an experiment.

use crate::id::{ClaimId, ExperimentId, ThreadId};
use crate::result::RunResult;
use crate::spec::Spec;
use crate::verdict::{self, Family, RunOutcome, Verdict};
use sqlx::PgConnection;

/// Posts the verdict if no run of the experiment is left to wait for. Called by whatever ends a run.
///
/// The experiment's row is locked first, so of two last runs that end at once exactly one sees the other's end.
pub(super) async fn if_done(tx: &mut PgConnection, experiment: ExperimentId) -> sqlx::Result<()> {
    let row = sqlx::query!(
        r#"select state, claim_id as "claim_id: ClaimId", thread_id as "thread_id: ThreadId", spec
           from experiment where id = $1 for no key update"#,
        experiment as ExperimentId
    )
    .fetch_one(&mut *tx)
    .await?;
    if row.state != "registered" && row.state != "running" {
        return Ok(());
    }
    let waiting = sqlx::query_scalar!(
        r#"select exists (select from run where experiment_id = $1 and state in ('queued', 'running')) as "waiting!""#,
        experiment as ExperimentId
    )
    .fetch_one(&mut *tx)
    .await?;
    if waiting {
        return Ok(());
    }
    let outcomes = outcomes(tx, experiment).await?;
    let family = family(tx, row.claim_id, experiment).await?;
    let verdict = match Spec::from_stored(&row.spec) {
        Ok(spec) => verdict::decide(&spec, &outcomes, &family),
        // The runs have ended all the same, and so must the experiment.
        Err(problems) => Verdict::aborted(format!(
            "The stored specification can no longer be read: {problems}"
        )),
    };
    post(tx, experiment, row.thread_id, &verdict).await
}

/// The newest run of each arm and seed, and how it ended.
async fn outcomes(
    tx: &mut PgConnection,
    experiment: ExperimentId,
) -> sqlx::Result<Vec<RunOutcome>> {
    let rows = sqlx::query!(
        "select arm, seed, state, failure, error, result from run
         where experiment_id = $1 and not exists (select from run later where later.retry_of = run.id)
         order by id",
        experiment as ExperimentId
    )
    .fetch_all(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| RunOutcome {
            arm: row.arm,
            seed: u32::try_from(row.seed).unwrap_or(0),
            end: match (row.state.as_str(), row.failure.as_deref()) {
                ("succeeded", _) => row
                    .result
                    .and_then(|result| serde_json::from_value::<RunResult>(result).ok())
                    .map_or_else(
                        || verdict::End::Missing("its result cannot be read".into()),
                        |result| verdict::End::Finished(Box::new(result)),
                    ),
                ("failed", Some("diverged")) => verdict::End::Diverged,
                ("failed", _) => verdict::End::Missing(row.error.unwrap_or_default()),
                _ => verdict::End::Missing("it was cancelled".into()),
            },
        })
        .collect())
}

/// What else was tried on the claim: the level is shared between all its registered experiments.
async fn family(
    tx: &mut PgConnection,
    claim: ClaimId,
    experiment: ExperimentId,
) -> sqlx::Result<Family> {
    let rows = sqlx::query!(
        "select v.p_value from experiment e left join verdict v on v.experiment_id = e.id
         where e.claim_id = $1 and e.id <> $2 and e.registered_at is not null",
        claim as ClaimId,
        experiment as ExperimentId
    )
    .fetch_all(tx)
    .await?;
    Ok(Family {
        others: rows.len(),
        known: rows.into_iter().filter_map(|row| row.p_value).collect(),
    })
}

async fn post(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    thread: ThreadId,
    verdict: &Verdict,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into verdict (experiment_id, outcome, effect, p_value, detail) values ($1, $2, $3, $4, $5)",
        experiment as ExperimentId,
        verdict.outcome.name(),
        verdict.effect,
        verdict.p_value,
        serde_json::to_value(verdict).expect("a verdict is plain data")
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "insert into comment (thread_id, kind, experiment_id, body) values ($1, 'result', $2, $3)",
        thread as ThreadId,
        experiment as ExperimentId,
        verdict.explanation
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "update experiment set state = 'concluded', concluded_at = now() where id = $1",
        experiment as ExperimentId
    )
    .execute(&mut *tx)
    .await?;
    let data = serde_json::json!({ "outcome": verdict.outcome.name() });
    super::events::record(tx, experiment, None, None, "concluded", data).await
}
