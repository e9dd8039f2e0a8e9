//! The trainer child: one plan in, JSON lines out. It knows neither database nor lease.

use crate::cli::{DeviceArgs, TrainerArgs};
use crate::signals;
use breakmywork_protocol::spec::Plan;
use breakmywork_training::device::DeviceChoice;
use breakmywork_training::events::{self, Event, Failure, FailureKind};
use breakmywork_training::train::{self, Checkpoints, Options, Outcome};
use breakmywork_training::{exit, plan, rights};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

/// Trains and gives the exit code; a failure has been written as the last line.
pub fn run(args: &TrainerArgs) -> u8 {
    match start(args) {
        Ok(Outcome::Finished(_)) => exit::DONE,
        Ok(Outcome::Stopped { .. }) => exit::PREEMPTED,
        Err(failure) => {
            let code = match failure.kind {
                FailureKind::Diverged | FailureKind::Specification | FailureKind::OutOfMemory => {
                    exit::FAILED
                }
                FailureKind::Unfit
                | FailureKind::Machine
                | FailureKind::Checkpoint
                | FailureKind::Error => exit::RETRYABLE,
            };
            if let Err(error) = events::write(io::stdout().lock(), &Event::Failure(failure)) {
                tracing::warn!(%error, "nobody reads the failure");
            }
            code
        }
    }
}

/// Opens the device and says what is wrong with it, if anything.
pub fn probe(args: &DeviceArgs) -> u8 {
    // As a trainer does: whoever looks after the worker reads here what the system does not take.
    rights::give_up(args.device != DeviceChoice::Cpu);
    match args.open() {
        Ok(_) => exit::DONE,
        Err(error) => {
            tracing::error!("{error}");
            exit::FAILED
        }
    }
}

fn start(args: &TrainerArgs) -> Result<Outcome, Failure> {
    let error = |what: &str, error: io::Error| {
        Failure::new(FailureKind::Machine, 0, format!("{what}: {error}"))
    };
    if let Some(parent) = args.parent {
        die_with(parent).map_err(|e| error("cannot follow the worker's end", e))?;
    }
    rights::give_up(args.device != DeviceChoice::Cpu);
    let requests = signals::listen().map_err(|e| error("cannot listen for signals", e))?;
    let text = read(&args.plan).map_err(|e| error("cannot read the plan", e))?;
    let specification = |message: String| Failure::new(FailureKind::Specification, 0, message);
    let plan: Plan = serde_json::from_str(&text)
        .map_err(|error| specification(format!("the plan cannot be read: {error}")))?;
    plan::check(&plan).map_err(specification)?;
    let products = args.device.multiplies(args.products);
    products.map_err(|message| Failure::new(FailureKind::Machine, 0, message))?;
    let mut emit = |event| events::write(io::stdout().lock(), &event);
    emit(Event::Started).map_err(|e| error("nobody reads the report", e))?;
    let options = Options {
        device: args.device,
        checkpoints: Some(Checkpoints {
            directory: args.checkpoint_dir.clone(),
            every: Duration::try_from_secs_f64(args.checkpoint_every).unwrap_or(Duration::MAX),
        }),
        resume: None,
        data_sets: args.folder.data_sets.clone(),
        held: true,
    };
    train::go_on(&plan, options, &args.resume, &requests, &mut emit)
}

/// Without its worker a trainer has nobody to report to, and would compete with its successor for the device.
fn die_with(parent: u32) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have died before the line above.
    if getppid().is_none_or(|pid| pid.as_raw_nonzero().get().unsigned_abs() != parent) {
        return Err(io::Error::other("the worker is gone"));
    }
    Ok(())
}

fn read(path: &Path) -> io::Result<String> {
    if path.as_os_str() == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    std::fs::read_to_string(path)
}
