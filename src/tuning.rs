//! What each arm tried, what it chose, and how flat its optimum is: for pages and REST.

use crate::db::{self, visible::Visible};
use breakmywork_protocol::id::RunId;
use breakmywork_protocol::spec::{Spec, Trial, TunedSettings, Tuning};
use breakmywork_protocol::tuning::{Score, at_edges, beside_gaps, median};
use serde::Serialize;
use sqlx::PgPool;
use utoipa::ToSchema;

/// The tuning of an experiment, as far as it is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ExperimentTuning {
    /// The validation metric by which each arm chooses.
    pub metric: String,
    /// Whether less of it is better.
    pub less_is_better: bool,
    /// The seeds on which settings are tried; none of them is compared on.
    pub seeds: Vec<u32>,
    /// Runs of all trials.
    pub runs: usize,
    /// Those that have ended.
    pub ended: usize,
    /// Each arm, in the order of the specification.
    pub arms: Vec<ArmTuning>,
}

/// What an arm tried and chose.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ArmTuning {
    /// Its name.
    pub arm: String,
    /// Number of the trial that it chose; null until every arm has.
    pub chosen: Option<i32>,
    /// Fields of which it chose the lowest or the highest value that it tried: its optimum may lie beyond.
    pub at_edge: Vec<String>,
    /// Fields of which it tried nothing within a factor of ten of what it chose, on one side or the other: its optimum may lie in
    /// the gap.
    pub beside_gap: Vec<String>,
    /// Other trials whose median lies within what the seeds of the chosen one spread over: how flat the optimum is. Null until
    /// it has chosen.
    pub as_good: Option<usize>,
    /// What it tried.
    pub trials: Vec<TuningTrial>,
}

/// A trial of an arm.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TuningTrial {
    /// Number within the experiment.
    pub trial: i32,
    /// What the arm has differently in it, by path.
    #[schema(value_type = Object)]
    pub settings: TunedSettings,
    /// Its runs.
    pub runs: Vec<RunId>,
    /// The metric of each run that has a result.
    pub values: Vec<f64>,
    /// Runs that diverged, which is worse than every value.
    pub diverged: usize,
    /// Runs that are queued or running.
    pub waiting: usize,
    /// Median over the seeds; null while a run waits or is missing, and where it diverged.
    pub median: Option<f64>,
}

/// How the arms of an experiment are tuned; nothing if they are not, or it is not registered.
///
/// # Errors
/// If the database is away.
pub async fn of(
    pool: &PgPool,
    experiment: Visible,
    spec: &Spec,
    salt: Option<&str>,
) -> sqlx::Result<Option<ExperimentTuning>> {
    let Some(tuning) = &spec.tuning else {
        return Ok(None);
    };
    let rows = db::tuning::rows(pool, experiment, &tuning.metric).await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let ended = rows.iter().filter(|row| !is_open(row)).count();
    let arms = spec.arms.iter().map(|arm| {
        let own = rows.iter().filter(|row| row.arm == arm.name);
        of_arm(tuning, &arm.name, own.collect())
    });
    Ok(Some(ExperimentTuning {
        metric: tuning.metric.clone(),
        less_is_better: tuning.less_is_better(),
        seeds: spec.tuning_seeds(salt),
        runs: rows.len(),
        ended,
        arms: arms.collect(),
    }))
}

fn is_open(row: &db::tuning::Row) -> bool {
    row.state == "queued" || row.state == "running"
}

fn of_arm(tuning: &Tuning, arm: &str, rows: Vec<&db::tuning::Row>) -> ArmTuning {
    let trials: Vec<TuningTrial> = (rows.chunk_by(|one, other| one.trial == other.trial))
        .map(|runs| tried(tuning, runs))
        .collect();
    let chosen = rows.iter().find(|row| row.chosen).map(|row| row.trial);
    let best = trials.iter().find(|trial| Some(trial.trial) == chosen);
    let as_trial = |tried: &TuningTrial| Trial {
        number: tried.trial.unsigned_abs(),
        arm: arm.to_owned(),
        settings: tried.settings.clone(),
    };
    let all: Vec<Trial> = trials.iter().map(as_trial).collect();
    ArmTuning {
        at_edge: best.map_or_else(Vec::new, |best| at_edges(all.iter(), &as_trial(best))),
        beside_gap: best.map_or_else(Vec::new, |best| beside_gaps(all.iter(), &as_trial(best))),
        as_good: best.map(|best| as_good(best, &trials)),
        arm: arm.to_owned(),
        chosen,
        trials,
    }
}

fn tried(tuning: &Tuning, runs: &[&db::tuning::Row]) -> TuningTrial {
    let values: Vec<f64> = runs.iter().filter_map(|run| run.value).collect();
    let diverged = runs
        .iter()
        .filter(|run| run.failure.as_deref() == Some("diverged"))
        .count();
    let mut scores: Vec<Score> = values.iter().map(|value| Score::Value(*value)).collect();
    scores.extend(vec![Score::Diverged; diverged]);
    let whole = scores.len() == runs.len();
    let median = match median(tuning, scores) {
        Score::Value(median) if whole => Some(median),
        _ => None,
    };
    TuningTrial {
        trial: runs[0].trial,
        settings: runs[0].settings.0.clone(),
        runs: runs.iter().map(|run| run.run).collect(),
        diverged,
        waiting: runs.iter().filter(|run| is_open(run)).count(),
        values,
        median,
    }
}

/// Other trials with a median within the spread of the best one's seeds.
fn as_good(best: &TuningTrial, trials: &[TuningTrial]) -> usize {
    let low = best.values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = best
        .values
        .iter()
        .copied()
        .fold(f64::NEG_INFINITY, f64::max);
    let within = |trial: &&TuningTrial| {
        trial.trial != best.trial
            && trial
                .median
                .is_some_and(|median| (low..=high).contains(&median))
    };
    trials.iter().filter(within).count()
}
