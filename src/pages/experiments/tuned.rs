//! What each arm tried and chose before it was compared, with a picture of each optimum.

use crate::{
    db::experiments::Experiment,
    error::Result,
    render::{
        chart::optimum::{Optimum, Point},
        html::Html,
        number,
    },
    state::AppState,
    tuning::{self, ArmTuning, ExperimentTuning},
};
use breakmywork_protocol::{
    metric,
    spec::{Scale, Spec},
    tuning::in_words,
};

/// What the page shows of it.
#[derive(Debug)]
pub(super) struct TuningShown {
    pub(super) tuned: ExperimentTuning,
    pub(super) plots: Vec<OptimumPlot>,
}

/// A picture, and whose over what.
#[derive(Debug)]
pub(super) struct OptimumPlot {
    pub(super) svg: Html,
    pub(super) title: String,
}

impl TuningShown {
    /// Whether the arms have chosen.
    pub(super) fn is_chosen(&self) -> bool {
        self.tuned.arms.iter().any(|arm| arm.chosen.is_some())
    }

    /// What an arm chose in words, and what is to be said of it.
    pub(super) fn words(&self, arm: &ArmTuning) -> String {
        let Some(best) = arm
            .trials
            .iter()
            .find(|trial| Some(trial.trial) == arm.chosen)
        else {
            return format!("{} trials, none chosen.", arm.trials.len());
        };
        let median = best.median.map_or_else(
            || "diverged".to_owned(),
            |median| {
                format!(
                    "{} in {}",
                    number::value(median),
                    metric::words(&self.tuned.metric)
                )
            },
        );
        let others = arm.trials.len() - 1;
        let flat = match arm.as_good {
            Some(as_good) if as_good > 0 => {
                format!(
                    "{as_good} of its {others} other trials lie within what the seeds of this one spread over."
                )
            }
            _ => format!(
                "None of its {others} other trials lies within what the seeds of this one spread over."
            ),
        };
        format!("{} ({median}). {flat}", in_words(&best.settings))
    }
}

/// That of an experiment that is registered and tuned.
pub(super) async fn of(
    state: &AppState,
    experiment: &Experiment,
    spec: &Spec,
) -> Result<Option<TuningShown>> {
    let salt = experiment.seed_salt.as_deref();
    let tuned = tuning::of(&state.pool, experiment.seen()?, spec, salt).await?;
    Ok(tuned.map(|tuned| TuningShown {
        plots: plots(spec, &tuned),
        tuned,
    }))
}

/// A picture for each arm and field, on one scale of the metric.
fn plots(spec: &Spec, tuned: &ExperimentTuning) -> Vec<OptimumPlot> {
    let fields = spec.tuning.iter().flat_map(|tuning| &tuning.fields);
    let values = || {
        tuned
            .arms
            .iter()
            .flat_map(|arm| &arm.trials)
            .flat_map(|trial| trial.values.iter().copied())
    };
    let range = [
        values().fold(f64::INFINITY, f64::min),
        values().fold(f64::NEG_INFINITY, f64::max),
    ];
    let mut plots = Vec::new();
    for (at, field) in fields.enumerate() {
        for (of, arm) in tuned.arms.iter().enumerate() {
            let point = |trial: &tuning::TuningTrial| {
                Some(Point {
                    at: *trial.settings.get(&field.field)?,
                    values: trial.values.clone(),
                    median: trial.median,
                    diverged: trial.diverged,
                    chosen: Some(trial.trial) == arm.chosen,
                })
            };
            let points: Vec<Point> = arm.trials.iter().filter_map(point).collect();
            let optimum = Optimum {
                id: &format!("optimum-{at}-{of}"),
                arm: &arm.arm,
                field: &field.field,
                log: field.scale == Scale::Log,
                metric: &metric::words(&tuned.metric),
                points: &points,
                range,
            };
            plots.extend(optimum.svg().map(|svg| OptimumPlot {
                svg,
                title: format!(
                    "{}: {} over {}",
                    arm.arm,
                    metric::words(&tuned.metric),
                    field.field
                ),
            }));
        }
    }
    plots
}

/// The settings of a trial.
pub(super) fn settings(trial: &tuning::TuningTrial) -> String {
    in_words(&trial.settings)
}

/// What is to be said of a trial.
pub(super) fn note(trial: &tuning::TuningTrial, arm: &ArmTuning) -> String {
    let mut notes = Vec::new();
    if Some(trial.trial) == arm.chosen {
        notes.push("chosen".to_owned());
    }
    if trial.diverged > 0 {
        notes.push(format!("{} diverged", trial.diverged));
    }
    if trial.waiting > 0 {
        notes.push(format!("{} not ended", trial.waiting));
    }
    notes.join(", ")
}
