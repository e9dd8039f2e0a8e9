//! The stage before the comparison, where settings are tuned: each arm's trials, and what it chooses.

use super::{Ended, Run, report};
use crate::cli::TrainArgs;
use breakmywork_protocol::spec::{Spec, Trial, TunedSettings};
use breakmywork_protocol::tuning::{Choice, Tried, choose, settings};
use breakmywork_training::events;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io;

/// The line of `--json` between the two stages.
#[derive(Serialize)]
struct TunedLine {
    event: &'static str,
    chosen: BTreeMap<String, TunedSettings>,
}

/// Seeds that settings are chosen on are not compared on: what was chosen on them looks better there than it is.
pub(super) fn check(spec: &Spec, seeds: &[u32]) -> Result<(), String> {
    let own = spec.tuning_seeds(None);
    match seeds.iter().find(|seed| own.contains(seed)) {
        Some(seed) => Err(format!(
            "settings are chosen on seed {seed}, so nothing can be compared on it; give other seeds than {own:?}"
        )),
        None => Ok(()),
    }
}

/// The runs of the trials of those arms; none where nothing is tuned.
pub(super) fn runs(spec: &Spec, arms: &[String]) -> Vec<Run> {
    let trials = trials(spec, arms);
    let run = |trial: &Trial, seed| {
        Some(Run {
            trial: Some(trial.number),
            plan: spec.trial_plan(trial, seed)?,
        })
    };
    let seeds = spec.tuning_seeds(None).into_iter();
    let of_seed = |seed| trials.iter().filter_map(move |trial| run(trial, seed));
    seeds.flat_map(of_seed).collect()
}

fn trials(spec: &Spec, arms: &[String]) -> Vec<Trial> {
    let mut trials = spec.trials(None);
    trials.retain(|trial| arms.contains(&trial.arm));
    trials
}

/// What the arms choose, told where a line is told for each event.
pub(super) fn choice(
    args: &TrainArgs,
    spec: &Spec,
    arms: &[String],
    ended: &[Ended],
) -> Result<Choice, String> {
    let Some(tuning) = &spec.tuning else {
        return Ok(Choice::new());
    };
    let tried: Vec<Tried> = (ended.iter())
        .filter_map(|run| {
            Some(Tried {
                trial: run.trial?,
                seed: run.plan.seed,
                end: report::end(run),
            })
        })
        .collect();
    let choice = choose(
        tuning,
        &trials(spec, arms),
        &spec.tuning_seeds(None),
        &tried,
    )
    .map_err(|missing| missing.reason)?;
    if args.json {
        let line = TunedLine {
            event: "tuned",
            chosen: settings(&choice),
        };
        events::write_json_line(io::stdout().lock(), &line)
            .map_err(|error| format!("the choice could not be written: {error}"))?;
    }
    Ok(choice)
}
