//! What `breakmywork-worker reproduce` reads: the frozen specification and what each run came to, in one file.

use crate::config::Settings;
use crate::db::experiments::Experiment;
use crate::db::frozen::Frozen;
use crate::db::reproductions;
use crate::db::visible::Visible;
use breakmywork_protocol::jobs;
use breakmywork_protocol::reproduction::{Handout, Run};
use sqlx::PgConnection;

/// The file of a registered experiment.
///
/// # Errors
/// If the database is away.
pub async fn handout(
    db: &mut PgConnection,
    experiment: &Experiment,
    visible: Visible,
    frozen: &Frozen,
    settings: &Settings,
) -> sqlx::Result<Handout> {
    let tuned = frozen.spec.get("tuning").is_some_and(|it| !it.is_null());
    let chosen = match tuned {
        true => jobs::chosen(&mut *db, experiment.id).await?,
        false => Default::default(),
    };
    let ended = reproductions::ended(&mut *db, visible).await?;
    let run = |one: reproductions::Ended| {
        // What cannot be read any more cannot be compared either.
        let seed = u32::try_from(one.seed).ok()?;
        let result = one.result();
        if result.is_none() && !one.diverged() {
            return None;
        }
        Some(Run {
            run: one.id,
            seed,
            metrics: result.map(|result| result.metrics.clone()),
            provenance: result.map(|result| result.provenance.clone()),
            arm: one.arm,
        })
    };
    Ok(Handout {
        experiment: experiment.id,
        url: settings.address(&experiment.address()),
        title: experiment.title.clone(),
        state: experiment.state.clone(),
        outcome: experiment.outcome.clone(),
        shares_runs_of: experiment.shares_runs_of,
        spec: frozen.canonical.clone(),
        spec_sha256: frozen.sha256.clone(),
        chosen,
        runs: ended.into_iter().filter_map(run).collect(),
    })
}
