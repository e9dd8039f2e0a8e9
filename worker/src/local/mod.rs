//! `train`: every run of a specification, here and one after the other, without a board.

pub(crate) mod progress;
pub(crate) mod report;
mod tuned;

use crate::cli::TrainArgs;
use crate::signals;
use breakmywork_protocol::result::RunResult;
use breakmywork_protocol::spec::{self, Format, Plan, Spec};
use breakmywork_protocol::tuning;
use breakmywork_training::events::{self, Event, Failure, FailureKind};
use breakmywork_training::train::{self, Checkpoints, Options, Outcome, Requests};
use breakmywork_training::{checkpoint, exit};
use progress::Progress;
use report::Report;
use serde::Serialize;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A run to be trained.
pub(crate) struct Run {
    /// Number of the trial that it is a run of; none of what is compared.
    pub(crate) trial: Option<u32>,
    pub(crate) plan: Plan,
}

/// A run that has ended.
pub(crate) struct Ended {
    pub(crate) trial: Option<u32>,
    pub(crate) plan: Plan,
    pub(crate) end: Result<Box<RunResult>, Failure>,
}

/// One line of `--json`: the trainer's event, and of which run it is.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    event: &'a Event,
    /// The trial that it is a run of, where settings are tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    trial: Option<u32>,
    arm: &'a str,
    seed: u32,
}

/// Trains what was asked for and gives the exit code.
pub fn run(args: &TrainArgs) -> u8 {
    match start(args) {
        Ok(code) => code,
        Err(message) => {
            complain(&message);
            exit::FAILED
        }
    }
}

fn start(args: &TrainArgs) -> Result<u8, String> {
    let spec = read(&args.spec)?;
    let arms = arms(&spec, &args.arms)?;
    tuned::check(&spec, &args.seeds)?;
    args.device.open()?;
    let requests =
        signals::listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let trials = tuned::runs(&spec, &arms);
    let (tried, stopped) = train_all(args, &trials, &requests);
    if stopped {
        return Ok(exit::PREEMPTED);
    }
    let choice = tuned::choice(args, &spec, &arms, &tried)?;
    let settled = spec.settled(&tuning::settings(&choice));
    let runs = runs(&settled, &spec.seeds_drawn(None), &arms, &args.seeds);
    let (ended, stopped) = train_all(args, &runs, &requests);
    let complete = !stopped && runs.len() == spec.runs();
    report(args, &Report::new(&spec, &choice, &ended, complete))?;
    if stopped {
        return Ok(exit::PREEMPTED);
    }
    let failed = ended.iter().any(|run| run.end.is_err());
    Ok(if failed { exit::FAILED } else { exit::DONE })
}

/// Trains one run after the other; those that ended, and whether it was asked to stop before all had.
fn train_all(args: &TrainArgs, runs: &[Run], requests: &Requests) -> (Vec<Ended>, bool) {
    let mut ended = Vec::new();
    for (index, run) in runs.iter().enumerate() {
        let mut progress = Progress::new(run, index + 1, runs.len());
        let end = match train_one(args, run, requests, &mut progress) {
            Ok(Outcome::Finished(result)) => Ok(result),
            Ok(Outcome::Stopped { step }) => {
                progress.stopped(step);
                return (ended, true);
            }
            Err(failure) => Err(failure),
        };
        ended.push(Ended {
            trial: run.trial,
            plan: run.plan.clone(),
            end,
        });
        progress.ended(&ended[index]);
    }
    (ended, false)
}

/// Reads the specification, or says everything that is wrong with it.
fn read(path: &Path) -> Result<Spec, String> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let json = path
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    let format = if json { Format::Json } else { Format::Toml };
    spec::read_bytes(&bytes, format).map_err(|problems| {
        let lines = problems.0.iter().map(|problem| format!("\n  {problem}"));
        format!(
            "{} cannot be trained:{}",
            path.display(),
            lines.collect::<String>()
        )
    })
}

/// The arms that were asked for, or all of them.
fn arms(spec: &Spec, arms: &[String]) -> Result<Vec<String>, String> {
    if let Some(unknown) = arms
        .iter()
        .find(|name| spec.arms.iter().all(|arm| arm.name != **name))
    {
        let names: Vec<String> = spec
            .arms
            .iter()
            .map(|arm| format!("{:?}", arm.name))
            .collect();
        return Err(format!(
            "there is no arm {unknown:?}; the specification has {}",
            names.join(", ")
        ));
    }
    let all = spec.arms.iter().map(|arm| arm.name.clone());
    Ok(all
        .filter(|name| arms.is_empty() || arms.contains(name))
        .collect())
}

/// The runs of those arms and seeds; seeds outermost, so that pairs are complete early.
fn runs(spec: &Spec, planned: &[u32], arms: &[String], seeds: &[u32]) -> Vec<Run> {
    // Any seed may be tried, also one that the specification does not name.
    let seeds = if seeds.is_empty() { planned } else { seeds };
    let of_seed = |&seed: &u32| {
        let plans = arms.iter().filter_map(move |arm| spec.plan(arm, seed));
        plans.map(|plan| Run { trial: None, plan })
    };
    seeds.iter().flat_map(of_seed).collect()
}

fn train_one(
    args: &TrainArgs,
    run: &Run,
    requests: &Requests,
    progress: &mut Progress,
) -> Result<Outcome, Failure> {
    let plan = &run.plan;
    let mut emit = |event: Event| {
        progress.heard(&event);
        if let (Event::Checkpoint(written), Some(directory)) = (&event, written_to(args, plan)) {
            tracing::debug!(step = written.step, "checkpoint written");
            if let Err(error) = checkpoint::prune(&directory) {
                tracing::warn!("older checkpoints could not be removed: {error}");
            }
        }
        if args.json {
            write_line(run, &event)
        } else {
            Ok(())
        }
    };
    let kept = written_to(args, plan).map(|directory| directory.join("result.json"));
    if let Some(result) = kept.as_ref().and_then(|path| kept_result(path, plan)) {
        let event = Event::Result(Box::new(result.clone()));
        emit(event).map_err(|error| Failure::new(FailureKind::Error, 0, error.to_string()))?;
        return Ok(Outcome::Finished(Box::new(result)));
    }
    // Newest first; what cannot be gone on from is passed over.
    let written = written_to(args, plan);
    let from = written.as_deref().map(checkpoint::list).unwrap_or_default();
    let options = Options {
        device: args.device.device,
        data_sets: args.folder.data_sets.clone(),
        resume: None,
        held: false,
        checkpoints: written_to(args, plan).map(|directory| Checkpoints {
            directory,
            every: Duration::try_from_secs_f64(args.checkpoint_every).unwrap_or(Duration::MAX),
        }),
    };
    let outcome = train::go_on(plan, options, &from, requests, &mut emit);
    match &outcome {
        Ok(Outcome::Finished(result)) => {
            if let Some(path) = kept {
                write_json(&path, result)
                    .map_err(|error| Failure::new(FailureKind::Error, 0, error))?;
            }
        }
        Ok(Outcome::Stopped { .. }) => {}
        Err(failure) => {
            // The failure is the run's last line; if nobody reads, there is nobody to tell.
            let _ = emit(Event::Failure(failure.clone()));
        }
    }
    outcome
}

/// Where a run keeps its files: a folder named by its plan, so that a changed specification never meets old files.
fn written_to(args: &TrainArgs, plan: &Plan) -> Option<PathBuf> {
    args.checkpoint_dir
        .as_ref()
        .map(|directory| directory.join(&plan.sha256()[..16]))
}

/// The result of an earlier call, if this very code made it from this very plan.
fn kept_result(path: &Path, plan: &Plan) -> Option<RunResult> {
    let result: RunResult = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    let same = result.provenance.plan_sha256 == plan.sha256()
        && result.provenance.worker_version == train::VERSION;
    same.then_some(result)
}

fn write_line(run: &Run, event: &Event) -> io::Result<()> {
    let line = Line {
        event,
        trial: run.trial,
        arm: &run.plan.arm,
        seed: run.plan.seed,
    };
    events::write_json_line(io::stdout().lock(), &line)
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), String> {
    let text = serde_json::to_string_pretty(value).map_err(|error| error.to_string())?;
    let wrong = |error: io::Error| format!("{} could not be written: {error}", path.display());
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(wrong)?;
    }
    fs::write(path, text + "\n").map_err(wrong)
}

/// The final table, or the final line of `--json`, and the file of `--out`.
fn report(args: &TrainArgs, report: &Report) -> Result<(), String> {
    if let Some(path) = &args.out {
        write_json(path, report)?;
    }
    let wrong = |error: io::Error| format!("the report could not be written: {error}");
    let mut stdout = io::stdout().lock();
    if !args.json {
        return write!(stdout, "{report}").map_err(wrong);
    }
    match report.verdict_line() {
        Some(line) => events::write_json_line(stdout, &line).map_err(wrong),
        None => Ok(()),
    }
}

fn complain(message: &str) {
    let mut stderr = io::stderr().lock();
    // There is nowhere else to say it.
    let _ = writeln!(stderr, "{message}");
}
