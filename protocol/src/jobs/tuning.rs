//! The stage before the comparison: each arm's trials run, the arm chooses, and the runs that are compared are queued with
//! what it chose.

use super::conclude::end;
use super::submit;
use super::{Result, events};
use crate::id::{AccountId, ExperimentId};
use crate::record::{self, Act, Subject};
use crate::scope::Point;
use crate::spec::{Spec, TunedSettings};
use crate::tuning::{Choice, Missing, Tried, choose, settings};
use serde_json::json;
use sqlx::PgConnection;
use std::collections::BTreeMap;

/// Enters the trials and queues their runs, seeds outermost.
pub(super) async fn begin(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    author: AccountId,
    spec: &Spec,
    salt: Option<&str>,
) -> sqlx::Result<()> {
    let trials = spec.trials(salt);
    let limited = |number: u32| i32::try_from(number).expect("trials are limited");
    let numbers: Vec<i32> = trials.iter().map(|trial| limited(trial.number)).collect();
    let arms: Vec<String> = trials.iter().map(|trial| trial.arm.clone()).collect();
    let settings: Vec<serde_json::Value> =
        trials.iter().map(|trial| json!(trial.settings)).collect();
    sqlx::query!(
        "insert into trial (experiment_id, number, arm, settings)
         select $1, number, arm, settings from unnest($2::integer[], $3::text[], $4::jsonb[]) as t (number, arm, settings)",
        experiment as ExperimentId,
        &numbers,
        &arms,
        &settings
    )
    .execute(&mut *tx)
    .await?;
    let mut runs = Vec::new();
    for seed in spec.tuning_seeds(salt) {
        runs.extend(trials.iter().filter_map(|trial| {
            Some((Some(limited(trial.number)), spec.trial_plan(trial, seed)?))
        }));
    }
    submit::queue(tx, experiment, author, &runs).await
}

/// How the runs of the trials ended, the newest of each line.
async fn tried(tx: &mut PgConnection, experiment: ExperimentId) -> sqlx::Result<Vec<Tried>> {
    let rows = sqlx::query!(
        r#"select trial as "trial!", seed as "seed!", state as "state!", failure, error, result from trial_runs($1)
           where counts order by id"#,
        experiment as ExperimentId
    )
    .fetch_all(tx)
    .await?;
    let decode = |error: std::num::TryFromIntError| sqlx::Error::Decode(error.into());
    rows.into_iter()
        .map(|row| {
            Ok(Tried {
                trial: u32::try_from(row.trial).map_err(decode)?,
                seed: u32::try_from(row.seed).map_err(decode)?,
                end: end(&row.state, row.failure.as_deref(), row.error, row.result),
            })
        })
        .collect()
}

/// What the arms choose by the runs of their trials as they are now. None of an experiment that is not tuned.
///
/// # Errors
/// If the database is away.
pub(crate) async fn chosen_again(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    spec: &Spec,
    salt: Option<&str>,
) -> sqlx::Result<Option<Result<Choice, Missing>>> {
    let Some(tuning) = &spec.tuning else {
        return Ok(None);
    };
    let tried = tried(tx, experiment).await?;
    Ok(Some(choose(
        tuning,
        &spec.trials(salt),
        &spec.tuning_seeds(salt),
        &tried,
    )))
}

/// Of a tuned experiment all runs of which have ended, and none of which was compared: chooses, puts that on record, and
/// queues what is compared. Says whether it did.
pub(super) async fn next_stage(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    author: AccountId,
    spec: &Spec,
    salt: Option<&str>,
) -> sqlx::Result<bool> {
    if spec.tuning.is_none() {
        return Ok(false);
    }
    let compares = sqlx::query_scalar!(
        r#"select exists (select from run where experiment_id = $1 and trial is null) as "it!""#,
        experiment as ExperimentId
    )
    .fetch_one(&mut *tx)
    .await?;
    if compares {
        return Ok(false);
    }
    let Some(Ok(choice)) = chosen_again(&mut *tx, experiment, spec, salt).await? else {
        return Ok(false);
    };
    keep(&mut *tx, experiment, &choice).await?;
    let settled = spec.settled(&settings(&choice));
    if let Some(point) = Point::of(&settled) {
        submit::enter_point(&mut *tx, experiment, &point).await?;
    }
    submit::first_runs(tx, experiment, author, &settled, &spec.seeds_drawn(salt)).await?;
    Ok(true)
}

/// Stores the choice and puts it on record.
async fn keep(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    choice: &Choice,
) -> sqlx::Result<()> {
    let number = |number: u32| i32::try_from(number).expect("trials are limited");
    let numbers: Vec<i32> = choice.values().map(|trial| number(trial.number)).collect();
    sqlx::query!(
        "update trial set chosen = true where experiment_id = $1 and number = any ($2)",
        experiment as ExperimentId,
        &numbers
    )
    .execute(&mut *tx)
    .await?;
    let trials: BTreeMap<&String, u32> = choice
        .iter()
        .map(|(arm, trial)| (arm, trial.number))
        .collect();
    let particulars = json!({ "chosen": trials, "settings": settings(choice) });
    let subject = Subject::Experiment(experiment);
    record::act(&mut *tx, subject, Act::Tuned, None, particulars).await?;
    events::changed(tx, experiment).await
}

/// The specification with what the arms have chosen: what is compared. Itself, if it is not tuned or nothing is chosen yet.
///
/// # Errors
/// If the database is away.
pub async fn settled(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    spec: &Spec,
) -> sqlx::Result<Spec> {
    if spec.tuning.is_none() {
        return Ok(spec.clone());
    }
    let chosen = chosen(tx, experiment).await?;
    Ok(match chosen.is_empty() {
        true => spec.clone(),
        false => spec.settled(&chosen),
    })
}

/// What each arm has chosen; nothing if it is not tuned, or nothing is chosen yet.
///
/// # Errors
/// If the database is away.
pub async fn chosen(
    tx: &mut PgConnection,
    experiment: ExperimentId,
) -> sqlx::Result<BTreeMap<String, TunedSettings>> {
    let rows = sqlx::query!(
        r#"select arm as "arm!", settings as "settings!" from trials_of($1) where chosen"#,
        experiment as ExperimentId
    )
    .fetch_all(tx)
    .await?;
    let read = |settings| {
        serde_json::from_value(settings).map_err(|error| sqlx::Error::Decode(error.into()))
    };
    rows.into_iter()
        .map(|row| Ok((row.arm, read(row.settings)?)))
        .collect()
}
