//! `reproduce`: runs of a concluded experiment once more, here, and what is said of their numbers.
//!
//! What a board hands out is a stranger's: it is checked before anything is trained, and each run is trained by a child with
//! a trainer's rights, as for a worker.

mod address;
mod board;
mod child;
mod choice;
mod source;
mod told;

use crate::cli::ReproduceArgs;
use crate::local::progress::Progress;
use crate::local::{Ended, Run};
use crate::signals;
use breakmywork_protocol::reproduction::{
    Device, Handout, Machine, Report, Reported, Word, agreement,
};
use breakmywork_protocol::result::RunResult;
use breakmywork_training::device::DeviceChoice;
use breakmywork_training::events;
use breakmywork_training::precision::Products;
use breakmywork_training::train::{self, Outcome, Requests};
use choice::Chosen;
use std::io::{self, Write};
use std::sync::atomic::Ordering;
use told::{Compared, Told};

/// The numbers are identical, or within tolerance.
const SAME: u8 = 0;
/// A number is different.
const DIFFERENT: u8 = 1;
/// It could not be found out; a wrong flag ends with this, too.
const COULD_NOT: u8 = 2;

/// Trains what was asked for again and gives the exit code.
pub fn run(args: &ReproduceArgs) -> u8 {
    start(args).unwrap_or_else(|message| {
        say(&message);
        COULD_NOT
    })
}

fn start(args: &ReproduceArgs) -> Result<u8, String> {
    let products = args.products.unwrap_or_default();
    args.device.multiplies(products)?;
    let poster = match args.report {
        true => Some(board::Poster::new(args)?),
        false => None,
    };
    let source = source::read(&args.source)?;
    let handout = &source.handout;
    let chosen = choice::of(args, handout, source.run)?;
    choice::data_sets(args, &chosen)?;
    say(&choice::announced(args, handout, &chosen));
    let requests =
        signals::listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let mut compared = Vec::new();
    for (at, one) in chosen.iter().enumerate() {
        let place = (at + 1, chosen.len());
        compared.push(again(args, products, one, place, &requests)?);
    }
    let threads = chosen.first().map_or(1, |one| one.threads(args));
    let told = Told::new(
        handout,
        args.tolerance,
        here(args, products, threads),
        compared,
    );
    let reported = match &poster {
        Some(poster) => Some(poster.post(&source, &report(&told))?),
        None => None,
    };
    show(args, &told, reported.as_ref())?;
    Ok(match told.word {
        Word::Identical | Word::WithinTolerance => SAME,
        Word::Different => DIFFERENT,
    })
}

/// Trains one run again and holds its numbers against the board's.
fn again(
    args: &ReproduceArgs,
    products: Products,
    one: &Chosen,
    (number, of): (usize, usize),
    requests: &Requests,
) -> Result<Compared, String> {
    let run = Run {
        trial: None,
        plan: one.plan.clone(),
    };
    let mut progress = Progress::new(&run, number, of);
    let how = child::How {
        device: args.device,
        products,
        threads: one.threads(args),
        data_sets: &args.folder.data_sets,
        checkpoints: args.checkpoint_dir.as_deref(),
        checkpoint_every: args.checkpoint_every,
    };
    let outcome = child::train(&how, &run.plan, requests, &mut |event| {
        progress.heard(event)
    });
    let end = match outcome {
        Ok(Outcome::Finished(result)) => Ok(result),
        Ok(Outcome::Stopped { step }) => {
            progress.stopped(step);
            return Err("Stopped before all runs were trained, so nothing is said of them.".into());
        }
        Err(failure) => Err(failure),
    };
    let ended = Ended {
        trial: None,
        plan: run.plan,
        end,
    };
    progress.ended(&ended);
    let result = match ended.end {
        Ok(result) => Some(*result),
        Err(failure) if failure.kind == events::FailureKind::Diverged => None,
        Err(failure) => {
            return Err(format!(
                "Run {} ({}, seed {}) could not be trained here, so nothing is said: {failure}",
                one.run.run, one.run.arm, one.run.seed
            ));
        }
    };
    Ok(held_against(args, one, result))
}

fn held_against(args: &ReproduceArgs, one: &Chosen, result: Option<RunResult>) -> Compared {
    let theirs = one.run.provenance.as_ref().map(Machine::of);
    let ours = result
        .as_ref()
        .map(|result| Machine::of(&result.provenance));
    let repeats = match (&theirs, &ours) {
        (Some(theirs), Some(ours)) => theirs.repeats(ours),
        _ => false,
    };
    let tolerance = if repeats { 0.0 } else { args.tolerance };
    let got = result.map(|result| result.metrics);
    Compared {
        agreement: agreement(one.run.metrics.as_ref(), got.as_ref(), tolerance),
        run: one.run.clone(),
        got,
        repeats,
    }
}

/// This machine, as it trains here.
fn here(args: &ReproduceArgs, products: Products, threads: u16) -> Machine {
    let (device, arithmetic) = match args.device {
        DeviceChoice::Cpu => (Device::Cpu, train::instructions().to_owned()),
        DeviceChoice::Cuda(_) => (Device::Cuda, products.to_string()),
    };
    Machine {
        device,
        arithmetic,
        device_name: args.device.name(),
        threads: u32::from(threads),
        worker_version: train::VERSION.to_owned(),
        code_version: train::CODE_VERSION.to_owned(),
    }
}

fn report(told: &Told<'_>) -> Report {
    let run = |one: &Compared| Reported {
        run: one.run.run,
        seed: one.run.seed,
        metrics: one.got.as_ref().map(|got| {
            // The board asks for what it has; what another version measures besides is nobody's business.
            let expected = one.run.metrics.as_ref();
            let asked = |name: &String| expected.is_none_or(|all| all.contains_key(name));
            let kept = got.iter().filter(|(name, _)| asked(name));
            kept.map(|(name, value)| (name.clone(), *value)).collect()
        }),
    };
    Report {
        machine: told.here.clone(),
        runs: told.compared.iter().map(run).collect(),
    }
}

fn show(
    args: &ReproduceArgs,
    told: &Told<'_>,
    reported: Option<&board::Posted>,
) -> Result<(), String> {
    let wrong = |error: io::Error| format!("the report could not be written: {error}");
    let mut stdout = io::stdout().lock();
    if args.json {
        return events::write_json_line(stdout, &told.json(reported)).map_err(wrong);
    }
    write!(stdout, "{told}").map_err(wrong)?;
    match reported {
        Some(posted) => writeln!(
            stdout,
            "\nReported as {}: the board says {}. It stands at {}",
            posted.number,
            posted.word.words(),
            posted.page
        )
        .map_err(wrong),
        None => Ok(()),
    }
}

/// Whether somebody asked for the end.
fn stops(requests: &Requests) -> bool {
    requests.stop.load(Ordering::Relaxed)
}

/// The experiment of a handout, as people name it.
fn name(handout: &Handout) -> String {
    format!("experiment {}", handout.experiment)
}

fn say(message: &str) {
    // There is nowhere else to say it.
    let _ = writeln!(io::stderr().lock(), "{message}");
}
