//! What the arms of a tuned experiment tried and chose, held against its specification and its runs.

use super::finding::{Finding, What};
use crate::id::ExperimentId;
use crate::jobs;
use crate::record::{Entry, digest};
use crate::spec::{Plan, Spec};
use serde_json::{Value, json};
use sqlx::PgConnection;
use std::collections::BTreeMap;

/// Trials must be those that were drawn, what was chosen must follow from their runs, and every run must have trained what
/// follows from both.
pub(super) async fn tuned(
    tx: &mut PgConnection,
    entry: &Entry,
    found: &mut Vec<Finding>,
) -> sqlx::Result<()> {
    let experiment = ExperimentId(entry.subject_id.unwrap_or_default());
    let row = sqlx::query!(
        "select spec, seed_salt from experiment where id = $1",
        experiment as ExperimentId
    )
    .fetch_optional(&mut *tx)
    .await?;
    // What cannot be read any more, and what is not there, is told elsewhere.
    let Some((Ok(spec), salt)) = row.map(|row| (Spec::from_stored(&row.spec), row.seed_salt))
    else {
        return Ok(());
    };
    if spec.tuning.is_none() {
        return Ok(());
    }
    let mut tell = |what, detail: &str| found.push(Finding::of(entry, what, detail));
    let salt = salt.as_deref();
    let trials = sqlx::query!(
        r#"select number, arm as "arm?", settings, chosen from trial where experiment_id = $1 order by number"#,
        experiment as ExperimentId
    )
    .fetch_all(&mut *tx)
    .await?;
    let drawn = spec.trials(salt);
    let drawn_of = |number: i32| {
        drawn
            .iter()
            .find(|trial| i64::from(trial.number) == i64::from(number))
    };
    let alike = trials.len() == drawn.len()
        && trials.iter().zip(&drawn).all(|(stored, drawn)| {
            i64::from(stored.number) == i64::from(drawn.number)
                && stored.arm.as_deref() == Some(&drawn.arm)
                && digest(&stored.settings) == digest(&json!(drawn.settings))
        });
    if !alike {
        tell(
            What::RowChanged,
            "its trials are not those that follow from its specification",
        );
    }
    let stored: BTreeMap<String, u32> = (trials.iter())
        .filter(|trial| trial.chosen)
        .filter_map(|trial| Some((trial.arm.clone()?, u32::try_from(trial.number).ok()?)))
        .collect();
    // Of one that was stopped or given up before its arms could choose, nothing is chosen.
    let again = match jobs::chosen_again(&mut *tx, experiment, &spec, salt).await? {
        Some(Ok(choice)) => choice
            .into_iter()
            .map(|(arm, trial)| (arm, trial.number))
            .collect(),
        Some(Err(_)) | None => BTreeMap::new(),
    };
    if stored != again {
        let detail = format!(
            "its arms chose {}; by the runs of their trials it is {}",
            json!(stored),
            json!(again)
        );
        tell(What::NotReproduced, &detail);
    }
    let chosen = (stored.iter())
        .filter_map(|(arm, number)| Some((arm.clone(), drawn_of(*number as i32)?.settings.clone())))
        .collect();
    let settled = spec.settled(&chosen);
    let runs = sqlx::query!(
        "select id, trial, arm, seed, plan from run where experiment_id = $1 order by id",
        experiment as ExperimentId
    )
    .fetch_all(&mut *tx)
    .await?;
    let seeds = [spec.seeds_drawn(salt), spec.tuning_seeds(salt)];
    for run in runs {
        let seed = u32::try_from(run.seed).unwrap_or_default();
        let follows: Option<Plan> = match run.trial {
            Some(number) => drawn_of(number).and_then(|trial| spec.trial_plan(trial, seed)),
            None => settled.plan(&run.arm, seed),
        };
        let drawn = seeds[usize::from(run.trial.is_some())].contains(&seed);
        let trains = follows.map_or(Value::Null, |plan| {
            serde_json::to_value(plan).unwrap_or_default()
        });
        if !drawn || digest(&trains) != digest(&run.plan) {
            let detail = format!(
                "run {} trained something else than what its arm tried or chose",
                run.id
            );
            tell(What::NotReproduced, &detail);
        }
    }
    Ok(())
}
